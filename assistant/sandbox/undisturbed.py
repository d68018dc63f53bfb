"""Calls that an interrupt must not cut in half: each runs in a thread, and the interrupt waits.

For opening and closing places; ``uninterrupted`` is for short work of our own.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

_PATIENCE = 15.0
"""Seconds for which an interrupt waits; what takes longer is left to finish by itself."""


def undisturbed(act: Callable[[], T]) -> T:
    """The result of ``act``, which runs in a thread of its own: a Ctrl-C lands in the main thread.

    It, or what else a signal handler raises, comes out of here when ``act`` has ended.
    """
    results: list[T] = []
    errors: list[BaseException] = []
    done = threading.Event()  # An interrupted Thread.join may believe that the thread has ended.
    turn = threading.Lock()  # Taken by whoever is first: the thread, or an interrupt before it.

    def work() -> None:
        if not turn.acquire(blocking=False):
            return
        try:
            results.append(act())
        except BaseException as error:  # noqa: BLE001 - raised again where it belongs
            errors.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=work, name="undisturbed", daemon=True)
    try:
        thread.start()
        done.wait()
    except BaseException:
        until = time.monotonic() + _PATIENCE
        begun = not turn.acquire(blocking=False)
        while begun and not done.is_set() and time.monotonic() < until:
            with suppress(KeyboardInterrupt):
                done.wait(until - time.monotonic())
        raise
    if errors:
        raise errors[0]
    return results[0]
