"""A conversation as a file: Markdown or HTML to read, JSON lines, or a script that runs again."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.event_lines import to_json
from assistant.events import Checked, Event, Finished, Ran, Replied, Said, Started, UsageError
from assistant.feedback import fenced, set_check_of
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
                trimmed = text.strip("\n")
                parts.append(f"## Assistant\n\n{trimmed}")
            case Ran(block, result):
                output = fenced(result.output) if result.output.strip() else ""
                parts.append(f"*{words.done(block, result)}*\n\n{output}".strip())
            case Checked():
                parts.append(f"*{words.verdict(event)}*\n\n{fenced(event.output)}")
            case Finished(status, detail):
                parts.append(f"*{words.joined((status, detail))}*")
    return "\n\n".join(parts) + "\n"


def script(events: Sequence[Event], session: str) -> str:
    """The user's messages as a script for ``assistant script``, which expects the same endings.

    With ``--model replay:SESSION`` it needs no model.
    """
    turns = list(_turns(events))
    if not turns:
        raise UsageError("nothing was said yet that a script could say")
    lines = [f"# Made from the session {session or '(unnamed)'}. To run it without a model, in a"]
    lines += ["# folder as it was when the session began:"]
    lines += [f"# assistant script FILE --model replay:{session}", ""]
    started = next((event.check for event in events if isinstance(event, Started)), "")
    lines += [f"check = {_toml(started)}", ""] if started else []
    for turn in turns:
        lines += ["[[turn]]", f"say = {_toml(turn.say)}"]
        lines += [f"check = {_toml(turn.check)}"] if turn.check is not None else []
        lines += ["# It was stopped by hand."] if turn.status == "interrupted" else []
        lines += [f'expect = [{{ status = "{turn.status}" }}]'] if turn.status else []
        lines.append("")
    return "\n".join(lines)


@dataclass(slots=True)
class _Turn:
    """A message, the check that was set just before it (None: no other), and its ending."""

    say: str
    check: str | None
    status: str = ""


def _turns(events: Iterable[Event]) -> Iterator[_Turn]:
    turn: _Turn | None = None
    check: str | None = None
    for event in events:
        match event:
            case Said(text, "user"):
                if turn:
                    yield turn
                turn, check = _Turn(text, check), None
            case Said(text, "result"):
                told = set_check_of(text)
                check = check if told is None else told
            case Finished() if turn:
                turn.status = event.status
    if turn:
        yield turn


def _toml(text: str) -> str:
    """A string of TOML; over several lines where the text is."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    quoted = [json.dumps(line, ensure_ascii=False)[1:-1] for line in text.split("\n")]
    if len(quoted) == 1:
        return '"' + quoted[0].replace("\x7f", "\\u007f") + '"'
    body = "\n".join(quoted).replace("\x7f", "\\u007f")
    return f'"""\n{body}"""'
