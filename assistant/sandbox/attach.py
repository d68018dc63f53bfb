"""A container's standard streams over the engine's attach call, as bytes in and bytes out."""

import errno
import os
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Protocol

from assistant.sandbox.pulse import LOOK, Pulse

if TYPE_CHECKING:
    from docker import DockerClient

_HEADER = struct.Struct(">BxxxL")
_STDERR = 2
_PIECE = 1 << 18
_COMPLAINT = 4000


class _Wire(Protocol):
    def read(self) -> bytes: ...
    def write(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...
    def release(self) -> None: ...


class Attached:
    """Standard input, output and error of a container that has not been started yet.

    ``read`` waits for the next piece of its output, empty at the end; what it writes to its
    standard error is kept apart, the last of it, as ``complaint``, but where both are wanted
    ``together``: then nothing can be written. System errors pass as OSError.
    """

    _together = False

    def __init__(
        self, client: "DockerClient", name: str, pulse: Pulse | None = None, together: bool = False
    ) -> None:
        """Without ``pulse`` nobody asks whether the engine is still there."""
        self._together, self._pulse = together, pulse
        params = {"stdin": int(not together), "stdout": 1, "stderr": 1, "stream": 1}
        self._wire = _wire(client.api.attach_socket(name, params=params), self.reachable)
        self._buffer = b""
        self._left = 0
        self._stream = 1
        self.complaint = b""

    def read(self) -> bytes:
        while True:
            if not self._left and len(self._buffer) >= _HEADER.size:
                self._stream, self._left = _HEADER.unpack_from(self._buffer)
                self._buffer = self._buffer[_HEADER.size :]
            if self._left and self._buffer:
                piece, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
                self._left -= len(piece)
                if self._together or self._stream != _STDERR:
                    return piece
                self.complaint = (self.complaint + piece)[-_COMPLAINT:]
                continue
            if self._left == 0 and len(self._buffer) >= _HEADER.size:
                continue
            data = self._wire.read()
            if not data:
                return b""
            self._buffer += data

    def write(self, data: bytes) -> None:
        self._wire.write(data)

    def reachable(self) -> bool:
        """Whether the engine that carries the bytes answers; takes up to a few seconds."""
        return self._pulse is None or self._pulse.beats()

    def close(self) -> None:
        self._wire.close()

    def release(self) -> None:
        self._wire.release()


def _wire(raw: Any, reachable: Callable[[], bool]) -> _Wire:
    """The library hands out a different object for each way to reach an engine."""
    response = raw._response
    if isinstance(raw, ssl.SSLSocket):
        return _SocketWire(raw, response.close, reachable)
    with closing(response):  # Else the library frees the connection when it sees fit.
        return _SocketWire(raw._sock.dup(), lambda: None, reachable)


class _SocketWire:
    """A Unix, TCP or TLS socket. One thread reads while another one writes."""

    PATIENCE = 30.0
    """Seconds for which an engine may take nothing of what is written to it, over all that it
    takes slowly: whoever reads inside may do so a little at a time."""
    SLOWEST = 32 << 10
    """Bytes that it must take in a second in the long run."""

    def __init__(
        self, sock: socket.socket, done: Callable[[], None], reachable: Callable[[], bool]
    ) -> None:
        self._sock, self._done, self._reachable = sock, done, reachable
        self._sock.settimeout(LOOK)
        self._tls = isinstance(sock, ssl.SSLSocket)
        self._lock = threading.Lock()  # Of one TLS connection only one side may be used at once.
        self._closed = False
        self._spare = self.PATIENCE

    def read(self) -> bytes:
        while True:
            if not self._tls:
                with suppress(TimeoutError):
                    return self._sock.recv(_PIECE)
            elif self._readable():
                with self._lock:
                    return self._sock.recv(_PIECE)
            if self._closed:
                return b""

    def _readable(self) -> bool:
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return True
        with suppress(ValueError):
            return bool(select.select([self._sock], [], [], 1.0)[0])
        return False

    def write(self, data: bytes) -> None:
        left, began, spent = memoryview(data), time.monotonic(), 0.0
        self._spare += len(data) / self.SLOWEST
        while left:
            if (spent := time.monotonic() - began) > self._spare:
                raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            try:
                with self._lock if self._tls else nullcontext():
                    left = left[self._sock.send(left) :]
            except TimeoutError:
                if not self._reachable():
                    raise
        self._spare = min(self.PATIENCE, self._spare - spent)

    def close(self) -> None:
        self._closed = True
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        with suppress(OSError, ValueError):
            self._done()
        with suppress(OSError):
            self._sock.close()
