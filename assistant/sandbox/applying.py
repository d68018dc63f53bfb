"""Writing the copy's changes into the user's folder: all files or none, also across a crash.

The journal ``store/applies.jsonl`` gets a line with all steps before the first one is taken, and
one when the last is done. What is replaced is in the store before that, so that it can come back.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.events import AssistantError, UsageError
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.lines import Lines
from assistant.sandbox.overlay import Edit
from assistant.sandbox.points import entry_in, entry_out
from assistant.sandbox.safe_files import Root, shown
from assistant.sandbox.standing import Edits, exact
from assistant.sandbox.writeback import back_up, perform, take_back, temporaries

JOURNAL = "applies.jsonl"
BLOBS = "blobs"


@dataclass(frozen=True, slots=True)
class Applied:
    """An apply that is done: its id, and the paths that it wrote or removed."""

    id: str
    files: tuple[str, ...]


class ApplyRefused(UsageError):
    """Nothing was written, since some files may not be; ``reasons`` by path."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        first = "; ".join(f"{shown(path)}: {why}" for path, why in list(reasons.items())[:5])
        more = f"; and {len(reasons) - 5} more" if len(reasons) > 5 else ""
        super().__init__(
            f"nothing was applied: {first}{more}",
            "Look at the diff, settle these files or name the others, and apply again.",
        )
        self.reasons = dict(reasons)


def apply_edits(
    folder: str, store: Path, edits: Edits, blobs: Blobs, *, undoes: str = ""
) -> Applied:
    """Make the folder's files what ``edits`` say, if they still are what ``edits`` say they were.

    Raises ApplyRefused where nothing was begun, AssistantError where what was begun is taken back.
    """
    with _opened(folder) as root, Lines(store / JOURNAL) as journal:
        journal.lock()
        if _open_apply(journal):
            raise AssistantError(
                f"{shown(folder)}: an earlier apply was cut off and is not yet taken back",
                "Start again: that takes it back, or says what stands in the way.",
            )
        made, refused = exact(root, edits, restoring=bool(undoes))
        if refused:
            raise ApplyRefused(refused)
        name = secrets.token_hex(4)
        places = temporaries(root, made, name)
        written = {p: [entry_out(e.was), entry_out(e.now)] for p, e in made.items()}
        begin = {"kind": "begin", "apply": name, "folder": folder, "undoes": undoes}
        try:
            back_up(root, made, blobs)
            journal.append({**begin, "edits": written, "temporary": list(places.values())})
            perform(root, made, places, blobs)
            _end(journal, {"apply": name, "outcome": "done"})
        except BaseException as error:
            _take_back_now(root, journal, blobs)
            if isinstance(error, OSError | AssistantError):
                raise AssistantError(
                    f"nothing was applied: {_line(error)}", "Your files are as they were."
                ) from error
            raise
    return Applied(name, tuple(sorted(made)))


def _take_back_now(root: Root, journal: Lines, blobs: Blobs) -> None:
    begun = _open_apply(journal)
    if begun is None:
        return
    try:
        _end(journal, _undone(root, begun, blobs))
    except (OSError, AssistantError) as error:
        raise AssistantError(
            f"the apply failed half-way and cannot be taken back now: {_line(error)}",
            "Mend this and start again: what it changed is then taken back; nothing is lost.",
        ) from error


def _opened(folder: str) -> Root:
    try:
        return Root(folder)
    except OSError as error:
        raise UsageError(f"{shown(folder)}: cannot be opened: {error.strerror}") from error


def recover(store: Path) -> list[str]:
    """Take back an apply that a crash cut in two; returns what to tell the user.

    Does nothing while another process is at it.
    """
    if not (store / JOURNAL).exists() or not _open_apply(Lines(store / JOURNAL)):
        return []
    with Lines(store / JOURNAL) as journal:
        try:
            journal.lock()
        except AssistantError:
            return []
        begun = _open_apply(journal)
        if begun is None:
            return []
        folder = begun["folder"]
        try:
            with Root(folder) as root, Blobs(store / BLOBS) as blobs:
                end = _undone(root, begun, blobs)
        except OSError as error:
            return [f"{shown(folder)}: an apply was cut off and cannot be taken back: {error}"]
        _end(journal, end)
        told = [f"{shown(folder)}: an apply was cut off by a crash; all of it was taken back"]
        return told + [f"{shown(path)}: left as it is: {why}" for path, why in end["left"]]


def undo_apply(store: Path, blobs: Blobs) -> Applied:
    """Bring back what the last apply replaced, if nobody changed those files since.

    Raises UsageError where there is none, ApplyRefused where files changed.
    """
    done = [begun for begun, outcome in applies(store) if outcome == "done"]
    undone = {begun["undoes"] for begun in done}
    last = next((b for b in reversed(done) if not b["undoes"] and b["apply"] not in undone), None)
    if last is None:
        raise UsageError("there is no apply to undo")
    back = {path: Edit(edit.now, edit.was) for path, edit in edits_of(last).items()}
    return apply_edits(last["folder"], store, back, blobs, undoes=last["apply"])


def applies(store: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Each apply that was begun, oldest first, with its outcome: "done", "taken back" or ""."""
    if not (store / JOURNAL).exists():
        return
    entries = Lines(store / JOURNAL).entries
    outcomes = {e["apply"]: str(e["outcome"]) for e in entries if e["kind"] == "end"}
    for entry in entries:
        if entry["kind"] == "begin":
            yield entry, outcomes.get(entry["apply"], "")


def edits_of(begun: Mapping[str, Any]) -> dict[str, Edit]:
    """The edits of an apply, as the journal has them."""
    return {p: Edit(entry_in(was), entry_in(now)) for p, (was, now) in begun["edits"].items()}


def _open_apply(journal: Lines) -> dict[str, Any] | None:
    last = journal.entries[-1] if journal.entries else None
    return last if last and last["kind"] == "begin" else None


def _undone(root: Root, begun: Mapping[str, Any], blobs: Blobs) -> dict[str, Any]:
    left = take_back(root, edits_of(begun), begun["temporary"], begun["apply"], blobs)
    return {"apply": begun["apply"], "outcome": "taken back", "left": left}


def _end(journal: Lines, end: dict[str, Any]) -> None:
    journal.append({"kind": "end", **end})


def _line(error: OSError | AssistantError) -> str:
    if isinstance(error, AssistantError):
        return error.message
    return f"{shown(str(error.filename))}: {error.strerror}" if error.filename else str(error)
