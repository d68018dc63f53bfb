"""Requests to a runner: each gathers the frames of its answer, and knows when it is overdue."""

import codecs
import threading
import time
from collections import deque
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from assistant.events import AssistantError, Reason
from assistant.sandbox.protocol import (
    Frame,
    Unpacking,
    list_of,
    nonsense,
    whole_number,
)
from assistant.sandbox.pulse import LOOK
from assistant.sandbox.tree import Entry, Store

_PIECE = 1 << 17
"""Bytes of output that are shown at once."""
_LONGEST = 1e9
"""Seconds that a block can have taken."""
_LIVE = 32
"""Pieces of output that may wait to be shown."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a block ended, as the runner tells it."""

    exit_code: int
    reason: Reason | None
    seconds: float
    output: str
    cut: int
    notes: tuple[Mapping[str, Any], ...]
    clean: bool = False
    """Nothing of the block is left, so that another one may run in the same place."""


class Question:
    """Something asked, and what has come back for it. Filled by one thread, read by another."""

    def __init__(self, number: int) -> None:
        self.id = number
        self._changed = threading.Event()
        self._frame: Frame | None = None
        self._error: AssistantError | None = None

    @property
    def over(self) -> bool:
        return self._frame is not None or self._error is not None

    def wait(self, seconds: float) -> bool:
        """Until something has come or the time is up; True once all has."""
        if not self.over:
            self._changed.wait(max(0.0, seconds))
            self._changed.clear()
        return self.over

    def frame(self) -> Frame:
        if self._error is not None:
            raise self._error
        assert self._frame is not None
        return self._frame

    def take(self, frame: Frame) -> None:
        self._frame = frame
        self._changed.set()

    def fail(self, error: AssistantError) -> None:
        if not self.over:
            self._error = error
        self._changed.set()


class Wait:
    """Until when an answer is waited for, and when to see next whether it can still come."""

    def __init__(self, look: float, until: float) -> None:
        self._until = until
        self._next = min(look, until)

    @property
    def seconds(self) -> float:
        return self._next - time.monotonic()

    @property
    def due(self) -> bool:
        return self.seconds <= 0

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._until

    def again(self) -> None:
        self._next = min(time.monotonic() + LOOK, self._until)


class Block(Question):
    """A block that runs: pieces of output to show, then how it ended."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.cancelled = False
        self._pieces: deque[bytes] = deque()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def take(self, frame: Frame) -> None:
        if frame.kind != "output":
            super().take(frame)
        elif len(self._pieces) < _LIVE:  # Who looks away misses some; the result holds it all.
            self._pieces.append(frame.body[:_PIECE])
            self._changed.set()

    def pieces(self) -> Generator[str, None, None]:
        while self._pieces:
            piece = self._pieces.popleft()
            if text := self._decoder.decode(piece, self.over and not self._pieces):
                yield text

    def answer(self) -> Done:
        if self.cancelled and self._frame is None:
            return Done(130, "cancelled", 0.0, "", 0, ({"note": "lost", "what": "all"},))
        frame = self.frame()
        head, reason = frame.head, _reason(frame.head.get("reason"))
        seconds = head.get("seconds")
        if not isinstance(seconds, int | float) or not 0 <= seconds < _LONGEST:
            raise nonsense("a frame with a wrong time")
        notes = list_of(head, "notes", 100)
        if not all(type(note) is dict for note in notes):
            raise nonsense("a frame with wrong notes")
        code, cut = whole_number(head, "exit", 255), whole_number(head, "cut")
        output = joined(frame.body, whole_number(head, "head", len(frame.body)), cut)
        if self.cancelled:
            code, reason = 130, "cancelled"
        clean = head.get("clean") is True
        return Done(code, reason, float(seconds), output, cut, tuple(notes), clean)


def _reason(value: object) -> Reason | None:
    for reason in get_args(Reason):
        if value == reason:
            return cast(Reason, reason)
    if value is not None:
        raise nonsense("a frame with a wrong reason")
    return None


def joined(kept: bytes, head: int, cut: int) -> str:
    if not cut:
        return kept.decode("utf-8", "replace")
    start, end = kept[:head].decode("utf-8", "replace"), kept[head:].decode("utf-8", "replace")
    return f"{start}\n[... {cut} bytes left out ...]\n{end}"


class Load(Question):
    """Files on their way in; each goes to the store as soon as it is whole."""

    def __init__(self, number: int, unpacking: Unpacking, blobs: Store) -> None:
        super().__init__(number)
        self.unpacking, self._blobs = unpacking, blobs

    def take(self, frame: Frame) -> None:
        if frame.kind != "files":
            if not self.unpacking.complete:
                raise nonsense("a file that is not whole")
            super().take(frame)
            return
        try:
            for path, mode, data in self.unpacking.feed(frame):
                digest = self._blobs.put(data)
                self.unpacking.entries[path] = Entry("file", mode, len(data), digest)
        except OSError as error:
            self.fail(AssistantError(f"File contents cannot be stored: {error.strerror}"))
