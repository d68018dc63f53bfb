"""Holds back Ctrl-C and its like during a short piece of work, so that no state is half written."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back the signals that end things until the block is left; a second one goes through."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Signals only ever interrupt the main thread.
        return
    held: list[int] = []
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def hold(number: int, frame: FrameType | None) -> None:
        handler = before[signal.Signals(number)]
        if held and callable(handler):
            handler(number, frame)
        held.append(number)

    try:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, hold)
        yield
    finally:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])
