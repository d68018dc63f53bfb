"""The way from a container to the package indexes: CONNECT to hosts that are listed, no other.

The container has no network. Its runner takes connections on the container's own loopback, and
carries them as frames over its link to the host, whose end is here. The container may be hostile.
"""

import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from assistant.sandbox.protocol import Frame, nonsense, whole_number

MOST = 32
"""Connections at once; more are refused."""
WINDOW = 1 << 18
"""Bytes under way in one direction of a connection, until the other side has taken them."""
HEADERS = 8192
PIECE = 1 << 16
ASKING = 10.0
"""Seconds in which a connection must have said where it wants to go."""
CONNECTING = 20.0
IDLE = 180.0
"""Seconds in which nothing comes from an index, after which a connection ends."""

_CONNECT = re.compile(rb"CONNECT ([A-Za-z0-9.-]{1,253}):([0-9]{1,5}) HTTP/1\.[01]\r\n")
_HIDING = tuple(ip_network(net) for net in ("64:ff9b::/32", "2002::/16", "2001::/32", "::/96"))
"""Addresses of version 6 that stand for one of version 4, which may be anything."""
_GLOBAL = ip_network("2000::/3")
"""All that is handed out of version 6: the old site-local addresses, say, lie outside."""

Send = Callable[[Mapping[str, Any], bytes], None]


@dataclass(frozen=True, slots=True)
class Indexes:
    """Where packages come from. ``own`` hosts are named by the user, and may be private."""

    public: frozenset[tuple[str, int]] = frozenset()
    own: frozenset[tuple[str, int]] = frozenset()
    variables: Mapping[str, str] | None = None
    """What the package clients inside are told besides; nothing secret."""
    certificates: str = ""
    """Certificates (PEM) that they trust, where the user has set some."""

    def addresses(self, host: str, port: int) -> list[tuple[Any, ...]]:
        """Where to connect to; raises PermissionError for what is not listed or not public.

        A name is looked up once, and what was checked is what is connected to.
        """
        own = (host, port) in self.own
        if not own and (host, port) not in self.public:
            raise PermissionError(f"{host}:{port} is no package index")
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        if not own and not all(_public(str(row[4][0])) for row in found):
            raise PermissionError(
                f"{host} has an address here that is not public. If that is an index of yours, name"
                " it in your own settings: pip config set global.index-url URL"
            )
        return found


def _public(text: str) -> bool:
    address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        elif address not in _GLOBAL or any(address in net for net in _HIDING):
            return False
    return address.is_global and not address.is_multicast


class PackageRelay:
    """The host's end. ``take`` is given the frames, in the thread that reads them, and never
    waits; everything else is done in threads of the connections' own."""

    def __init__(self, indexes: Indexes) -> None:
        self._indexes = indexes
        self._open: dict[int, _Connection] = {}
        self._lock = threading.Lock()
        self._closed = False

    @property
    def setup(self) -> dict[str, Any]:
        """What the runner is told."""
        variables = dict(self._indexes.variables or {})
        return {
            "variables": variables,
            "certificates": self._indexes.certificates,
            "most": MOST,
            "window": WINDOW,
        }

    def take(self, frame: Frame, send: Send) -> None:
        """Raises SandboxError on what no runner of ours sends."""
        number, what = whole_number(frame.head, "conn"), frame.head.get("what")
        with self._lock:
            known = self._open.get(number)
            if what == "open" and known is None:
                if len(self._open) >= MOST or self._closed:
                    raise nonsense("more connections than it may")
                known = self._open[number] = _Connection(number, self._indexes, send, self._gone)
                known.start()
                return
        if known is None:
            return  # It has ended here meanwhile.
        if what == "data":
            known.feed(frame.body)
        elif what == "took":
            known.took(whole_number(frame.head, "bytes", WINDOW))
        elif what == "end":
            known.feed(b"")
        elif what == "gone":
            known.close()
        else:
            raise nonsense("a frame of no connection")

    def close(self) -> None:
        with self._lock:
            self._closed = True
            still = list(self._open.values())
        for connection in still:
            connection.close()

    def _gone(self, number: int) -> None:
        with self._lock:
            self._open.pop(number, None)


class _Connection:
    """One connection, from its first word to its end."""

    def __init__(
        self, number: int, indexes: Indexes, send: Send, gone: Callable[[int], None]
    ) -> None:
        self._number, self._indexes, self._send, self._gone = number, indexes, send, gone
        self._inbound: deque[bytes] = deque()
        self._waiting, self._credit = 0, WINDOW
        self._changed = threading.Condition()
        self._over = self._ended = False
        self._upstream: socket.socket | None = None

    def start(self) -> None:
        threading.Thread(target=self._serve, name="relay", daemon=True).start()

    # Called by the thread that reads frames.

    def feed(self, data: bytes) -> None:
        with self._changed:
            self._waiting += len(data)
            if self._waiting > WINDOW:
                raise nonsense("more than it may before it is taken")
            if data:
                self._inbound.append(data)
            else:
                self._ended = True
            self._changed.notify_all()

    def took(self, size: int) -> None:
        with self._changed:
            self._credit = min(WINDOW, self._credit + size)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        upstream = self._upstream
        if upstream is not None:
            with suppress(OSError):
                upstream.shutdown(socket.SHUT_RDWR)

    # In threads of its own.

    def _serve(self) -> None:
        try:
            with suppress(OSError, ValueError):
                self._converse()
        finally:
            self.close()
            with suppress(OSError, ValueError):
                self._tell("end")
            self._gone(self._number)

    def _converse(self) -> None:
        header, rest = self._header()
        asked = _CONNECT.match(header)
        if asked is None:
            self._answer(405, "only CONNECT is served here")
            return
        host, port = asked[1].decode().lower().rstrip("."), int(asked[2])
        try:
            self._upstream = self._connected(host, port)
        except PermissionError as error:
            self._answer(403, str(error))
            return
        except OSError as error:
            self._answer(502, f"{host} cannot be reached: {error.strerror or error}")
            return
        with self._upstream:
            self._pour(b"HTTP/1.1 200 Connection established\r\n\r\n")
            up = threading.Thread(target=self._carry_up, args=(rest,), name="relay", daemon=True)
            up.start()
            self._carry_down()
            self.close()
            up.join()

    def _header(self) -> tuple[bytes, bytes]:
        data, until = b"", time.monotonic() + ASKING
        while b"\r\n\r\n" not in data:
            piece = self._next(until)
            data += piece
            if not piece or len(data) > HEADERS:
                raise ValueError("no request")
        header, _, rest = data.partition(b"\r\n\r\n")
        return header + b"\r\n", rest

    def _connected(self, host: str, port: int) -> socket.socket:
        error: OSError = OSError("it has no address")
        for family, kind, protocol, _, address in self._indexes.addresses(host, port):
            upstream = socket.socket(family, kind, protocol)
            try:
                upstream.settimeout(CONNECTING)
                upstream.connect(address)
            except OSError as failed:
                upstream.close()
                error = failed
            else:
                upstream.settimeout(IDLE)
                return upstream
        raise error

    def _carry_up(self, rest: bytes) -> None:
        upstream = self._upstream
        assert upstream is not None
        with suppress(OSError):
            upstream.sendall(rest)
            while piece := self._next(None):
                upstream.sendall(piece)
            upstream.shutdown(socket.SHUT_WR)

    def _carry_down(self) -> None:
        upstream = self._upstream
        assert upstream is not None
        with suppress(OSError):
            while data := upstream.recv(PIECE):
                self._pour(data)

    def _next(self, until: float | None) -> bytes:
        """The next piece from the container; empty at its end, or when the time is up."""
        with self._changed:
            left = None if until is None else max(0.0, until - time.monotonic())
            self._changed.wait_for(lambda: self._inbound or self._ended or self._over, left)
            if not self._inbound or self._over:
                return b""
            piece = self._inbound.popleft()
            self._waiting -= len(piece)
        self._tell("took", bytes=len(piece))
        return piece

    def _pour(self, data: bytes) -> None:
        """To the container, no faster than it takes it."""
        with self._changed:
            self._changed.wait_for(lambda: self._credit >= len(data) or self._over, IDLE)
            if self._over or self._credit < len(data):
                raise OSError("nobody takes it")
            self._credit -= len(data)
        self._tell("data", data)

    def _answer(self, status: int, why: str) -> None:
        """The status line gives the reason, too: it is all that pip shows of an answer."""
        line = " ".join(why.split()).encode("ascii", "replace")
        head = b"HTTP/1.1 %d %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        self._pour(head % (status, line, len(line) + 1) + line + b"\n")

    def _tell(self, what: str, body: bytes = b"", **more: int) -> None:
        self._send({"is": "net", "conn": self._number, "what": what, **more}, body)
