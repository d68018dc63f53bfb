"""When a call that never started is sent again, and how long to wait before."""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from assistant.events import Retrying
from assistant.model.faults import Fault

FIRST_WAIT = 0.5
LONGEST_WAIT = 30.0
LONGEST_ASKED = 6 * 3600.0
"""A server that asks to wait for longer is not waited for, however much time there is."""
CONNECT_TRIES = 4
"""A server that is not there is given up sooner (about 4 s) than one that is busy."""


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the headers ask to wait: ``retry-after-ms``, else ``retry-after``.

    The latter is seconds or an HTTP date (RFC 9110, 10.2.3); ``now`` is the time since the epoch.
    What is negative, infinite or no number counts as not said.
    """
    seconds = _number(headers.get("retry-after-ms"))
    if seconds is not None:
        return seconds / 1000
    said = headers.get("retry-after")
    seconds = _number(said)
    if seconds is not None or not said:
        return seconds
    try:
        return max(parsedate_to_datetime(said).timestamp() - now, 0.0)
    except (ValueError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


@dataclass
class Patience:
    """Counts the failures of one call and says what each asks for."""

    tries: int
    left: Callable[[], float]
    """Seconds that remain for the call, waits included."""
    failures: int = 0

    def after(self, fault: Fault, why: str) -> Retrying | None:
        """The wait before the next try, or None when there will be none.

        What the server asks for is honoured to the full, a little longer; else the wait doubles
        from FIRST_WAIT to LONGEST_WAIT, up to a quarter longer, so that clients spread.
        """
        self.failures += 1
        allowed = min(self.tries, CONNECT_TRIES) if fault.kind == "connect" else self.tries
        if not fault.retryable or self.failures >= allowed:
            return None
        backoff = min(FIRST_WAIT * 2.0 ** min(self.failures - 1, 10), LONGEST_WAIT)
        if fault.wait is not None and fault.wait > 0:
            seconds = fault.wait + random.random() * min(0.1 * fault.wait, 1.0)
        else:
            seconds = backoff * (1 + 0.25 * random.random())
        if seconds >= min(self.left(), LONGEST_ASKED):
            return None
        return Retrying(math.ceil(seconds * 1000) / 1000, why)
