"""The acceptance check: a command of the user's, run in a fresh container over a copy."""

import re
import shlex
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.resources import files
from typing import Protocol

from assistant.events import Checked, Checking, CodeBlock, ExecResult, Notice, Output
from assistant.sandbox.protect import protected
from assistant.sandbox.tree import Delta, Tree, difference

NO_REPORT = 250
BAD_REPORT = 251

_RUNNERS = {
    "pytest": "pytest",
    "py.test": "pytest",
    "pytest-3": "pytest",
    "unittest": "unittest",
    "unittest.main": "unittest",
    "jest": "jest",
}
_PLACE = re.compile(r"^(.*bin|\.)/")
_OPERATORS = re.compile(r"[;&|()<>]+|\n")
_NO_RUNNERS = frozenset(
    ("cat", "echo", "find", "grep", "ls", "pip", "pip3", "printf", "rg", "which")
)
"""Commands whose arguments may name a test runner without starting it."""
_DETAILS: Mapping[int, str] = {
    NO_REPORT: "it left without completing its test report, so exit status 0 does not count",
    BAD_REPORT: "its test report names a failure, or no test that passed",
    127: "a command of it was not found in the sandbox",
}


class Store(Protocol):
    def put(self, data: bytes, /) -> str: ...
    def get(self, digest: str, /) -> bytes: ...


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
    at least one passed test. The report comes through a channel that the supervisor reads; code
    that runs inside the test process could still forge it with some effort.
    """

    def __init__(
        self,
        command: str,
        folder: Folder,
        open_fresh: Callable[[], AbstractContextManager[Fresh]],
        protect: Sequence[str] = (),
    ) -> None:
        self.command = command
        self._folder, self._open_fresh, self._protect = folder, open_fresh, tuple(protect)

    def run(self, seconds: float) -> Generator[Checking | Output | Notice, None, Checked]:
        yield Checking(self.command)
        for sentence in self._folder.look():
            yield Notice(sentence)
        exam = protected(
            self._folder.base, self._folder.snapshot(), self._protect, self._folder.blobs.get
        )
        with self._open_fresh() as sandbox:
            sandbox.put(difference({}, exam.tree), self._folder.blobs)
            result = yield from sandbox.run(CodeBlock("bash", supervised(self.command)), seconds)
        if result.reason == "cancelled":
            raise KeyboardInterrupt("during the check")
        return Checked(
            passed=result.ok,
            command=self.command,
            exit_code=result.exit_code,
            output=result.output,
            detail=_detail(result, seconds),
            seconds=result.seconds,
            notes=(*exam.notes, *result.notes),
        )


def supervised(command: str) -> str:
    """Shell code that runs ``command`` under the supervisor."""
    source = files("assistant.tasks").joinpath("check_supervisor.py").read_text(encoding="utf-8")
    call = f"\nmain({command!r}, {runner_of(command)!r})\n"
    return f"exec python3 -I -c {shlex.quote(source + call)}\n"


def runner_of(command: str) -> str:
    """The test runner that a shell command starts, "" where none is seen.

    A name counts as a word of its own; inside quotes it is looked for again, as in
    ``sh -c "pytest -q"``.
    """
    first, idle = True, False
    for word in _words(command):
        if _OPERATORS.fullmatch(word):
            first, idle = True, False
            continue
        if first:
            first, idle = "=" in word, word.rpartition("/")[2] in _NO_RUNNERS
        if idle:
            continue
        quoted = " " in word and len(word) < len(command)
        runner = runner_of(word) if quoted else _RUNNERS.get(_PLACE.sub("", word), "")
        if runner:
            return runner
    return ""


def _words(command: str) -> list[str]:
    lexer = shlex.shlex(command.replace("\n", ";"), posix=True, punctuation_chars=True)
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # A quote without an end: the shell will refuse it too.
        return command.split()


def _detail(result: ExecResult, seconds: float) -> str:
    if result.ok:
        return ""
    if result.reason == "timeout":
        return f"it did not end within {seconds:g} s"
    if result.reason:
        return f"it was stopped: {result.reason}"
    return _DETAILS.get(result.exit_code, f"exit status {result.exit_code}")
