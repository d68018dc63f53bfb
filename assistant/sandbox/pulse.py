"""Tells an engine that is slow from one that is silent: only the first one is waited for."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from assistant.events import SandboxError

T = TypeVar("T")

LOOK = 3.0
"""Seconds without an answer after which the engine is asked whether it is there."""
LONGEST = 8.0
"""Seconds after which an answer that comes in drops counts as none, where nothing else is said."""
_REMEMBERED = 5.0
"""Seconds for which an engine that was silent is not even asked again."""


class EngineSilent(SandboxError):
    """The engine does not answer; the next call would wait in vain, too."""


class Begun(Generic[T]):
    """A call in a thread of its own; ``done`` is set at its end."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._results: list[T] = []
        self._errors: list[BaseException] = []
        self.done = threading.Event()
        threading.Thread(target=self._work, name="engine", daemon=True).start()

    def result(self) -> T:
        """What it returned or raised."""
        if self._errors:
            raise self._errors[0]
        return self._results[0]

    def _work(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as error:  # noqa: BLE001 - raised again where it belongs
            self._errors.append(error)
        finally:
            self.done.set()


class Pulse:
    """Of one engine. ``ping`` asks it something short, and raises SandboxError where no answer
    comes within a few seconds. What one thread learns holds for all."""

    def __init__(self, name: str, ping: Callable[[], object], longest: float = LONGEST) -> None:
        self._name, self._ping, self._longest = name, ping, longest
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
        """What ``call``, which waits briefly for each piece of an answer, returns or raises.

        Raises EngineSilent at once where the engine was so a moment ago, and where its answer is
        not whole after the longest time.
        """
        self._unless_silent()
        begun = Begun(call)
        try:
            if not begun.done.wait(self._longest):
                raise self._silence()
            return begun.result()
        except EngineSilent:
            self._silent_until = time.monotonic() + _REMEMBERED
            raise

    def attended(self, call: Callable[[], T]) -> T:
        """What ``call`` returns or raises, however long it takes, while the engine is there.

        Raises EngineSilent once it is not; the call is left to its own end then.
        """
        self._unless_silent()
        begun = Begun(call)
        while not begun.done.wait(LOOK):
            if not self.beats() and not begun.done.is_set():
                raise self._silence()
        return begun.result()

    def _unless_silent(self) -> None:
        if time.monotonic() < self._silent_until:
            raise self._silence()

    def _silence(self) -> EngineSilent:
        return EngineSilent(
            f"The container engine at {self._name} does not answer",
            "See whether the container engine runs",
        )
