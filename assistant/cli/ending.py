"""SIGTERM and SIGHUP: they end what runs as Ctrl-C does, and then the program."""

import signal
from types import FrameType

RECEIVED: list[int] = []
"""The numbers of those that came."""


class Signalled(KeyboardInterrupt):
    """SIGTERM or SIGHUP: ends a run as Ctrl-C does, and the program with 128 + its number."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def listen() -> None:
    """Turn SIGTERM and SIGHUP into exceptions from here on."""
    RECEIVED.clear()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    RECEIVED.append(number)
    raise Signalled(number)
