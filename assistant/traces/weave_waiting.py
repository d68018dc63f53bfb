"""Waits for Weave to send what it holds, and not for ever."""

import atexit
import time
from collections.abc import Callable, Mapping
from typing import Any

STALLED = 60.0
"""Seconds: what is to be sent is given up once nothing of it was taken for so long."""


def sent(weave: Any, client: Any) -> bool:
    """Whether all that the client holds was taken; after it the client is closed."""
    try:
        client.finish(callback=Patience())  # By itself it would wait for ever.
    except TimeoutError:
        _forget(client.server)
        return False
    weave.finish()
    return True


class Patience:
    """Hears how far Weave is; ends the waiting where nothing has moved for long."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._moved, self._most = clock, clock(), 0

    def __call__(self, status: Mapping[str, Any]) -> None:
        now, done = self._clock(), int(status["total_completed"])
        if done > self._most:
            self._most, self._moved = done, now
        elif status["has_pending_jobs"] and now - self._moved > STALLED:
            raise TimeoutError


def _forget(server: Any) -> None:
    """When the program ends Weave would wait once more."""
    server = getattr(server, "_next_trace_server", server)
    for name in ("call_processor", "feedback_processor"):
        if (processor := getattr(server, name, None)) is not None:
            atexit.unregister(processor.stop_accepting_new_work_and_flush_queue)
