"""What carries the frames of a link, and what they carry besides."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from assistant.sandbox.protocol import Frame


class Transport(Protocol):
    """Bytes to and from a runner; system errors pass as OSError. ``read`` is empty at the end.

    ``reachable``: whether what carries the bytes still answers; it may take a few seconds.
    ``close`` ends the connection from any thread; ``release``, by the one that reads, frees it.
    """

    @property
    def complaint(self) -> bytes: ...
    def read(self) -> bytes: ...
    def write(self, data: bytes, /) -> None: ...
    def reachable(self) -> bool: ...
    def close(self) -> None: ...
    def release(self) -> None: ...


class Relay(Protocol):
    """Serves connections that a runner carries."""

    def take(self, frame: Frame, send: Callable[[Mapping[str, Any], bytes], None], /) -> None: ...
    def close(self) -> None: ...
