"""Writes an evaluation run: one process at a time, from many threads, and nothing is lost."""

import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from assistant.evals.runs import VERSION, Ended, Line, Manifest, RunStatus
from assistant.events import RecordError
from assistant.record_file import hold, open_record, release, write
from assistant.redact import Redactor
from assistant.shapes import shape

SYNC_SECONDS = 0.5
"""So long a written line may wait for the disk itself."""
_PIECE = 1 << 16


def encoded(line: Line, redactor: Redactor) -> bytes:
    """A line of the store; all text in it passes the redactor."""
    kind: type = type(line)
    fields = shape(kind).pack(line, redactor)
    value = {"v": VERSION, "type": kind.__name__, **fields}
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RunWriter:
    """Appends lines to a run; use it with ``with``. ``add`` may be called from any thread.

    Each line is written at once (a process that is killed loses none) and reaches the disk itself
    within SYNC_SECONDS of writing, or at the end. Where the disk is full, ``add`` raises, the line
    is kept, and is written before the next one; closing tries it a last time. Left by an error, it
    writes down which, where there is room.

    Raises:
        RecordError: another process writes to this run, or it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        redactor: Redactor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._redactor, self._clock = redactor or Redactor(), clock
        self._lock = threading.Lock()
        self._waiting: list[bytes] = []
        self._fd = -1
        self._end = 0
        self._unsynced_since: float | None = None
        self._unended = False
        """Lines were added, and none that says how it ended."""

    def __enter__(self) -> Self:
        self._fd = open_record(self.path)
        try:
            hold(self._fd, self.path)
            self._end = _whole(self._fd)
        except BaseException:
            os.close(self._fd)
            raise
        return self

    @property
    def empty(self) -> bool:
        """Whether nothing was written yet: the manifest comes first."""
        return self._end == 0 and not self._waiting

    def begin(self, manifest: Manifest) -> None:
        """The first line, on the disk itself."""
        self.add(manifest)
        self.sync()

    def add(self, *lines: Line) -> None:
        """Write lines, in order."""
        data = [encoded(line, self._redactor) for line in lines]
        with self._lock:
            if self._fd < 0:
                raise RecordError(f"the run {self.path} is closed")
            self._waiting += data
            self._unended = not isinstance(lines[-1], Ended) if lines else self._unended
            self._write()
            since = self._unsynced_since
            if since is not None and self._clock() - since >= SYNC_SECONDS:
                self._sync()

    def end(self, status: RunStatus, detail: str = "") -> None:
        """Say how it went; the run can still be resumed."""
        self.add(Ended(status, now(), detail))
        self.sync()

    def sync(self) -> None:
        with self._lock:
            self._write()
            self._sync()

    def _write(self) -> None:
        try:
            while self._waiting:
                data = b"".join(self._waiting)
                write(self._fd, data)
                self._end += len(data)
                self._waiting = []
                if self._unsynced_since is None:
                    self._unsynced_since = self._clock()
        except OSError as error:
            os.ftruncate(self._fd, self._end)  # What was written of it would be a torn line.
            raise self._failed(error) from error

    def _sync(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise self._failed(error) from error
        self._unsynced_since = None

    def _failed(self, error: OSError) -> RecordError:
        begun = "Free some space and go on with --resume; all that was written before is kept."
        return RecordError(
            f"the run {self.path} cannot be written: {error.strerror or error}",
            begun if self._end else "Free some space and begin again.",
        )

    def _tell(self, error: BaseException) -> None:
        """Why the run is left, if it can be: a full disk mostly has room for a line so short, in
        the block that the last whole line ends in."""
        status: RunStatus = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        self._waiting = []
        with suppress(RecordError):
            self.end(status, str(error).split("\n")[0][:200])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.sync()
        except RecordError:
            if kind is None:
                raise
        finally:
            if error is not None and self._unended:
                self._tell(error)
            with self._lock:
                fd, self._fd = self._fd, -1
            release(fd, self.path)


def _whole(fd: int) -> int:
    """Cut a torn last line off; the size of what is whole."""
    size = os.fstat(fd).st_size
    end = size
    while end > 0:
        start = max(0, end - _PIECE)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        os.ftruncate(fd, end)
    return end
