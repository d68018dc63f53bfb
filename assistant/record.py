"""The record of a session: an append-only file of events that outlives whatever happens to us."""

import contextlib
import errno
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from assistant.closing import Closing
from assistant.event_lines import Recorded, decode, encode, redacted, to_json
from assistant.events import (
    Asked,
    Checked,
    Checking,
    Chunk,
    Compacted,
    Event,
    Finished,
    Moved,
    Notice,
    Output,
    Pictured,
    Ran,
    RecordError,
    Replied,
    Reserved,
    Reset,
    Restored,
    Retrying,
    Rewound,
    Running,
    Said,
    Started,
    Summarised,
)
from assistant.following import unheard
from assistant.record_file import hold, open_record, release, write
from assistant.record_reader import Damage, Loaded, ending, load
from assistant.redact import Redactor

__all__ = [
    "KEPT",
    "Damage",
    "Loaded",
    "Recorded",
    "Recorder",
    "decode",
    "encode",
    "load",
    "redacted",
    "to_json",
]

KEPT: Mapping[type, bool | None] = {
    # True: on the disk itself before the call returns. False: in the file, and on the disk with
    # the next that is. None: shown, not stored, since the whole text comes later.
    Started: False,  # Said follows at once.
    Said: True,
    Pictured: True,
    Reserved: True,  # Intent before effect: the call may cost this, whatever happens.
    Chunk: None,
    Retrying: False,
    Notice: False,
    Replied: True,
    Running: True,  # Intent before effect: a block that was started is never re-run by itself.
    Asked: True,
    Output: None,
    Ran: True,
    Checking: False,
    Checked: True,
    Restored: True,
    Moved: True,
    Summarised: True,
    Compacted: True,
    Rewound: True,
    Reset: True,
    Finished: True,
}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Line:
    """An event on its way to the file; encoded when it is written."""

    seq: int
    at: datetime
    event: Event | None
    data: bytes = b""


class Recorder(Closing):
    """A sink that appends events to a record; use it with ``with``, in one thread.

    One ``write`` per line; the sequence goes on where the record ended. A torn last line (a writer
    was killed) is cut off and told. When the disk is full or fails, the session goes on in memory:
    that is told once, each further event tries again, and what waited is then written in order.
    ``tell`` shows such notices to the user; it need not record them.

    Raises:
        RecordError: another process writes to this record, it is damaged beyond adding to it, of
            another version, no record at all, or it cannot be opened.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        redactor: Redactor | None = None,
        *,
        tell: Callable[[Notice], None] = unheard,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self.path = Path(path)
        self._redactor, self._tell, self._clock = redactor or Redactor(), tell, clock
        self._pending: list[_Line] = []  # Not known to be on the disk yet.
        self._written = 0  # So many of them are in the file.
        self._sync_needed = self._half_written = self._in_trouble = False
        self._fd = open_record(self.path)
        try:
            hold(self._fd, self.path)
            self._resume()
        except BaseException:
            os.close(self._fd)
            raise

    @property
    def waiting(self) -> int:
        """Events that are in memory only."""
        return len(self._pending) - self._written

    def __call__(self, event: Event) -> None:
        """Record an event. RecordError only for what no record can hold."""
        durable = KEPT[type(event)]
        if durable is None:
            return
        if self._fd < 0:
            raise RecordError(f"the record {self.path} is closed")
        self._add(event)
        self._encode(self._pending[-1])
        self._sync_needed |= durable
        self._settle()

    def close(self) -> None:
        """Write what waits, let others have the record. What could not be written is told."""
        if self._fd < 0:
            return
        self._sync_needed = bool(self._pending)
        self._settle()
        if self.waiting:
            events = "an event" if self.waiting == 1 else f"{self.waiting} events"
            self._tell(Notice(f"{events} could not be written to {self.path}"))
        release(self._fd, self.path)
        self._fd = -1

    def _resume(self) -> None:
        """Find the end of the record, and mend it where a writer was killed."""
        with open(os.dup(self._fd), "rb") as file:
            end = ending(file, self.path)
        self._last = end.seq
        self._end = self._synced = os.fstat(self._fd).st_size
        if end.rest_is_event:
            self._pending.append(_Line(end.seq, self._clock(), None, b"\n"))
        elif end.rest:
            self._end = self._synced = self._end - len(end.rest)
            self._half_written = True
            cut = Notice(
                f"the last line of the record was torn ({len(end.rest)} bytes) and was cut off:"
                " its writer had been killed"
            )
            self._add(cut)
            self._tell(cut)
        self._settle()

    def _add(self, event: Event) -> None:
        last = self._pending[-1].seq if self._pending else self._last
        # First of all: an interrupt may come at any time, and must find the event here.
        self._pending.append(_Line(last + 1, self._clock(), event))

    def _settle(self) -> None:
        """Write all that waits, if that can be done."""
        try:
            self._flush()
        except OSError as error:
            if not self._in_trouble:
                self._in_trouble = True
                why = error.strerror or str(error)
                self._tell(
                    Notice(
                        f"the record cannot be written ({why}); the session goes on in memory and"
                        f" each event tries again: {self.path}"
                    )
                )
        else:
            if self._in_trouble:
                self._in_trouble = False
                self._tell(Notice(f"the record is whole again: {self.path}"))

    def _flush(self) -> None:
        """Write and sync what waits.

        Can be called again after whatever ended it, an interrupt included: every step is noted
        only once it is done, and the same step done twice has the same outcome.
        """
        self._mend()
        while self._written < len(self._pending):
            line = self._pending[self._written]
            self._encode(line)
            self._append(line)
        if self._sync_needed:
            self._sync()

    def _encode(self, line: _Line) -> None:
        if line.event is None or line.data:
            return
        try:
            line.data = encode(line.event, line.seq, line.at, self._redactor)
        except RecordError:
            self._pending.remove(line)
            raise

    def _append(self, line: _Line) -> None:
        self._half_written = True
        try:
            write(self._fd, line.data)
        except OSError:
            with contextlib.suppress(OSError):
                self._mend()
            raise
        self._end, self._written = self._end + len(line.data), self._written + 1
        self._half_written = False

    def _mend(self) -> None:
        """Cut off what we left half-written; what others did to the file is left as it is."""
        found = os.fstat(self._fd)
        if found.st_nlink == 0:
            raise OSError(errno.ENOENT, "it was deleted")
        if self._half_written and found.st_size > self._end:
            os.ftruncate(self._fd, self._end)
        else:
            self._end = found.st_size
            self._synced = min(self._synced, self._end)
        self._half_written = False

    def _sync(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError:
            # The kernel may have dropped the pages and forgotten the error: only lines written
            # anew can still reach the disk.
            self._end, self._written, self._half_written = self._synced, 0, True
            raise
        self._synced, self._sync_needed = self._end, False
        if self._pending:
            self._last = self._pending[-1].seq
            self._pending, self._written = [], 0
