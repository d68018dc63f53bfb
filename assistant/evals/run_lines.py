"""The lines of a run's file, read back: each is checked, and quickly where msgspec is installed."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import BinaryIO, cast

from assistant.evals.runs import LINES, VERSION, Call, Generated, Line, Span
from assistant.events import RecordError
from assistant.record_reader import Damage
from assistant.shapes import shape

REMEDY = "`assistant eval list` lists the runs there are."
_SPAN = b'{"v":%d,"type":"Span",' % VERSION
_HEAD = re.compile(rb'\{"v":%d,"type":"([A-Za-z]+)",' % VERSION)


def decoded(text: bytes) -> Line:
    """A line of the store; fields that are not known, of a later version, are passed over.

    Raises:
        ValueError: it is none, or lacks something.
    """
    head = _HEAD.match(text)
    quick = _decoders().get(head[1]) if head else None
    if quick is not None:
        try:
            line = quick(text)
        except ValueError:
            pass  # What is wrong with it is told below, or that it is only unusual.
        else:
            if _finite(line):
                return line
    value = json.loads(text, parse_constant=_number, parse_float=_number)
    if not isinstance(value, dict):
        raise ValueError("not a line of a run")
    version, kind = value.pop("v", None), value.pop("type", None)
    if version != VERSION:
        raise ValueError(f"written in version {version!r:.20} of the format, not {VERSION}")
    if kind not in LINES:
        raise ValueError(f"unknown line {kind!r:.40}")
    form: type = LINES[kind]
    return cast(Line, shape(form, strict=False).unpack(value))


@cache
def _decoders() -> Mapping[bytes, Callable[[bytes], Line]]:
    """By the lines' types: from bytes to our own dataclasses, checked, in one go."""
    try:
        import msgspec  # Late: of an extra.
    except ImportError:
        return {}
    return {name.encode(): msgspec.json.Decoder(kind).decode for name, kind in LINES.items()}


def _number(text: str) -> float:
    """Times and tokens are reckoned with: what is no number, or has no end, is refused."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number to reckon with")
    return value


def _finite(line: Line) -> bool:
    """Whether its costs are numbers to reckon with, which a Decimal need not be."""
    if isinstance(line, Generated):
        costs = [attempt.usage.cost for attempt in line.attempts]
    elif isinstance(line, Call):
        costs = [line.cost]
    else:
        costs = [line.usage.cost] if isinstance(line, Span) and line.usage else []
    return all(cost is None or cost.is_finite() for cost in costs)


def read_lines(path: Path) -> Iterator[tuple[int, int, Line | Damage | None]]:
    """The lines with their numbers, from 1, and the bytes before them; None for a span, of which
    there are many, and which ``read_spans`` reads. Raises RecordError where the file cannot be
    read."""
    place = 0
    for number, text in enumerate(whole_lines(path), 1):
        if text.startswith(_SPAN) and text.endswith(b"}\n"):
            yield number, place, None
        else:
            yield number, place, _line(number, text)
        place += len(text)


def read_spans(path: Path) -> Iterator[Span]:
    """Every span that is whole, in the order in which they ended."""
    for number, text in enumerate(whole_lines(path), 1):
        if text.startswith(_SPAN):
            line = _line(number, text)
            if isinstance(line, Span):
                yield line


def _line(number: int, text: bytes) -> Line | Damage:
    try:
        return decoded(text)
    except (ValueError, RecursionError) as error:
        return Damage(number, str(error))


def whole_lines(path: Path) -> Iterator[bytes]:
    """The file's lines, with their ends; a torn last one is left out."""
    with opened(path) as file:
        try:
            for text in file:
                if not text.endswith(b"\n"):
                    return
                yield text
        except OSError as error:
            raise _unread(path, error) from error


def opened(path: Path) -> BinaryIO:
    """The file of a run. Raises RecordError."""
    try:
        return open(path, "rb")
    except OSError as error:
        raise _unread(path, error) from error


def _unread(path: Path, error: OSError) -> RecordError:
    return RecordError(f"cannot read {path}: {error.strerror or error}", REMEDY)
