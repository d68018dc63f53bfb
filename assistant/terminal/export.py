"""A conversation as a file: Markdown or HTML to read, JSON lines, or a script that runs again."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from assistant.event_lines import to_json
from assistant.events import Checked, Event, Finished, Ran, Replied, Said, Started, UsageError
from assistant.feedback import fenced
from assistant.terminal import words
from assistant.terminal.files import written
from assistant.terminal.page import page

KINDS = {
    ".md": lambda events, session: markdown(events),
    ".html": lambda events, session: page(events, session),
    ".jsonl": lambda events, session: "".join(f"{to_json(event)}\n" for event in events),
    ".toml": lambda events, session: script(events, session),
}


def export(events: Sequence[Event], name: str, folder: str, session: str = "") -> str:
    """Write the conversation to a file named by the user; what was written, in words."""
    path = Path(folder or ".", Path(name).expanduser())
    if path.suffix not in KINDS:
        raise UsageError(f"/export needs a file that ends in {', '.join(KINDS)}", "/export talk.md")
    if path.exists():
        raise UsageError(f"{name} exists already", "/export to another name")
    return written(path, KINDS[path.suffix](events, session))


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


def script(events: Iterable[Event], session: str) -> str:
    """The user's messages as a script for ``assistant script``, which expects the same endings.

    With ``--model replay:SESSION`` it needs no model.
    """
    turns: list[tuple[str, str]] = []
    check = ""
    for event in events:
        match event:
            case Started():
                check = event.check
            case Said(text, "user"):
                turns.append((text, ""))
            case Finished() if turns:
                turns[-1] = (turns[-1][0], event.status)
    if not turns:
        raise UsageError("nothing was said yet that a script could say")
    lines = [f"# Made from the session {session or '(unnamed)'}. To run it without a model:"]
    lines += [f"# assistant script FILE --model replay:{session}", ""]
    lines += [f"check = {_toml(check)}", ""] if check else []
    for text, status in turns:
        lines += ["[[turn]]", f"say = {_toml(text)}"]
        # What was stopped by hand is not to be expected of a script.
        lines += (
            [f'expect = [{{ status = "{status}" }}]'] if status and status != "interrupted" else []
        )
        lines.append("")
    return "\n".join(lines)


def _toml(text: str) -> str:
    """A string of TOML; over several lines where the text is."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    quoted = [json.dumps(line, ensure_ascii=False)[1:-1] for line in text.split("\n")]
    if len(quoted) == 1:
        return '"' + quoted[0].replace("\x7f", "\\u007f") + '"'
    body = "\n".join(quoted).replace("\x7f", "\\u007f")
    return f'"""\n{body}"""'
