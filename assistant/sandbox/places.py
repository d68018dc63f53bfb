"""Places, each a container or process in which one runner lives, and a stock of started ones."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from assistant.events import AssistantError, SandboxError
from assistant.sandbox.protocol import Caps
from assistant.sandbox.questions import Done
from assistant.sandbox.tree import Delta, Entry, Store

_PATIENCE = 120.0
"""Seconds after which a place that does not start is not waited for any more."""


class Linked(Protocol):
    """What a place offers once it is open; see ``Link``."""

    @property
    def lost(self) -> bool: ...
    def prepare(self, program: bytes, /) -> None: ...
    def run(self, head: Mapping[str, Any], code: bytes, /) -> Generator[str, None, Done]: ...
    def put(self, delta: Delta, blobs: Store, /) -> None: ...
    def pull(
        self, blobs: Store, caps: Caps, skip: Iterable[str], /
    ) -> tuple[dict[str, Entry], list[str], Mapping[str, Any]]: ...
    def close(self) -> None: ...


class Place(Protocol):
    """Where a runner lives. ``open`` starts it, ``close`` leaves nothing of it behind."""

    @property
    def warnings(self) -> Sequence[str]:
        """Limits that could not be had, in sentences."""
        ...

    def open(self) -> Linked: ...
    def close(self) -> None: ...
    def obituary(self) -> str:
        """Why the runner has ended, as far as can be told; empty when it cannot."""
        ...


KILLED = (
    "its memory ran out",
    "its container was found dead: memory ran out, or it was killed from outside (exit 137)",
)
"""What an obituary says of an end by force. The engine does not always know which it was."""

Started = tuple[Place, Linked]


class Stock:
    """``width`` places that were started ahead, filled up by a thread of its own.

    The same thread clears away those that are given back, so that neither start nor end is waited
    for. What fails to start is told to the next one who takes.
    """

    def __init__(self, start: Callable[[], Started], width: int) -> None:
        self._start, self._width = start, width
        self._ready: deque[Started] = deque()
        self._worn: deque[Started] = deque()
        self._error: BaseException | None = None
        self._closing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def fill(self) -> None:
        """Begins to start places, where that has not begun."""
        with self._changed:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._work, name="spares", daemon=True)
                self._thread.start()

    def take(self) -> Started:
        """A started place, at once while there are any; it is the caller's from then on."""
        self.fill()
        with self._changed:
            if not self._changed.wait_for(self._takeable, _PATIENCE):
                raise SandboxError("A sandbox did not start in time", "assistant sandbox check")
            if self._ready:
                self._changed.notify_all()
                return self._ready.popleft()
            error, self._error = self._error, None
            self._changed.notify_all()
        assert error is not None
        raise error

    def give_back(self, started: Started) -> None:
        """It is ended in the background; by ``close`` at the latest."""
        with self._changed:
            self._worn.append(started)
            self._changed.notify_all()
        self.fill()

    def close(self) -> None:
        """Ends all places that are here, side by side, and waits for that."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        ends = [threading.Thread(target=end, args=(one,)) for one in (*self._worn, *self._ready)]
        self._worn.clear()
        self._ready.clear()
        for thread in ends:
            thread.start()
        for thread in ends:
            thread.join()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._worn or self._lacking())
                if self._closing:
                    return
                worn = self._worn.popleft() if self._worn and not self._lacking() else None
            if worn is not None:
                end(worn)
                continue
            started, error = self._started()
            with self._changed:
                self._error = error
                if started is not None:
                    self._ready.append(started)
                self._changed.notify_all()

    def _takeable(self) -> bool:
        while self._ready and self._ready[0][1].lost:
            self._worn.append(self._ready.popleft())
            self._changed.notify_all()
        return bool(self._ready) or self._error is not None

    def _lacking(self) -> bool:
        return len(self._ready) < self._width and self._error is None

    def _started(self) -> tuple[Started | None, BaseException | None]:
        try:
            return self._start(), None
        except BaseException as error:  # noqa: BLE001 - raised again where one is taken
            return None, error


def end(started: Started) -> None:
    """Ends a place and its runner; one that cannot be reached any more is left to the next start's
    clearing."""
    place, link = started
    try:
        link.close()
    finally:
        with suppress(AssistantError):
            place.close()
