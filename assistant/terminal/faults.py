"""What Python would write over the screen, from places where nobody can catch it: kept and told."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_AGAIN = 0.02
"""Seconds until a Ctrl-C that was lost is delivered again."""


@contextmanager
def caught(crashed: Callable[[Exception], str]) -> Iterator[list[str]]:
    """Inside, what fails in a thread or in a destructor does not reach the terminal.

    The list fills with a line for each, by ``crashed``. A Ctrl-C that landed in a destructor, where
    it can stop nothing, comes again a moment later.
    """
    told: list[str] = []

    def keep(error: BaseException | None) -> None:
        if isinstance(error, Exception):
            told.append(crashed(error))

    def unraisable(found: "sys.UnraisableHookArgs") -> None:
        if isinstance(found.exc_value, KeyboardInterrupt):
            again = threading.Timer(_AGAIN, _interrupt)
            again.daemon = True
            again.start()
        else:
            keep(found.exc_value)

    def in_thread(found: Any) -> None:
        keep(found.exc_value)

    before = sys.unraisablehook, threading.excepthook
    sys.unraisablehook, threading.excepthook = unraisable, in_thread
    try:
        yield told
    finally:
        sys.unraisablehook, threading.excepthook = before


def _interrupt() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
