"""Network streams that end with their call: a server that dribbles bytes cannot hold it longer.

A read timeout bounds the silence between two bytes only. ``Until`` carries the end of the whole
call along with it, down to where bytes are read and written.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

Got = TypeVar("Got")


class Until(float):
    """A timeout in seconds that also knows the moment (monotonic) when the call is over."""

    until: float

    def __new__(cls, seconds: float, until: float) -> "Until":
        made = super().__new__(cls, seconds)
        made.until = until
        return made


def make_punctual(client: Any) -> None:
    """Has every connection of an ``httpx2.Client``, those by way of proxies too, heed ``Until``.

    The client has no public place for this; a transport of another make stays as it is.
    """
    for transport in (client._transport, *client._mounts.values()):
        pool = getattr(transport, "_pool", None)
        backend = getattr(pool, "_network_backend", None)
        if pool is not None and backend is not None:
            pool._network_backend = _Backend(backend)


class _Backend:
    """Connects as the one given does."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def connect_tcp(self, *args: Any, **named: Any) -> "_Stream":
        return _Stream(self._inner.connect_tcp(*args, **named))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Stream:
    """An open connection."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        read: bytes = _in_time(lambda left: self._inner.read(max_bytes, timeout=left), timeout)
        return read

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        _in_time(lambda left: self._inner.write(buffer, timeout=left), timeout)

    def start_tls(self, *args: Any, **named: Any) -> "_Stream":
        return _Stream(self._inner.start_tls(*args, **named))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _in_time(act: Callable[[float | None], Got], timeout: float | None) -> Got:
    if not isinstance(timeout, Until):
        return act(timeout)
    left = timeout.until - time.monotonic()
    if left <= 0:
        import httpcore2  # late: it comes with the client

        raise httpcore2.ReadTimeout("the time of the call is over")
    return act(min(float(timeout), left))
