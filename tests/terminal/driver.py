"""A program in a pseudo-terminal with a screen emulator: type at it, wait for what it shows."""

import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import pyte

CHILD = Path(__file__).with_name("child.py")
PATIENCE = 30.0
"""Seconds to wait for something before a test fails; it ends as soon as it is there."""


class Terminal:
    """One run of the child. ``text`` is all that was on the screen, scrolled-off lines first."""

    def __init__(
        self,
        options: Mapping[str, Any] | None = None,
        *,
        columns: int = 80,
        rows: int = 24,
        environment: Mapping[str, str] | None = None,
        command: list[str] | None = None,
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=5000, ratio=0.5)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.master, slave = os.openpty()
        self._resize(columns, rows)
        base = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}
        base |= {"TERM": "xterm-256color", **(environment or {})}

        def own_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        self.process = subprocess.Popen(
            command or [sys.executable, str(CHILD), json.dumps(dict(options or {}))],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            preexec_fn=own_terminal,
            env=base,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def hang_up(self) -> None:
        """The window was closed."""
        os.close(self.master)

    def _resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        self._resize(columns, rows)
        self.screen.resize(rows, columns)
        self.process.send_signal(signal.SIGWINCH)

    def type(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self.master, data[:1024]) :]
            self.read(0.0)

    def paste(self, text: str) -> None:
        self.type(f"\x1b[200~{text}\x1b[201~")

    def enter(self, line: str, wanted: str | Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Type a line, and wait for what comes of it."""
        self.type(f"{line}\r")
        self.expect(wanted, seconds)

    def read(self, seconds: float = 0.05) -> bool:
        """Take in what the program wrote; False once it has closed the terminal."""
        end = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self.master], [], [], max(end - time.monotonic(), 0))
            if not ready:
                return True
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return False
            if not data:
                return False
            self.raw += data
            self._stream.feed(data)

    @property
    def display(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        above = [
            "".join(line[column].data for column in range(self.screen.columns)).rstrip()
            for line in self.screen.history.top
        ]
        return "\n".join([*above, *self.display])

    def expect(self, wanted: str | Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait until a text is on the screen or a condition holds."""

        def holds() -> bool:
            return wanted in self.text if isinstance(wanted, str) else wanted()

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            alive = self.read()
            if holds():
                return
            if not alive:
                break
        raise AssertionError(f"never shown: {wanted!r}\n{self.text}\n{self.raw[-2000:]!r}")

    def settle(self, seconds: float = 0.3) -> None:
        """Take in all that comes until nothing has come for a while."""
        size = -1
        while size != len(self.raw):
            size = len(self.raw)
            self.read(seconds)

    def leave(self) -> int:
        """Wait for the program to end; its exit code."""
        end = time.monotonic() + PATIENCE
        while self.read() and time.monotonic() < end:
            pass
        return self.process.wait(PATIENCE)

    def style_of(self, text: str) -> Any:
        """The first cell of a text on the screen."""
        for row, line in enumerate(self.screen.display):
            if (column := line.find(text)) >= 0:
                return self.screen.buffer[row][column]
        raise AssertionError(f"not on the screen: {text!r}")
