"""Judges answers by running files beside them, each in a sandbox that carries nothing over."""

import re
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from hashlib import sha256
from typing import Any, Self

from assistant.evals.humaneval_x import NOT_COMPILED
from assistant.evals.in_files import InFiles
from assistant.events import CodeBlock, ExecResult, SandboxError
from assistant.following import followed
from assistant.sandbox.tree import Delta, Entry
from assistant.verdicts.pool import failed_twice
from assistant.verdicts.task import Candidate, Task, Verdict

_KIND = re.compile(
    r"^(?:Uncaught |Exception in thread \".*\" )?(?:[\w.]+\.)?(\w+(?:Error|Exception))\b",
    re.MULTILINE,
)
_WRONG = re.compile(
    r"^(?:Error: |Exception in thread \".*\" java\.lang\.)?AssertionError\b"
    r"|: Assertion `.*' failed\.$"  # C++
    r"|^\s+Error Trace:\s"  # Go's testify
    r"|panicked at 'assertion failed|^assertion .*failed",  # Rust, older and newer
    re.MULTILINE,
)
_KEPT = 2000


class FileJudges:
    """As many sandboxes as workers, each opened when it is first needed and kept."""

    def __init__(self, opener: Callable[[], AbstractContextManager[Any]], workers: int) -> None:
        self._open, self._workers = opener, workers
        self._own = threading.local()
        self._stack = ExitStack()
        self._sandboxes: list[Any] = []
        self._over = False
        self._lock = threading.Lock()
        self._known: dict[str, Future[Verdict]] = {}

    def __enter__(self) -> Self:
        self._threads = ThreadPoolExecutor(self._workers, "judge-files")
        return self

    def __exit__(self, *_: object) -> None:
        """What has no verdict yet is cancelled, or fails with SandboxError."""
        with self._lock:
            self._over = True
        for sandbox in self._sandboxes:
            sandbox.abort()
        self._threads.shutdown(cancel_futures=True)
        self._stack.close()

    def submit(self, task: InFiles, candidate: Candidate) -> "Future[Verdict]":
        """The verdict to come; equal ones are judged once."""
        key = sha256(repr((task, candidate.code)).encode("utf-8", "surrogatepass")).hexdigest()
        with self._lock:
            if key not in self._known:
                self._known[key] = self._threads.submit(self._judge, task, candidate.code or "")
            return self._known[key]

    def _judge(self, task: InFiles, code: str) -> Verdict:
        if not code.strip():
            return Verdict("no_code_in_reply")
        try:
            return self._run(task, code)
        except SandboxError:
            if self._over:
                raise
            self._own.sandbox = None
        try:
            return self._run(task, code)
        except SandboxError as error:
            if self._over:
                raise
            self._own.sandbox = None
            return failed_twice(error)

    def _run(self, task: InFiles, code: str) -> Verdict:
        mark = secrets.token_hex(16)
        store = _Store()
        written = {
            # Lone surrogates are in no file.
            path: store.entry(text.encode("utf-8", "replace"))
            for path, text in task.files.written(code, mark).items()
        }
        sandbox = self._sandbox()
        there: frozenset[str] = getattr(self._own, "paths", frozenset())
        sandbox.put(Delta(written, tuple(sorted(there - written.keys()))), store)
        self._own.paths = frozenset(written)
        run = sandbox.run(CodeBlock("bash", _command(task, mark)), task.limits.seconds)
        return verdict_of(followed(run), mark)

    def _sandbox(self) -> Any:
        if getattr(self._own, "sandbox", None) is None:
            opened = self._open()
            with self._lock:
                if self._over:
                    raise SandboxError("The judges have ended")
                self._own.sandbox = self._stack.enter_context(opened)
                self._sandboxes.append(self._own.sandbox)
            self._own.paths = frozenset()
        return self._own.sandbox


def _command(task: InFiles, mark: str) -> str:
    """What runs the tests. That their program is missing is told apart from an exit status, which
    an answer may choose."""
    look = f"command -v {task.files.needs or 'sh'} >/dev/null"
    return f"{look} || {{ echo {missing(mark)}; exit 127; }}\n{task.files.command}"


def missing(mark: str) -> str:
    """The line that tells it; no pass can be made of it."""
    return sha256(mark.encode()).hexdigest()


def verdict_of(result: ExecResult, mark: str) -> Verdict:
    """What the end of such a program means: only the line at its end is a pass."""
    lines = result.output.rstrip().split("\n")
    seconds, told = result.seconds, result.output.replace(mark, "")[-_KEPT:]
    if result.reason == "timeout":
        return Verdict("timeout", told, seconds=seconds)
    if result.reason == "memory":
        return Verdict("out_of_memory", told, seconds=seconds)
    if lines[-1:] == [missing(mark)]:
        return Verdict("harness_error", "The program that runs the tests is missing")
    if result.reason == "cancelled":
        return Verdict("harness_error", told, seconds=seconds)
    if result.exit_code == 0 and lines[-1:] == [mark]:
        return Verdict("passed", seconds=seconds, output=told[:_KEPT].rstrip())
    if result.exit_code == NOT_COMPILED:
        return Verdict("syntax_error", told, seconds=seconds)
    if _WRONG.search(result.output):
        return Verdict("wrong_answer", told, seconds=seconds)
    kinds = _KIND.findall(result.output)
    if kinds and kinds[-1] in ("SyntaxError", "IndentationError", "TabError"):
        return Verdict("syntax_error", told, seconds=seconds)
    if result.exit_code == 0:
        return Verdict("exit_before_verdict", told, seconds=seconds)
    return Verdict("runtime_error", told, kinds[-1] if kinds else "", seconds=seconds)


class _Store:
    """The contents of the files of one answer."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def entry(self, data: bytes) -> Entry:
        return Entry("file", 0o644, len(data), self.put(data))

    def put(self, data: bytes, /) -> str:
        digest = sha256(data).hexdigest()
        self._held[digest] = data
        return digest

    def get(self, digest: str, /) -> bytes:
        return self._held[digest]


class BothJudges:
    """Hands each task to the judges of its kind."""

    def __init__(self, apart: Any, in_files: FileJudges) -> None:
        self._apart, self._in_files = apart, in_files

    def submit(self, task: Task | InFiles, candidate: Candidate, /) -> "Future[Verdict]":
        if isinstance(task, InFiles):
            return self._in_files.submit(task, candidate)
        verdict: Future[Verdict] = self._apart.submit(task, candidate)
        return verdict
