"""A proxy before the engine's socket that stops, slows down, or cuts what passes through it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Way = Literal["pass", "stop", "slow", "cut"]


@dataclass
class Proxy:
    """Passes everything until ``after`` bytes have gone through, either way; then ``way`` begins.

    ``stop``: nothing moves any more, new connections are taken and not served. ``cut``: all
    connections end, new ones are refused. ``slow``: each piece waits a moment.
    """

    engine: Path
    path: Path
    way: Way = "pass"
    after: int = 0
    passed: int = 0
    _open: set[socket.socket] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    @property
    def active(self) -> bool:
        return self.way != "pass" and self.passed >= self.after

    def disturb(self, way: Way, after: int = 0) -> None:
        """From now on, or after so many bytes more."""
        self.way, self.after, self.passed = way, after, 0
        if self.active and way == "cut":
            self.cut()

    def cut(self) -> None:
        with self._lock:
            for sock in self._open:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def serve(self, listener: socket.socket) -> None:
        while not self._over.is_set():
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve_one, args=(client,), daemon=True).start()

    def _serve_one(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as engine:
            if self.active and self.way == "cut":
                return
            with self._lock:
                self._open |= {client, engine}
            with suppress(OSError):
                engine.connect(str(self.engine))
                back = threading.Thread(target=self._pump, args=(engine, client), daemon=True)
                back.start()
                self._pump(client, engine)
                back.join()
            with self._lock:
                self._open -= {client, engine}

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self.active and self.way == "stop":
                    self._over.wait()
                    return
                if self.active and self.way == "slow":
                    time.sleep(0.02)
                target.sendall(data)
                self.passed += len(data)
                if self.active and self.way == "cut":
                    self.cut()
        for end in (target, source):
            with suppress(OSError):
                end.shutdown(socket.SHUT_WR if end is target else socket.SHUT_RD)


@contextmanager
def proxied(engine: Path, folder: Path) -> Iterator[Proxy]:
    proxy = Proxy(engine, folder / "engine.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(proxy.path))
        listener.listen(64)
        thread = threading.Thread(target=proxy.serve, args=(listener,))
        thread.start()
        try:
            yield proxy
        finally:
            proxy._over.set()
            proxy.cut()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
