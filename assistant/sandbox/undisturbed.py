"""What must not be cut in half: an interrupt waits until it is done."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_PATIENCE = 15.0
"""Seconds for which an interrupt waits; what takes longer is left to finish by itself."""


def undisturbed(act: Callable[[], T]) -> T:
    """The result of ``act``, which runs in a thread of its own: a Ctrl-C lands in the main thread.

    It, or what else a signal handler raises, comes out of here when ``act`` has ended.
    """
    work = _Work(act)
    work.start()
    try:
        work.join()
    except BaseException:
        work.wait(_PATIENCE)
        raise
    if work.error is not None:
        raise work.error
    return work.results[0]


class _Work(threading.Thread, Generic[T]):
    def __init__(self, act: Callable[[], T]) -> None:
        super().__init__(name="undisturbed", daemon=True)
        self._act = act
        self.results: list[T] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.results.append(self._act())
        except BaseException as error:  # noqa: BLE001 - it is raised again where it belongs
            self.error = error

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self.is_alive() and time.monotonic() < until:
            try:
                self.join(until - time.monotonic())
            except KeyboardInterrupt:
                continue
