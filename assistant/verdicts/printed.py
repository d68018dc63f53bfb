"""What a solution prints: its start for the report, and all of it for tests that look at it.

Sent as text into a sandbox (Python 3.8 or newer, standard library only), before session.py.
"""

import contextlib
import os
import select
import sys
from typing import Any, Optional

KEPT = 4096
LONGEST = 4 << 20
"""Bytes of output for the report, and bytes that tests can see of one call."""


class Printed:
    """The reading end of a solution's standard output and error."""

    def __init__(self, out: int, poll: "select.poll") -> None:
        self.out, self.poll = out, poll
        poll.register(out, select.POLLIN)
        os.set_blocking(out, False)
        self.start = bytearray()
        self.during: Optional[bytearray] = None
        self.usual = sys.stdout

    def drain(self) -> int:
        """Takes what is there, up to a piece; returns how much that was."""
        try:
            data = os.read(self.out, 1 << 16)
        except BlockingIOError:
            return 0
        if not data:
            with contextlib.suppress(KeyError):
                self.poll.unregister(self.out)
        self.start += data[: max(0, KEPT - len(self.start))]
        if self.during is not None:
            self.during += data[: max(0, LONGEST - len(self.during))]
        return len(data)

    def drain_all(self) -> None:
        """Takes what is there; not more than a pipe holds, since something may go on printing."""
        for _ in range(16):
            if not self.drain():
                break

    def begin(self) -> None:
        """A request is about to be sent: what was printed before does not belong to it."""
        self.during = None
        if sys.stdout is not self.usual:
            self.drain_all()
            self.during = bytearray()

    def give(self) -> None:
        """It was answered. Where the tests have put something in place of their standard output,
        the solution's goes there, as it would in one process."""
        stream: Any = sys.stdout
        if self.during is not None and stream is not self.usual:
            self.drain_all()
            stream.write(self.during.decode("utf-8", "replace"))
        self.during = None
