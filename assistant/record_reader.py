"""Reads a record back, whole or from its end; never changes it."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from assistant.event_lines import OtherVersion, Recorded, decode
from assistant.events import Asked, Event, Finished, Ran, RecordError, Reset, Running, Started
from assistant.transcript import by_user

_OURS = b'{"v":'
_PIECE = 1 << 16
_REMEDY = "`assistant sessions` lists the records there are."


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in a record that cannot be read; ``line`` counts from 1."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a record holds, in the order in which it was written."""

    path: Path
    recorded: tuple[Recorded, ...]
    torn: bool = False
    """The last line is a piece: its writer was killed, or is writing it now."""
    damaged: tuple[Damage, ...] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple(one.event for one in self.recorded)

    @property
    def finished(self) -> Finished | None:
        """How the last turn ended; None where it is under way or its process died."""
        for event in reversed(self.events):
            if isinstance(event, Finished):
                return event
            if by_user(event):
                return None
        return None

    @property
    def waiting(self) -> bool:
        """The block of ``unfinished`` never began: it waited for the user's yes."""
        for event in reversed(self.events):
            if isinstance(event, Asked):
                return not event.answer
            if isinstance(event, Running):
                return False
        return False

    @property
    def unfinished(self) -> Running | None:
        """The block that was started and of whose end nothing is known; never run it by itself."""
        for event in reversed(self.events):
            if isinstance(event, Running):
                return event
            if isinstance(event, Ran | Finished | Started | Reset) or by_user(event):
                return None
        return None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a record ends: its last sequence number, and the bytes after its last whole line."""

    seq: int = 0
    rest: bytes = b""
    rest_is_event: bool = False
    """Only the line end is missing."""


def load(path: str | os.PathLike[str]) -> Loaded:
    """Read a record; lines that cannot be read are reported and the rest is kept.

    Raises:
        RecordError: the file cannot be read, is no record, or is of another version.
    """
    path = Path(path)
    reading = _Reading()
    line = b""
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            reading.take(line, number)
    if reading.foreign and not reading.recorded:
        raise RecordError(f"{path}: {reading.foreign.message}", reading.foreign.remedy)
    if not reading.recorded and (reading.damaged or not _may_be_ours(line)):
        raise _no_record(path)
    return Loaded(path, tuple(reading.recorded), reading.torn, tuple(reading.damaged))


def ending(file: BinaryIO, path: Path) -> Ending:
    """How the open record ends; reads only as much of its end as that takes.

    Raises:
        RecordError: what is there is no record or of another version, so nothing may be added.
    """
    size = file.seek(0, os.SEEK_END)
    piece = _PIECE
    while size:
        start = max(0, size - piece)
        file.seek(start)
        lines = file.read(size - start).split(b"\n")
        rest = lines.pop()
        if start:
            lines = lines[1:]
        found = _ending(lines, rest, path)
        if found:
            return found
        if start == 0 and (lines or not _may_be_ours(rest)):
            raise _no_record(path)
        if start == 0:
            return Ending(0, rest)
        piece *= 4
    return Ending()


def _ending(lines: list[bytes], rest: bytes, path: Path) -> Ending | None:
    for after, line in enumerate(reversed([*lines, rest])):
        try:
            seq = decode(line).seq
        except OtherVersion as error:
            raise RecordError(f"{path}: {error.message}", error.remedy) from error
        except RecordError:
            continue
        # Damaged lines after the last sound one had a number each; the rest had none to keep.
        return Ending(seq + max(0, after - 1), rest, rest_is_event=after == 0)
    return None


class _Reading:
    """What has been read so far."""

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self.damaged: list[Damage] = []
        self.foreign: OtherVersion | None = None
        self.torn = False
        self._lost = 0  # Damaged lines since the last sound one; each had a number.

    def take(self, line: bytes, number: int) -> None:
        try:
            one = decode(line, number)
        except RecordError as error:
            if not line.endswith(b"\n"):
                self.torn = True
                return
            if isinstance(error, OtherVersion):
                self.foreign = self.foreign or error
            self.damaged.append(Damage(number, error.message))
            self._lost += 1
        else:
            self._keep(one, number)
            self._lost = 0

    def _keep(self, one: Recorded, number: int) -> None:
        last = self.recorded[-1].seq if self.recorded else 0
        if one.seq > last + 1 + self._lost:
            why = f"line {number}: events {last + 1} to {one.seq - 1} are not there"
            self.damaged.append(Damage(number, why))
        elif one.seq <= last:
            why = f"line {number}: event {one.seq} comes after event {last}"
            self.damaged.append(Damage(number, why))
        self.recorded.append(one)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RecordError(f"the record {path} is not a file", _REMEDY)
        with path.open("rb") as file:
            yield file
    except OSError as error:
        why = error.strerror or str(error)
        raise RecordError(f"cannot read the record {path}: {why}", _REMEDY) from error


def _no_record(path: Path) -> RecordError:
    return RecordError(f"{path} is not a record of a session: no line of it can be read", _REMEDY)


def _may_be_ours(rest: bytes) -> bool:
    return rest.startswith(_OURS) or _OURS.startswith(rest)
