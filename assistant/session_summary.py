"""What a list of sessions says of one: read from its record without decoding all of it."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from assistant.event_lines import decode, intact, moment
from assistant.events import Finished, RecordError, Said, Started, Status, Usage
from assistant.record_file import held
from assistant.shapes import shape

TITLE = 80
"""Characters of a title at most."""

_HEAD = re.compile(rb'\{"v":1,"seq":\d+,"at":"([^"]*)","type":"(\w+)"')
# Quotes inside a JSON string are escaped, so neither of these can be a part of someone's text.
_USAGE = re.compile(rb',"usage":(\{[^{}]*\})')
_USER = b',"role":"user"'


@dataclass(frozen=True, slots=True)
class Session:
    """What a list of sessions says of one. ``cost`` is None where some price is not known."""

    id: str
    title: str = ""
    """The first message of the user's: one line, without control characters."""
    folder: str = ""
    started: datetime | None = None
    updated: datetime | None = None
    size: int = 0
    """Bytes of the record."""
    replies: int = 0
    tokens: int = 0
    cost: Decimal | None = Decimal(0)
    status: Status | Literal["live", "unfinished", "empty", "damaged"] = "empty"
    damage: str = ""
    """What is wrong with the record, where ``status`` is "damaged"."""


def summary(record: Path) -> Session:
    """What one record adds up to. Never raises: what is wrong with it is in ``damage``."""
    tally = _Tally()
    try:
        if not record.is_file():
            raise RecordError(
                "it has no record" if not record.exists() else "its record is no file"
            )
        with record.open("rb") as file:
            for number, line in enumerate(file, start=1):
                tally.add(line, number)
    except OSError as error:
        tally.damage = f"its record cannot be read: {error.strerror or error}"
    except RecordError as error:
        tally.damage = error.message
    return tally.session(record.parent.name, live=held(record))


class _Tally:
    """What a record's lines add up to."""

    def __init__(self) -> None:
        self.title = self.folder = self.damage = ""
        self.started: datetime | None = None
        self.updated: datetime | None = None
        self.size = self.replies = self.tokens = 0
        self.cost, self.unpriced = Decimal(0), False
        self.status: Status | None = None

    def add(self, line: bytes, number: int) -> None:
        """Take one line; RecordError where it is ours and yet cannot be read."""
        self.size += len(line)
        head = _HEAD.match(line)
        if head is None or not intact(line):
            if line.endswith(b"\n"):  # Else it is being written, or was torn.
                self.damage = self.damage or f"line {number} is damaged or of another version"
            return
        kind = head[2]
        try:
            self.updated = moment(head[1].decode())
            self.started = self.started or self.updated
            if kind in (b"Replied", b"Summarised"):
                self._replied(line)
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise RecordError(f"line {number}: {error}") from error
        if kind == b"Said" and _USER in line:
            self.status = None
        if kind in (b"Started", b"Finished") or (kind == b"Said" and not self.title):
            self._decoded(line, number)

    def _decoded(self, line: bytes, number: int) -> None:
        match decode(line, number).event:
            case Started(folder=folder):
                self.folder = self.folder or folder
            case Finished(status=status):
                self.status = status
            case Said(text=text, role="user"):
                self.title = one_line(text) or "(blank)"

    def _replied(self, line: bytes) -> None:
        self.replies += b'"finish":"failed"' not in line
        found = _USAGE.search(line)
        usage: Usage = shape(Usage).unpack(json.loads(found[1])) if found else Usage()
        self.tokens += usage.total
        self.cost += usage.cost or Decimal(0)
        self.unpriced |= usage.cost is None and usage.total > 0

    def session(self, id: str, live: bool) -> Session:
        ended = self.status or ("unfinished" if self.title else "empty")
        return Session(
            id,
            self.title,
            self.folder,
            self.started,
            self.updated,
            self.size,
            self.replies,
            self.tokens,
            None if self.unpriced else self.cost,
            "damaged" if self.damage else "live" if live else ended,
            self.damage,
        )


def one_line(text: str, length: int = TITLE) -> str:
    """The text on one line, cut to ``length``; what a terminal would obey is spelt out."""
    words = " ".join(text[: 20 * length].split())
    cut = words if len(words) <= length else words[: length - 1] + "…"
    return "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in cut)
