"""Tells an engine that is slow from one that is silent: only the first one is waited for."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from assistant.events import SandboxError

T = TypeVar("T")

LOOK = 3.0
"""Seconds without an answer after which the engine is asked whether it is there."""
_REMEMBERED = 5.0
"""Seconds for which an engine that was silent is not even asked again."""


class EngineSilent(SandboxError):
    """The engine does not answer; the next call would wait in vain, too."""


class Pulse:
    """Of one engine. ``ping`` asks it something short, and raises SandboxError where no answer
    comes within a few seconds. What one thread learns holds for all."""

    def __init__(self, name: str, ping: Callable[[], object]) -> None:
        self._name, self._ping = name, ping
        self._silent_until = 0.0
        self._asking = threading.Lock()

    def beats(self) -> bool:
        """Whether the engine answers now."""
        with self._asking:
            try:
                self.asked(self._ping)
            except SandboxError:
                return False
            return True

    def asked(self, call: Callable[[], T]) -> T:
        """What ``call``, which waits briefly by itself, returns or raises.

        Raises EngineSilent at once where the engine was so a moment ago.
        """
        self._unless_silent()
        try:
            return call()
        except EngineSilent:
            self._silent_until = time.monotonic() + _REMEMBERED
            raise

    def attended(self, call: Callable[[], T]) -> T:
        """What ``call`` returns or raises, however long it takes, while the engine is there.

        Raises EngineSilent once it is not; the call is left to its own end then.
        """
        results: list[T] = []
        errors: list[BaseException] = []
        done = threading.Event()

        def work() -> None:
            try:
                results.append(call())
            except BaseException as error:  # noqa: BLE001 - raised again where it belongs
                errors.append(error)
            finally:
                done.set()

        self._unless_silent()
        threading.Thread(target=work, name="engine", daemon=True).start()
        while not done.wait(LOOK):
            if not self.beats() and not done.is_set():
                raise self._silence()
        if errors:
            raise errors[0]
        return results[0]

    def _unless_silent(self) -> None:
        if time.monotonic() < self._silent_until:
            raise self._silence()

    def _silence(self) -> EngineSilent:
        return EngineSilent(
            f"The container engine at {self._name} does not answer",
            "See whether the container engine runs",
        )
