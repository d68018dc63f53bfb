"""The format of a scripted conversation: TOML in, turns and expectations with line numbers out."""

import difflib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant.events import STATUSES, UsageError

NUMBER = (int, float)
TOP = {
    "model": str,
    "check": str,
    "folder": str,
    "image": str,
    "protect": list,
    "budget": dict,
    "turn": list,
    "improve": list,
}
BUDGET = {"replies": int, "tokens": int, "dollars": NUMBER, "seconds": NUMBER, "blocks": int}
TURN = {"say": str, "check": str, "expect": list}
IMPROVE = {
    "file": (str, list),
    "objective": str,
    "function": str,
    "check": str,
    "model": str,
    "allow_test_changes": bool,
    "expect": list,
}
EXPECT = {
    "status": str,
    "reply_contains": str,
    "reply_matches": str,
    "output_contains": str,
    "output_matches": str,
    "exit_code": int,
    "file": str,
    "contains": str,
    "matches": str,
    "equals": str,
    "exists": bool,
    "command": str,
    "replies_at_most": int,
    "tokens_at_most": int,
    "dollars_at_most": NUMBER,
    "seconds_at_most": NUMBER,
}
OF_A_FILE = ("contains", "matches", "equals", "exists")


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that must hold after a turn: ``kind`` names it, ``value`` is what is wanted.

    ``path`` is the workspace file that it speaks of, or "".
    """

    kind: str
    value: Any
    line: int
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return f"{self.path} {self.kind} {self.value!r}"
        return f"{self.kind} {self.value!r}"


@dataclass(frozen=True, slots=True)
class ScriptTurn:
    """A message; ``check`` is the check from it on, "" for none, None for the one before it."""

    say: str
    expectations: tuple[Expectation, ...]
    line: int
    check: str | None = None

    kind = "turn"


@dataclass(frozen=True, slots=True)
class ImproveStep:
    """One improve task of a script; ``settings`` holds its own model and check."""

    files: tuple[str, ...]
    objective: str
    expectations: tuple[Expectation, ...]
    line: int
    function: str = ""
    allow_tests: bool = False
    settings: dict[str, Any] = field(default_factory=dict)

    kind = "improve"


@dataclass(frozen=True, slots=True)
class Script:
    """A scripted conversation. ``settings`` holds model, check, image, protect and the caps."""

    file: str
    turns: tuple[ScriptTurn, ...]
    settings: dict[str, Any]
    folder: str = ""
    steps: tuple[ImproveStep, ...] = ()


def load_script(file: str) -> Script:
    """Read and check a script.

    Raises:
        UsageError: unreadable, no TOML, or a wrong key or value; names the line and the nearest
            right key.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read the script {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"cannot read the script {file}: it is not text in UTF-8") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"{file}: not valid TOML: {error}", "A script to begin with: docs/scripts.md"
        ) from error
    return _Reader(file, lines_of(text)).script(raw)


_HEADER = re.compile(r"^\s*(\[\[?)\s*([A-Za-z0-9_.\" -]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+|\"[^\"]*\")\s*(?:\.[^=]*)?=(.*)$")
_STRING = re.compile(r"\"\"\"|'''|\"(?:\\.|[^\"\\])*\"|'[^']*'|#.*")


def lines_of(text: str) -> dict[tuple[str | int, ...], int]:
    """The line on which each table and key of a TOML text begins, by its path."""
    lines: dict[tuple[str | int, ...], int] = {}
    counts: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    closing = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if closing:
            position = line.find(closing)
            closing = closing if position < 0 else _opens(line[position + 3 :])
        elif header := _HEADER.match(line):
            table = _table(header[2], counts, grows=header[1] == "[[")
            lines[table] = number
        elif key := _KEY.match(line):
            lines.setdefault((*table, key[1].strip('"')), number)
            closing = _opens(key[2])
    return lines


def _table(
    name: str, counts: dict[tuple[str | int, ...], int], grows: bool
) -> tuple[str | int, ...]:
    """The path of a header, with the number of the element wherever a table is an array's."""
    path: tuple[str | int, ...] = ()
    parts = [part.strip(' "') for part in name.split(".")]
    for index, part in enumerate(parts):
        path = (*path, part)
        if grows and index == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _opens(rest: str) -> str:
    """The quotes of a multi-line string that the rest of a line leaves open, or ""."""
    position = 0
    while found := _STRING.search(rest, position):
        quotes = found.group()
        if quotes not in ('"""', "'''"):
            position = found.end()
            continue
        end = rest.find(quotes, found.end())
        if end < 0:
            return quotes
        position = end + 3
    return ""


class _Reader:
    def __init__(self, file: str, lines: dict[tuple[str | int, ...], int]) -> None:
        self.file, self.lines = file, lines

    def wrong(self, path: tuple[str | int, ...], message: str, remedy: str = "") -> UsageError:
        return UsageError(f"{self.file}:{self.line(path)}: {message}", remedy)

    def line(self, path: tuple[str | int, ...]) -> int:
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def table(self, raw: Any, known: dict[str, Any], path: tuple[str | int, ...]) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise self.wrong(path, f"expected a table, got {type(raw).__name__}")
        for key, value in raw.items():
            here = (*path, key)
            if key not in known:
                near = difflib.get_close_matches(key, known, 1, 0.5)
                remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}"
                raise self.wrong(here, f"unknown key {key!r}", remedy)
            wrong_type = not isinstance(value, known[key])
            if wrong_type or (isinstance(value, bool) and known[key] is not bool):
                raise self.wrong(here, f"{key} has the wrong type: {type(value).__name__}")
        return raw

    def script(self, raw: Any) -> Script:
        top = self.table(raw, TOP, ())
        turns, steps = top.pop("turn", []), top.pop("improve", [])
        if not turns and not steps:
            raise self.wrong((), "a script needs at least one [[turn]] or [[improve]]")
        budget = self.table(top.pop("budget", {}), BUDGET, ("budget",))
        if "dollars" in budget:
            budget["dollars"] = str(budget["dollars"])
        folder = top.pop("folder", "")
        return Script(
            self.file,
            tuple(self.turn(turn, ("turn", index)) for index, turn in enumerate(turns)),
            {**top, **budget},
            str(Path(self.file).parent / folder) if folder else "",
            tuple(self.step(step, ("improve", index)) for index, step in enumerate(steps)),
        )

    def step(self, raw: Any, path: tuple[str | int, ...]) -> ImproveStep:
        step = self.table(raw, IMPROVE, path)
        named = step.get("file", [])
        files = (named,) if isinstance(named, str) else tuple(named)
        if not files or not all(isinstance(file, str) and file for file in files):
            raise self.wrong((*path, "file"), "a step needs a file, or a list of files")
        if not step.get("objective", "").strip():
            raise self.wrong(path, "a step needs an objective")
        return ImproveStep(
            files,
            step["objective"],
            self.expected(step, path),
            self.line(path),
            step.get("function", ""),
            step.get("allow_test_changes", False),
            {key: step[key] for key in ("model", "check") if key in step},
        )

    def turn(self, raw: Any, path: tuple[str | int, ...]) -> ScriptTurn:
        turn = self.table(raw, TURN, path)
        if not turn.get("say", "").strip():
            raise self.wrong(path, "a turn needs something to say")
        return ScriptTurn(
            turn["say"], self.expected(turn, path), self.line(path), turn.get("check")
        )

    def expected(
        self, table: dict[str, Any], path: tuple[str | int, ...]
    ) -> tuple[Expectation, ...]:
        return tuple(
            one
            for index, raw_one in enumerate(table.get("expect", []))
            for one in self.expectations(raw_one, (*path, "expect", index))
        )

    def expectations(self, raw: Any, path: tuple[str | int, ...]) -> list[Expectation]:
        """One table may expect several things; those about a file go with its name."""
        table = dict(self.table(raw, EXPECT, path))
        if not table:
            raise self.wrong(path, "an empty expectation")
        file = table.pop("file", "")
        about = [key for key in table if key in OF_A_FILE]
        if file and not about:
            table["exists"] = True
        if about and not file:
            raise self.wrong((*path, about[0]), f"{about[0]} needs a file")
        status = table.get("status")
        if status is not None and status not in STATUSES:
            remedy = f"Known: {', '.join(STATUSES)}"
            raise self.wrong((*path, "status"), f"unknown status {status!r}", remedy)
        self.patterns(table, path)
        return [
            Expectation(key, value, self.line((*path, key)), file if key in OF_A_FILE else "")
            for key, value in table.items()
        ]

    def patterns(self, table: dict[str, Any], path: tuple[str | int, ...]) -> None:
        for key in (key for key in table if key.endswith("matches")):
            try:
                re.compile(table[key])
            except re.error as error:
                raise self.wrong((*path, key), f"no regular expression: {error}") from error
