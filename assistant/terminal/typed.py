"""A message of the user's as rows; of a long one the beginning and the end."""

from collections.abc import Iterator

from assistant.terminal.theme import Line

WHOLE = 40
"""Lines of a message that are shown whole."""
_HEAD, _TAIL = 20, 10


def typed(text: str) -> Iterator[Line]:
    """The rows of a message. What is asked often stands after what was pasted."""
    lines = text.split("\n")
    if len(lines) > WHOLE:
        left_out = len(lines) - _HEAD - _TAIL
        lines = [*lines[:_HEAD], f"… {left_out:,} more lines …", *lines[-_TAIL:]]
    for number, line in enumerate(lines):
        yield [("class:prompt", "  " if number else "> "), ("class:user", line)]
