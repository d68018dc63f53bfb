"""Many judgements side by side: one sandbox per worker, equal jobs once, faults tried again."""

import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager

from assistant.events import SandboxError
from assistant.verdicts.judgement import FULL_DISK, Fresh, Store, judge
from assistant.verdicts.task import Candidate, Task, Verdict, digest

__all__ = ["Fresh", "Job", "OpenExecutor", "Store", "judge", "judge_many"]

Job = tuple[Task, Candidate]
OpenExecutor = Callable[[], AbstractContextManager[Fresh]]


def judge_many(
    open_executor: OpenExecutor, jobs: Iterable[Job], workers: int = 2, again: bool = False
) -> list[Verdict]:
    """The verdicts in the order of the jobs, whatever the number of workers.

    Each worker has a sandbox of its own. Equal jobs are judged once, unless ``again``. A harness
    error, a full disk, or a sandbox that fails is tried once more, in a new sandbox.
    """
    asked = list(jobs)
    keys = [
        f"{number}" if again else digest(task, candidate, "")
        for number, (task, candidate) in enumerate(asked)
    ]
    todo = dict(zip(keys, asked, strict=True))
    found: dict[str, Verdict] = {}
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for key in todo:
        waiting.put(key)
    stop = threading.Event()
    work = _Work(open_executor, todo, found, waiting, stop)
    threads = [
        threading.Thread(target=work.live, name=f"judge-{number}", daemon=True)
        for number in range(max(1, min(workers, len(todo))))
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except BaseException:
        stop.set()
        for thread in threads:
            thread.join()
        raise
    if work.fault is not None:
        raise work.fault
    return [found[key] for key in keys]


def _doubtful(verdict: Verdict) -> bool:
    """Whether the solution may not be to blame: a disk is shared with neighbours."""
    return verdict.outcome == "harness_error" or verdict.detail.startswith(FULL_DISK)


class _Work:
    """What the workers of one ``judge_many`` share."""

    def __init__(
        self,
        open_executor: OpenExecutor,
        todo: Mapping[str, Job],
        found: dict[str, Verdict],
        waiting: "queue.SimpleQueue[str]",
        stop: threading.Event,
    ) -> None:
        self._open, self._todo, self._found = open_executor, todo, found
        self._waiting, self._stop = waiting, stop
        self.fault: BaseException | None = None

    def live(self) -> None:
        """One worker: a sandbox, and jobs until there are none."""
        failed: str | None = None
        try:
            while failed is not None or not self._waiting.empty():
                failed = self._with_one(failed)
        except BaseException as fault:
            self.fault = fault
            self._stop.set()
            if not isinstance(fault, Exception):
                raise

    def _with_one(self, failed: str | None) -> str | None:
        """Works with one sandbox until the jobs end or one fails for reasons not its own."""
        key = failed
        try:
            with self._open() as executor:
                while key is not None or (key := self._next()) is not None:
                    verdict = judge(executor, *self._todo[key])
                    if _doubtful(verdict) and key != failed:
                        return key
                    self._found[key] = verdict
                    key = None
        except SandboxError as error:
            if key is None:
                raise
            if key != failed:
                return key
            detail = f"The sandbox failed twice: {error.message}"
            self._found[key] = Verdict("harness_error", detail)
        return None

    def _next(self) -> str | None:
        if self._stop.is_set():
            return None
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            return None
