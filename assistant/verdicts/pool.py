"""Sandboxes that stand ready and judge solutions as they come in, from any thread."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Self

from assistant.events import SandboxError, SandboxKilled
from assistant.verdicts.judgement import FULL_DISK, Fresh, judge, program
from assistant.verdicts.task import Candidate, Task, Verdict, digest

OpenExecutor = Callable[[], AbstractContextManager[Fresh]]
Job = tuple[Task, Candidate]


@dataclass(slots=True, eq=False)
class _Asked:
    task: Task
    candidate: Candidate
    key: str
    verdict: Future[Verdict] = field(default_factory=Future)


class JudgePool:
    """``workers`` sandboxes, opened as soon as the pool is entered and closed when it is left.

    Equal samples (task, tests, limits, code) are judged once while the pool is open, unless
    ``again``. A harness error, a full disk, or a sandbox that fails is tried once more, in a new
    sandbox; a solution whose container is killed twice has run out of memory. Where no sandbox
    can be had at all, every verdict asked for raises SandboxError.
    """

    def __init__(self, open_executor: OpenExecutor, workers: int = 2, again: bool = False) -> None:
        self._open, self._again = open_executor, again
        self._waiting: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._known: dict[str, Future[Verdict]] = {}
        self._executors: set[Fresh] = set()
        self._lock = threading.Lock()
        self._closing = False
        self._fault: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"judge-{number}", daemon=True)
            for number in range(max(1, workers))
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """What has no verdict yet is cancelled."""
        self._end(None)
        with self._lock:
            using = list(self._executors)
        for executor in using:
            executor.abort()
        for thread in self._threads:
            thread.join()

    def judge(self, task: Task, candidate: Candidate) -> Verdict:
        """The verdict, waited for."""
        return self.submit(task, candidate).result()

    def submit(self, task: Task, candidate: Candidate) -> "Future[Verdict]":
        """The verdict to come. Not to be cancelled: others may wait for the same one."""
        key = "" if self._again else digest(task, candidate, "")
        with self._lock:
            if key in self._known:
                return self._known[key]
            asked = _Asked(task, candidate, key)
            if self._fault is not None:
                asked.verdict.set_exception(self._fault)
            elif self._closing:
                asked.verdict.cancel()
            else:
                if key:
                    self._known[key] = asked.verdict
                self._waiting.put(asked)
        return asked.verdict

    def _end(self, fault: BaseException | None) -> None:
        """No more work: what waits fails with ``fault`` or is cancelled, and the workers go."""
        with self._lock:
            self._closing = True
            self._fault = self._fault or fault
            while not self._waiting.empty():
                self._drop(self._waiting.get())
            for _ in self._threads:
                self._waiting.put(None)

    def _drop(self, asked: _Asked | None) -> None:
        if asked is not None and self._fault is not None:
            asked.verdict.set_exception(self._fault)
        elif asked is not None:
            asked.verdict.cancel()

    def _work(self) -> None:
        """The life of one worker: one sandbox after the other, as long as there may be work."""
        failed: _Asked | None = None
        try:
            while not self._closing:
                failed = self._with_one(failed)
            self._drop(failed)
        except BaseException as fault:
            self._end(fault)
            if not isinstance(fault, Exception):
                raise

    def _with_one(self, failed: _Asked | None) -> _Asked | None:
        """Works in one sandbox; returns what is to be judged again in another one."""
        asked = failed
        try:
            with self._open() as executor, self._used(executor):
                executor.prepare(program())
                executor.open()
                while asked is not None or (asked := self._waiting.get()) is not None:
                    verdict = judge(executor, asked.task, asked.candidate)
                    if _doubtful(verdict) and asked is not failed:
                        return asked
                    self._tell(asked, verdict)
                    asked = None
        except SandboxError as error:
            if self._closing:
                return asked
            if asked is None:
                raise
            if asked is not failed:
                return asked
            self._tell(asked, failed_twice(error))
        except BaseException as fault:
            if asked is not None:
                asked.verdict.set_exception(fault)
            raise
        return None

    @contextmanager
    def _used(self, executor: Fresh) -> Iterator[None]:
        """As long as it is used, it is aborted when the pool is left."""
        with self._lock:
            self._executors.add(executor)
        try:
            if self._closing:
                executor.abort()
            yield
        finally:
            with self._lock:
                self._executors.discard(executor)

    def _tell(self, asked: _Asked, verdict: Verdict) -> None:
        if verdict.outcome == "harness_error":  # It says nothing about the next one like it.
            with self._lock:
                self._known.pop(asked.key, None)
        asked.verdict.set_result(verdict)


def failed_twice(error: SandboxError) -> Verdict:
    """The verdict on a solution in whose company a second sandbox has failed, too."""
    if isinstance(error, SandboxKilled):
        return Verdict("out_of_memory", f"Two containers were killed: {error.message}")
    return Verdict("harness_error", f"The sandbox failed twice: {error.message}")


def _doubtful(verdict: Verdict) -> bool:
    """Whether the solution may not be to blame: a disk is shared with neighbours."""
    return verdict.outcome == "harness_error" or verdict.detail.startswith(FULL_DISK)


def judge_many(
    open_executor: OpenExecutor, jobs: Iterable[Job], workers: int = 2, again: bool = False
) -> list[Verdict]:
    """The verdicts in the order of the jobs, whatever the number of workers; see ``JudgePool``."""
    asked = list(jobs)
    if not asked:
        return []
    with JudgePool(open_executor, max(1, min(workers, len(asked))), again) as pool:
        verdicts = [pool.submit(*job) for job in asked]
        return [verdict.result() for verdict in verdicts]
