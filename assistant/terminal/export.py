"""A conversation as a file for others to read: Markdown, or the events as JSON lines."""

from collections.abc import Iterable
from pathlib import Path

from assistant.event_lines import to_json
from assistant.events import Checked, Event, Finished, Ran, Replied, Said, UsageError
from assistant.feedback import fenced
from assistant.terminal import words
from assistant.terminal.files import written


def export(events: Iterable[Event], name: str, folder: str) -> str:
    """Write the conversation to a file named by the user; what was written, in words."""
    path = Path(folder or ".", Path(name).expanduser())
    if path.exists():
        raise UsageError(f"{name} exists already", "/export to another name")
    if path.suffix == ".md":
        return written(path, markdown(events))
    if path.suffix == ".jsonl":
        return written(path, "".join(f"{to_json(event)}\n" for event in events))
    raise UsageError("/export needs a file that ends in .md or .jsonl", "/export talk.md")


def markdown(events: Iterable[Event]) -> str:
    """The conversation as Markdown: what was said, what ran, what came of it."""
    parts: list[str] = []
    for event in events:
        match event:
            case Said(text, "user"):
                parts.append(f"## You\n\n{text}")
            case Replied(text) if text.strip():
                parts.append(f"## Assistant\n\n{text}")
            case Ran(block, result):
                output = fenced(result.output) if result.output.strip() else ""
                parts.append(f"*{words.done(block, result)}*\n\n{output}".strip())
            case Checked():
                parts.append(f"*{words.verdict(event)}*\n\n{fenced(event.output)}")
            case Finished(status, detail):
                parts.append(f"*{words.joined((status, detail))}*")
    return "\n\n".join(parts) + "\n"
