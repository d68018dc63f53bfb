"""The frames that host and runner exchange, and the mistrust with which the host reads them.

A frame is two lengths (4 bytes each, big endian), a JSON object, and bytes. The runner's half of
this format lies in its source, since that is sent as text.
"""

import json
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from assistant.events import SandboxError
from assistant.sandbox.names import shown
from assistant.sandbox.tree import Entry

PIECE = 1 << 18
"""Bytes of file contents that one frame carries."""
LARGEST_HEAD = 4 << 20
LARGEST_BODY = 4 << 20
"""What a frame from the runner may hold at most, in bytes."""
MOST_PARTS = 200_000
"""Lists and objects in the head of one frame."""
LONGEST_PATH = 4096
DEEPEST = 64

_LENGTHS = struct.Struct(">II")
_KINDS = frozenset({"file", "dir", "link"})


@dataclass(frozen=True, slots=True)
class Frame:
    head: Mapping[str, Any]
    body: bytes = b""

    @property
    def kind(self) -> str:
        return str(self.head.get("is", ""))


def encode(head: Mapping[str, Any], body: bytes = b"") -> bytes:
    text = json.dumps(head).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


class Decoder:
    """Bytes in, frames out; raises SandboxError on what no runner of ours would send."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._buffer += data
        while len(self._buffer) >= _LENGTHS.size:
            heading, size = _LENGTHS.unpack_from(self._buffer)
            if heading > LARGEST_HEAD or size > LARGEST_BODY:
                raise nonsense("a frame that is too large")
            start = _LENGTHS.size + heading
            if len(self._buffer) < start + size:
                return
            head = _parsed(bytes(self._buffer[_LENGTHS.size : start]))
            body = bytes(self._buffer[start : start + size])
            del self._buffer[: start + size]
            yield Frame(head, body)


def _parsed(text: bytes) -> dict[str, Any]:
    if text.count(b"[") + text.count(b"{") > MOST_PARTS:  # Each takes far more than its bytes.
        raise nonsense("a frame with too many parts")
    try:
        head = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise nonsense("a frame that cannot be read") from error
    if not isinstance(head, dict):
        raise nonsense("a frame without a head")
    return head


def nonsense(what: str) -> SandboxError:
    return SandboxError(
        f"The sandbox sent {what}", "Start a new session; its container is not to be trusted"
    )


def whole_number(head: Mapping[str, Any], name: str, most: int = 1 << 53) -> int:
    value = head.get(name)
    if type(value) is not int or not 0 <= value <= most:
        raise nonsense(f"a frame with a wrong {name}")
    return value


def text_of(head: Mapping[str, Any], name: str, longest: int = 10_000) -> str:
    value = head.get(name)
    if type(value) is not str or len(value) > longest:
        raise nonsense(f"a frame with a wrong {name}")
    return value


def words_of(head: Mapping[str, Any], name: str) -> str:
    """What a runner says, which may be anyone's words by now: one short line without surprises."""
    return shown(text_of(head, name)[:300])


def list_of(head: Mapping[str, Any], name: str, most: int = 100_000) -> list[Any]:
    value = head.get(name, [])
    if type(value) is not list or len(value) > most:
        raise nonsense(f"a frame with a wrong {name}")
    return value


@dataclass(frozen=True, slots=True)
class Caps:
    """What one pull may bring to the host; what is over is left out and told."""

    bytes: int = 256 << 20
    largest: int = 64 << 20
    """The largest single file, in bytes."""
    count: int = 50_000
    longest: int = LONGEST_PATH
    deepest: int = DEEPEST
    seconds: float = 60.0


def checked_path(value: object) -> str:
    """A path as it may come from a sandbox: relative, plain, of sane length; else SandboxError."""
    if type(value) is not str:
        raise nonsense("a path that is no text")
    try:
        size = len(os.fsencode(value))
    except UnicodeEncodeError as error:
        raise nonsense("a path that no file system holds") from error
    parts = value.split("/")
    if "\0" in value or size > LONGEST_PATH or len(parts) > DEEPEST:
        raise nonsense("a path that is too long, too deep, or holds a NUL")
    if any(part in ("", ".", "..") for part in parts):
        raise nonsense("a path that could leave the workspace")
    return value


@dataclass(slots=True)
class Unpacking:
    """Entries and contents as they come, in step with each other, held to the caps."""

    caps: Caps
    entries: dict[str, Entry] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    _awaited: list[tuple[str, int, int]] = field(default_factory=list)
    _contents: bytearray = field(default_factory=bytearray)
    _total: int = 0

    def feed(self, frame: Frame) -> Iterator[tuple[str, int, bytes]]:
        """Yields (path, mode, contents) for every file that is complete."""
        for path in list_of(frame.head, "removed"):
            self.removed.append(checked_path(path))
        for row in list_of(frame.head, "entries"):
            self._expect(row)
        if len(self.entries) + len(self._awaited) + len(self.removed) > 2 * self.caps.count + 1000:
            raise nonsense("more files than it was asked for")
        self._contents += frame.body
        while self._awaited and len(self._contents) >= self._awaited[0][2]:
            path, mode, size = self._awaited.pop(0)
            yield path, mode, bytes(self._contents[:size])
            del self._contents[:size]
        if self._contents and not self._awaited:
            raise nonsense("contents of no file")

    @property
    def complete(self) -> bool:
        return not self._awaited

    def _expect(self, row: object) -> None:
        if type(row) is not list or len(row) != 5:
            raise nonsense("an entry of a wrong shape")
        path, kind, mode, size, target = checked_path(row[0]), *row[1:]
        if (
            type(kind) is not str
            or kind not in _KINDS
            or type(mode) is not int
            or type(size) is not int
        ):
            raise nonsense("an entry of a wrong shape")
        if mode & ~0o777 or not 0 <= size <= self.caps.largest:
            raise nonsense("an entry with a wrong mode or size")
        if kind == "file":
            self._total += size
            if self._total > self.caps.bytes:
                raise nonsense("more bytes than it was asked for")
            self._awaited.append((path, mode, size))
        elif size:
            raise nonsense("an entry with contents that it cannot have")
        elif kind == "dir":
            self.entries[path] = Entry("dir", mode)
        else:
            self.entries[path] = Entry("link", mode, target=_checked_target(target))


def _checked_target(value: object) -> str:
    if type(value) is not str or "\0" in value or not 0 < len(value) <= LONGEST_PATH:
        raise nonsense("a link with a wrong target")
    try:
        os.fsencode(value)
    except UnicodeEncodeError as error:
        raise nonsense("a link with a wrong target") from error
    return value


def packed(
    written: Iterable[tuple[str, Entry, bytes]],
) -> Iterator[tuple[list[list[Any]], bytes]]:
    """Rows and contents for the frames of one put, none over ``PIECE`` bytes by much."""
    rows: list[list[Any]] = []
    body = bytearray()
    for path, entry, contents in written:
        rows.append([path, entry.kind, entry.mode & 0o777, len(contents), entry.target])
        body += contents
        while len(body) >= PIECE or len(rows) >= 500:
            yield rows, bytes(body[:PIECE])
            rows = []
            del body[:PIECE]
    yield rows, bytes(body)
