"""The history of a copy: each executed block is a point, kept across crashes; undo and redo."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.events import AssistantError, UsageError
from assistant.sandbox.disk import StoreError
from assistant.sandbox.lines import Lines
from assistant.sandbox.overlay import Edit, shifted, stepped
from assistant.sandbox.tree import Entry

VERSION = 1
Step = dict[str, Edit | None]


@dataclass(frozen=True, slots=True)
class Point:
    """The state after a block. ``current`` is where the copy is now."""

    point: str
    title: str
    files: tuple[str, ...]
    current: bool = False


@dataclass(slots=True)
class _Taken:
    """A point with the overlay's values for what it changed: before it, and after it."""

    point: str
    title: str
    back: Step
    on: Step


class History:
    """The points of one session, in ``store/points.jsonl``; each line is as large as its change."""

    def __init__(self, store: Path) -> None:
        self._lines = Lines(store / "points.jsonl")
        self._taken: list[_Taken] = []
        self._at = 0
        self._count = 0
        self._late: list[dict[str, Any]] = []
        self.overlay: dict[str, Edit] = {}
        self.folder = ""
        self.applied: set[str] = set()
        """The applies (and their undoes) that the points know of."""
        for entry in self._lines.entries:
            self._take(entry)

    def close(self) -> None:
        self._lines.close()

    def start(self, folder: str) -> None:
        """Write down whose copy this is, once."""
        if not self._lines.entries:
            self._note({"kind": "start", "version": VERSION, "folder": folder})

    def block(self, step: Step, title: str) -> str:
        """A block has run: a new point, in place of undone ones if it changed anything; its id."""
        self._note({"kind": "block", "title": title[:200], "step": _written(step)})
        return self.current

    def aside(self, step: Step) -> None:
        """A change that is no point of its own: the user's edits, a conflict that was settled."""
        if step:
            self._note({"kind": "aside", "step": _written(step)})

    def more(self, step: Step) -> None:
        """What changed after the last block, in the background: it belongs to its point."""
        if step:
            self._note({"kind": "more", "step": _written(step)})

    def move(self, blocks: int) -> str:
        """Undo (``blocks`` below 0) or redo that many blocks that changed files.

        Returns the point where the copy is then, "" for the start. Raises UsageError where there
        is nothing to undo or redo.
        """
        target, left = self._at, abs(blocks)
        while left and 0 <= (next_one := target - 1 if blocks < 0 else target) < len(self._taken):
            target += 1 if blocks > 0 else -1
            left -= bool(self._taken[next_one].on)
        if left == abs(blocks):
            raise UsageError(
                "there is nothing to undo" if blocks < 0 else "there is nothing to redo"
            )
        self._note({"kind": "at", "at": target})
        return self.current

    def go(self, point: str) -> str:
        """Move to a point by its id, "" for the start; returns it."""
        ids = ["", *(taken.point for taken in self._taken)]
        if point not in ids:
            raise UsageError(f"there is no point {point!r} to go to")
        self._note({"kind": "at", "at": ids.index(point)})
        return point

    def shift(self, apply: str, paths: Mapping[str, tuple[Entry | None, Entry | None]]) -> None:
        """The folder itself went from one entry to another by an apply (or its undo).

        That has happened, so a full disk does not stop it: it is written before the next line.
        """
        written = {path: [entry_out(a), entry_out(b)] for path, (a, b) in paths.items()}
        entry = {"kind": "applied", "apply": apply, "paths": written}
        try:
            self._note(entry)
        except StoreError:
            self._late.append(entry)
            self._take(entry)

    @property
    def current(self) -> str:
        """The point where the copy is now, "" for the start."""
        return self._taken[self._at - 1].point if self._at else ""

    def points(self) -> list[Point]:
        """All points that undo and redo can reach, oldest first."""
        return [
            Point(taken.point, taken.title, tuple(sorted(taken.on)), number == self._at)
            for number, taken in enumerate(self._taken, start=1)
        ]

    def _note(self, entry: dict[str, Any]) -> None:
        while self._late:
            self._lines.append(self._late[0])
            del self._late[0]
        self._lines.append(entry, durable=entry.get("step") != {})
        self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        kind = entry.get("kind")
        if kind == "start":
            if entry["version"] != VERSION:
                raise AssistantError(
                    f"{self._lines.path}: written by another version ({entry['version']})",
                    "Use the version that wrote it, or start a new session.",
                )
            self.folder = entry["folder"]
        elif kind == "block":
            step = _read(entry["step"])
            self._count += 1
            if step:  # A block that changed nothing takes no way forward away.
                del self._taken[self._at :]
            back = {path: self.overlay.get(path) for path in step}
            self._taken.insert(self._at, _Taken(str(self._count), entry["title"], back, step))
            self._at += 1
            self.overlay = stepped(self.overlay, step)
        elif kind == "aside":
            self.overlay = stepped(self.overlay, _read(entry["step"]))
        elif kind == "more":
            step = _read(entry["step"])
            if self._at:
                last = self._taken[self._at - 1]
                last.back = {path: self.overlay.get(path) for path in step} | last.back
                last.on = last.on | step
            self.overlay = stepped(self.overlay, step)
        elif kind == "at":
            self._walk(entry["at"])
        elif kind == "applied":
            self._shift(entry)

    def _walk(self, target: int) -> None:
        while self._at > target:
            self._at -= 1
            self.overlay = stepped(self.overlay, self._taken[self._at].back)
        while self._at < target:
            self.overlay = stepped(self.overlay, self._taken[self._at].on)
            self._at += 1

    def _shift(self, entry: dict[str, Any]) -> None:
        self.applied.add(entry["apply"])
        for path, (before, after) in entry["paths"].items():
            known = self.overlay.get(path)
            ends = entry_in(before), entry_in(after), known.now if known else entry_in(after)
            for taken in self._taken:
                for step in (taken.back, taken.on):
                    if path in step:
                        step[path] = shifted(step[path], *ends)
            self.overlay = stepped(self.overlay, {path: shifted(known, *ends)})


def _written(step: Step) -> dict[str, Any]:
    return {
        path: [entry_out(edit.was), entry_out(edit.now)] if edit else None
        for path, edit in step.items()
    }


def _read(step: dict[str, Any]) -> Step:
    return {
        path: Edit(entry_in(edit[0]), entry_in(edit[1])) if edit else None
        for path, edit in step.items()
    }


def entry_out(entry: Entry | None) -> list[Any] | None:
    """An entry as it is written in JSON."""
    if entry is None:
        return None
    if entry.kind == "file":
        return ["file", entry.mode, entry.size, entry.digest]
    return ["dir", entry.mode] if entry.kind == "dir" else ["link", entry.mode, entry.target]


def entry_in(data: list[Any] | None) -> Entry | None:
    """What ``entry_out`` wrote."""
    if data is None:
        return None
    kind, mode, *rest = data
    if kind == "file":
        return Entry("file", mode, rest[0], rest[1])
    return Entry("dir", mode) if kind == "dir" else Entry("link", mode, target=rest[0])
