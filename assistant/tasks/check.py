"""The acceptance check: a command of the user's, run in a fresh container over a copy."""

import re
import shlex
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.resources import files
from itertools import islice
from typing import Protocol

from assistant.events import Checked, Checking, CodeBlock, ExecResult, Notice, Output
from assistant.following import followed
from assistant.prompts import prompt
from assistant.sandbox.protect import Protection, guarded, protected
from assistant.sandbox.review import listed
from assistant.sandbox.tree import Delta, Store, Tree, difference
from assistant.tasks.runners import (
    Runner,
    scripts_interpreted,
    scripts_named,
    scripts_of,
    started_by,
)

NO_REPORT = 250
BAD_REPORT = 251
_MOST_CHANGED = 400
"""Paths that are told to the supervisor, in an argument that may have 128 KiB."""

_DETAILS: Mapping[int, str] = {
    NO_REPORT: "it left without completing its test report, so exit status 0 does not count",
    BAD_REPORT: "its test report names a failure, a test that the code called off, or no test that"
    " passed",
    127: "a command of it was not found in the sandbox",
}


class Fresh(Protocol):
    """A sandbox that carries nothing over; see ``Executor`` for ``run``."""

    def put(self, delta: Delta, blobs: Store, /) -> None: ...
    def run(
        self, block: CodeBlock, seconds: float, /
    ) -> Generator[Output | Notice, None, ExecResult]: ...


class Folder(Protocol):
    """The workspace, as a check needs it: the user's own files, and the state to be judged."""

    @property
    def blobs(self) -> Store: ...
    @property
    def base(self) -> Tree: ...
    def look(self) -> Sequence[str]: ...
    def snapshot(self) -> Tree: ...


class CommandCheck:
    """Passes when ``command`` succeeds; its own tests come from the user, not from the code.

    For pytest, unittest and jest exit status 0 counts only with the runner's completed report of
    at least one passed test, and of none that the code itself had skipped. The report comes through
    a channel that the supervisor reads; code that runs inside the test process could still forge it
    with some effort.
    """

    def __init__(
        self,
        command: str,
        folder: Folder,
        open_fresh: Callable[[], AbstractContextManager[Fresh]],
        protect: Sequence[str] = (),
        subjects: Collection[str] = (),
    ) -> None:
        """``subjects`` are what the task is to change: scripts among them are the code's."""
        self.command = command
        self._folder, self._open_fresh = folder, open_fresh
        self._protect = [*map(_left_to_the_code, subjects), *protect]

    def run(self, seconds: float) -> Generator[Checking | Output | Notice, None, Checked]:
        yield Checking(self.command)
        for sentence in self._folder.look():
            yield Notice(sentence)
        base, after = self._folder.base, self._folder.snapshot()
        exam = self._exam(base, after, scripts_named(self.command, base))
        scripts = sorted({*scripts_named(self.command, base)} & {*exam.restored})
        said = (prompt("check_scripts", files=listed(scripts)),) if scripts else ()
        result = yield from self._judged(exam.tree, seconds)
        if result.ok:
            told = yield from self._without_changed(exam, after, seconds - result.seconds)
            said = (*said, *told)
        return Checked(
            passed=result.ok,
            command=self.command,
            exit_code=result.exit_code,
            output=result.output,
            detail=_detail(result, seconds),
            seconds=result.seconds,
            notes=(*exam.notes, *said, *result.notes),
        )

    def _exam(self, base: Tree, after: Tree, scripts: Sequence[str]) -> Protection:
        globs = _with_scripts(scripts, base, self._protect)
        return protected(base, after, globs, self._folder.blobs.get)

    def _judged(self, tree: Tree, seconds: float) -> Generator[Output | Notice, None, ExecResult]:
        base = self._folder.base
        with self._open_fresh() as sandbox:
            sandbox.put(difference({}, tree), self._folder.blobs)
            runner = started_by(self.command, self._scripts())
            code = supervised(self.command, runner, changed_code(base, tree))
            result = yield from sandbox.run(CodeBlock("bash", code), seconds)
        if result.reason == "cancelled":
            raise KeyboardInterrupt("during the check")
        return result

    def _without_changed(
        self, exam: Protection, after: Tree, seconds: float
    ) -> Generator[Notice, None, tuple[str, ...]]:
        """What is to be told where the check passes, but only since a script of the user's that
        its interpreter runs is not his own any more. That may be the work itself, so it passes."""
        base = self._folder.base
        named = scripts_named(self.command, base)
        read = scripts_interpreted(self.command, base, self._scripts())
        own = self._exam(base, after, [*named, *read])
        changed = sorted({*read} & ({*own.restored} - {*exam.restored}))
        if not changed:
            return ()
        yield Notice(f"the check passes; once more, with your own {listed(changed)}")
        judging = self._judged(own.tree, max(seconds, 1.0))
        if followed(judging).ok:
            return ()
        flags = " ".join(f"--protect {shlex.quote(path)}" for path in changed)
        return (prompt("check_script_changed", files=listed(changed), flags=flags),)

    def _scripts(self) -> Mapping[str, str]:
        """What the user's own package.json lets npm run."""
        entry = self._folder.base.get("package.json")
        if entry is None or entry.kind != "file":
            return {}
        return scripts_of(self._folder.blobs.get(entry.digest))


def protection(command: str, base: Tree, protect: Sequence[str]) -> list[str]:
    """Patterns of what a check takes from the user besides tests: the user's own scripts that its
    command starts, too. A later ``!path`` among ``protect`` leaves one to the code."""
    return _with_scripts(scripts_named(command, base), base, protect)


def _with_scripts(scripts: Sequence[str], base: Tree, protect: Sequence[str]) -> list[str]:
    files = (path for path in scripts if base[path].kind != "dir")
    return [*map(_exactly, files), *protect]


def _exactly(path: str) -> str:
    """A pattern that only this path fits."""
    return "/" + re.sub(r"([][*?!\\# ])", r"\\\1", path)


def _left_to_the_code(path: str) -> str:
    return "!" + _exactly(path)


def changed_code(before: Tree, after: Tree) -> list[str]:
    """The Python files that are not the user's, tests left out: a test that is skipped from in
    there is not the user's wish. Of very many the first."""
    found = (p for p, e in after.items() if p.endswith(".py") and e != before.get(p))
    return list(islice((path for path in found if not guarded(path)), _MOST_CHANGED))


def supervised(command: str, runner: Runner, changed: Sequence[str] = ()) -> str:
    """Shell code that runs ``command`` under the supervisor."""
    source = files("assistant.tasks").joinpath("check_supervisor.py").read_text(encoding="utf-8")
    call = f"\nmain({command!r}, {runner.name!r}, {runner.separator!r}, {list(changed)!r})\n"
    return f"exec python3 -I -c {shlex.quote(source + call)}\n"


def _detail(result: ExecResult, seconds: float) -> str:
    if result.ok:
        return ""
    if result.reason == "timeout":
        return f"it did not end within {seconds:g} s"
    if result.reason:
        return f"it was stopped: {result.reason}"
    return _DETAILS.get(result.exit_code, f"exit status {result.exit_code}")
