"""Reads rows of JSON from a file's bytes, and says of each where it stood."""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assistant.events import UsageError

LARGEST = 1 << 30
"""Bytes of a file, unpacked: a small archive can hold any amount."""


def rows_of(data: bytes, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row with its place in words; JSON lines or one array, plain or gzipped.

    Raises:
        UsageError: the file is damaged, too large, or has what is not a JSON object at some line.
    """
    text = _unpacked(data, path).removeprefix(b"\xef\xbb\xbf")
    if text.lstrip()[:1] == b"[":
        found = _parsed(text, str(path))
        for number, row in enumerate(found, 1):
            yield from _row(row, f"{path}, row {number}")
        return
    for number, line in enumerate(text.split(b"\n"), 1):
        if line.strip():
            place = f"{path}, line {number}"
            yield from _row(_parsed(line, place), place)


def _unpacked(data: bytes, path: Path) -> bytes:
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
                data = file.read(LARGEST + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise UsageError(
                f"{path} is damaged: {error}", "Get or make the file again."
            ) from error
    if len(data) > LARGEST:
        raise UsageError(f"{path} has more than {LARGEST >> 20} MiB")
    return data


def _parsed(text: bytes, place: str) -> Any:
    try:
        return json.loads(text.decode("utf-8"))
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        said = error.msg.removesuffix(" at")
        where = f"{line}column {error.colno}"
        raise UsageError(
            f"{place}: this is no JSON: {said} ({where})", "Each line is a JSON object of its own."
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: this cannot be read: {error}") from error


def _row(row: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(row, dict):
        raise UsageError(
            f"{place}: a row must be a JSON object with named fields", 'Such as {"task_id": ...}'
        )
    yield place, row
