"""Signals that end things, as exceptions: Ctrl-C ends what runs, SIGTERM and SIGHUP the program."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from queue import SimpleQueue
from types import FrameType

RECEIVED: list[int] = []
"""The numbers of those that end the program, as they came."""
_IMPORTING = "<frozen importlib."
_MAKING = "pydantic."
"""Of these modules, too, and of what imports: what they make stays broken when left in the middle,
and what is thrown out of it may come out as an error of another kind."""
_PATIENCE = 2.0
"""Seconds that it is let finish."""
_SOON = 0.005
"""Seconds after which a signal that came at a bad moment comes again."""
_EARLY: "SimpleQueue[int]" = SimpleQueue()
"""Those that came at one."""
_SINCE: dict[int, float] = {}
"""When each of those first came, in seconds of the monotonic clock."""


class Signalled(KeyboardInterrupt):
    """SIGTERM or SIGHUP: ends a run as Ctrl-C does, and the program with 128 + its number."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def listen() -> None:
    """Turn the signals into exceptions from here on; a Ctrl-C that is ignored stays so."""
    RECEIVED.clear()
    _hear_again()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def over(code: int) -> None:
    """The program has ended with this exit code: a signal that comes late does not change it."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    # After a Ctrl-C in code made from a string, as dataclasses make theirs, Python would die of
    # SIGINT at the end of ``python -m``, though it was caught; the next such code has it forgotten.
    exec("")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: os._exit(code))


def _interrupt(number: int, frame: FrameType | None) -> None:
    if _is_bad_moment(number, frame):
        _EARLY.put(number)
        return
    _SINCE.pop(number, None)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    RECEIVED.append(number)
    raise Signalled(number)


def _is_bad_moment(number: int, frame: FrameType | None) -> bool:
    running = [f for f in _frames(frame) if f.f_code is not _interrupt.__code__]
    # Thrown out of the import system's own code, this thread would keep the lock of all imports,
    # and whichever thread imports next would wait for ever.
    if running and running[0].f_code.co_filename.startswith(_IMPORTING):
        return True
    since = _SINCE.setdefault(number, time.monotonic())
    making = any(
        f.f_code.co_filename.startswith(_IMPORTING)
        or str(f.f_globals.get("__name__")).startswith(_MAKING)
        for f in running
    )
    return making and time.monotonic() < since + _PATIENCE


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """This frame and those that called it, the innermost first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


@cache
def _hear_again() -> None:
    """Nothing that came at a bad moment is lost, once this has been called."""
    threading.Thread(target=_send_again, name="signals", daemon=True).start()
    before = sys.unraisablehook

    def unraisable(found: "sys.UnraisableHookArgs") -> None:
        # Raised where Python cannot raise: in what a library in C calls, or while memory is freed.
        if isinstance(found.exc_value, KeyboardInterrupt):
            _EARLY.put(getattr(found.exc_value, "number", signal.SIGINT))
        else:
            before(found)

    sys.unraisablehook = unraisable


def _send_again() -> None:
    while True:
        numbers = {_EARLY.get()}
        time.sleep(_SOON)
        while not _EARLY.empty():
            numbers.add(_EARLY.get())
        for number in numbers:
            signal.pthread_kill(threading.main_thread().ident or 0, number)
