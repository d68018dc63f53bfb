"""An event as one line of JSON, and back: the format of records and of ``--json``.

A line of a record is one JSON object, its keys in this order::

    {"v":1,"seq":7,"at":"2025-06-01T12:00:00.000000Z","type":"Notice","text":"...","crc":"89abcdef"}

``v`` is the version of the format, ``seq`` counts from 1, ``at`` is UTC, ``type`` and the fields
after it are the event of that name in ``events.py``, and ``crc`` is the CRC-32 of the line's bytes
without it (``...}`` instead of ``...,"crc":"89abcdef"}``). Lines are ASCII, so that neither a torn
character nor a control sequence can be in one. A decimal number is a string. A string that JSON
cannot carry (two surrogates that are not one character) is ``{"base64":"..."}`` of its UTF-8.
"""

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast, get_args

from assistant.events import Event, RecordError
from assistant.redact import Redactor
from assistant.shapes import shape

VERSION = 1
TYPES: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Event)}

_CRC = re.compile(rb',"crc":"([0-9a-f]{8})"\}\n?\Z')
_PLAIN = Redactor()


class OtherVersion(RecordError):
    """A line was written in another version of the format."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its envelope."""

    seq: int
    at: datetime
    event: Event


def encode(event: Event, seq: int, at: datetime, redactor: Redactor = _PLAIN) -> bytes:
    """The line of a record, with its line end. All text in it passes ``redactor``."""
    envelope = {"v": VERSION, "seq": seq, "at": _stamp(at), "type": type(event).__name__}
    line = _dumps(envelope | _packed(event, redactor)).encode("ascii")
    return b'%s,"crc":"%08x"}\n' % (line[:-1], zlib.crc32(line))


def to_json(event: Event, redactor: Redactor = _PLAIN) -> str:
    """The same object without seq, at and crc, and without a line end: for ``--json``."""
    return _dumps({"v": VERSION, "type": type(event).__name__} | _packed(event, redactor))


def redacted(event: Event, redactor: Redactor) -> Event:
    """The event with all its text redacted; the same object where no secret is in it."""
    kind: type = type(event)
    kept = shape(kind)
    clean = cast(Event, kept.unpack(kept.pack(event, redactor)))
    return event if clean == event else clean


def decode(line: bytes, number: int = 0) -> Recorded:
    """The event of one line. RecordError names line ``number`` and what is wrong with it."""
    try:
        return _decoded(line)
    except OtherVersion as error:
        raise OtherVersion(f"line {number}: {error.message}", error.remedy) from None
    except (ValueError, RecursionError) as error:
        raise RecordError(f"line {number}: {error}") from error


def intact(line: bytes) -> bool:
    """Whether the line's checksum fits: far quicker than ``decode``."""
    found = _CRC.search(line, max(0, len(line) - 24))
    return found is not None and int(found[1], 16) == zlib.crc32(
        b"}", zlib.crc32(memoryview(line)[: found.start()])
    )


def _decoded(line: bytes) -> Recorded:
    try:
        value = json.loads(line)
    except ValueError:
        raise ValueError("not a line of JSON") from None
    if not isinstance(value, dict) or type(version := value.pop("v", None)) is not int:
        raise ValueError("not a line of a record")
    if version != VERSION:
        raise OtherVersion(
            f"written in version {version} of the format, and this assistant reads {VERSION}",
            "read it with the assistant that wrote it, or bring this one up to date",
        )
    if not intact(line):
        raise ValueError("the checksum does not fit")
    seq, at, kind, _ = (value.pop(key, None) for key in ("seq", "at", "type", "crc"))
    if type(seq) is not int or type(at) is not str or type(kind) is not str:
        raise ValueError("not a line of a record")
    if kind not in TYPES:
        raise ValueError(f"unknown event {kind!r}")
    return Recorded(seq, moment(at), cast(Event, shape(TYPES[kind]).unpack(value)))


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The time of an envelope. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"a time without a zone: {text!r}")
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"a time out of all time: {text!r}") from error


def _packed(event: Event, redactor: Redactor) -> dict[str, Any]:
    kind: type = type(event)
    try:
        return cast(dict[str, Any], shape(kind).pack(event, redactor))
    except ValueError as error:
        raise RecordError(f"{kind.__name__} cannot be written: {error}") from error


def _dumps(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
