"""How long something takes, for tests that hold a growth and not a speed."""

import gc
import time
from collections.abc import Callable


def least(work: Callable[[], object], rounds: int = 3) -> float:
    """Seconds of processor time that ``work`` takes at best, without the garbage of other tests."""
    gc.disable()
    try:
        return min(_once(work) for _ in range(rounds))
    finally:
        gc.enable()


def _once(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before
