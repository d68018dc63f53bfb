"""From text to blocks of code: fences, languages, edits. Pure: no input, no output."""
