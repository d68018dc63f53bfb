"""File contents by their sha256, in append-only packs: many small files cost one open and one sync.

A pack is a sequence of ``MAGIC + sha256 (32 bytes) + length (8 bytes, big endian) + bytes``. What a
crash leaves at its end is cut off by the next writer. Large contents are files of their own.
"""

import fcntl
import hashlib
import os
import secrets
import stat
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from assistant.events import AssistantError
from assistant.sandbox.disk import sync_folder, write_all

MAGIC = b"blob"
_HEADER = len(MAGIC) + 32 + 8
_PIECE = 1 << 20
LARGE = 4 << 20
"""Contents of this size (bytes) and more get a file of their own."""


class Blobs:
    """A store in ``folder`` (made with mode 0700). ``get(put(data)) == data``, across processes.

    What ``put`` stored is safe against a crash of this program at once, and against one of the
    machine after ``sync``. One process writes at a time; others may read. ``scratch`` contents
    live until ``drop_scratch`` (or the next writer): they are what can be had again.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._kept = _Pack(self.folder / "kept.pack")
        self._scratch = _Pack(self.folder / "scratch.pack", fresh=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._kept.close()
            self._scratch.close()

    def put(self, data: bytes, *, scratch: bool = False) -> str:
        """Store contents; returns their sha256 in hex. Storing them again costs nothing."""
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            if digest in self._kept or (scratch and digest in self._scratch):
                return digest
            if len(data) >= LARGE and not scratch:
                return digest if self._file(digest).exists() else self.put_stream([data])
            (self._scratch if scratch else self._kept).append(bytes.fromhex(digest), data)
        return digest

    def put_stream(self, pieces: Iterable[bytes]) -> str:
        """As ``put`` for what should not be in memory at once."""
        temporary = self.folder / f"{secrets.token_hex(8)}.tmp"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            hashed = hashlib.sha256()
            try:
                for piece in pieces:
                    hashed.update(piece)
                    write_all(fd, piece)
                os.fsync(fd)
            finally:
                os.close(fd)
            os.rename(temporary, self.folder / hashed.hexdigest())
            sync_folder(self.folder)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return hashed.hexdigest()

    def keep(self, digest: str) -> None:
        """Make scratch contents last; raises AssistantError where there are none."""
        with self._lock:
            if digest not in self._kept and not self._file(digest).exists():
                self.put(self.get(digest))

    def has(self, digest: str) -> bool:
        with self._lock:
            return digest in self._kept or digest in self._scratch or self._file(digest).exists()

    def size(self, digest: str) -> int:
        """The length in bytes; raises AssistantError where the contents are not stored."""
        with self._lock:
            for pack in (self._kept, self._scratch):
                if digest in pack:
                    return pack.length(digest)
        try:
            return self._file(digest).stat().st_size
        except FileNotFoundError as error:
            raise _missing(digest) from error

    def get(self, digest: str) -> bytes:
        """The contents; raises AssistantError where they are not stored or are damaged."""
        return b"".join(self.pieces(digest))

    def pieces(self, digest: str) -> Iterator[bytes]:
        """As ``get``, piece by piece; damage shows at the end."""
        with self._lock:
            packed = next((p for p in (self._scratch, self._kept) if digest in p), None)
            data = packed.read(digest) if packed else None
        if data is not None:
            if packed is self._kept and hashlib.sha256(data).hexdigest() != digest:
                raise _damaged(self.folder)
            yield data
            return
        hashed = hashlib.sha256()
        try:
            with self._file(digest).open("rb") as source:
                while piece := source.read(_PIECE):
                    hashed.update(piece)
                    yield piece
        except FileNotFoundError as error:
            raise _missing(digest) from error
        if hashed.hexdigest() != digest:
            raise _damaged(self.folder)

    def sync(self) -> None:
        """Bring all that is kept to disk; what refers to it may be written after this."""
        with self._lock:
            self._kept.sync()

    def drop_scratch(self) -> None:
        """Forget what was put with ``scratch``, and free its space."""
        with self._lock:
            self._scratch.drop()

    def _file(self, digest: str) -> Path:
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise _missing(digest)
        return self.folder / digest


class _Pack:
    """One pack file and where each content lies in it; opened for writing at the first append."""

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self._path, self._fresh = path, fresh
        self._at: dict[str, tuple[int, int]] = {}
        self._fd, self._end, self._writing, self._synced = -1, 0, False, True
        if not fresh:
            self._find()

    def __contains__(self, digest: str) -> bool:
        if digest in self._at:
            return True
        if not self._writing and not self._fresh:  # Another process may have added it.
            self._find()
        return digest in self._at

    def length(self, digest: str) -> int:
        return self._at[digest][1]

    def read(self, digest: str) -> bytes:
        start, length = self._at[digest]
        data = b""
        while len(data) < length:
            piece = os.pread(self._fd, length - len(data), start + len(data))
            if not piece:
                raise _damaged(self._path.parent)
            data = data + piece if data else piece
        return data

    def append(self, digest: bytes, data: bytes) -> None:
        self._open()
        try:
            write_all(self._fd, MAGIC + digest + len(data).to_bytes(8, "big") + data)
        except BaseException:  # A full disk, Ctrl-C: the pack ends where it ended before.
            os.ftruncate(self._fd, self._end)
            raise
        self._at[digest.hex()] = (self._end + _HEADER, len(data))
        self._end += _HEADER + len(data)
        self._synced = False

    def sync(self) -> None:
        if not self._synced:
            os.fsync(self._fd)
            self._synced = True

    def drop(self) -> None:
        if self._writing:
            os.ftruncate(self._fd, 0)
        self._at.clear()
        self._end = 0

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd, self._writing = -1, False

    def _open(self) -> None:
        """Become the writer: lock, and cut off what a crash left at the end."""
        if self._writing:
            return
        self.close()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AssistantError(
                f"{self._path.parent}: another process writes to this session",
                "Close it there, or go on in a new session.",
            ) from error
        self._writing = True
        if not self._fresh:
            self._find()
            sync_folder(self._path.parent)
        os.ftruncate(self._fd, self._end)

    def _find(self) -> None:
        """Read on from the last known end: headers only, the contents are skipped."""
        if self._fd < 0:
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                return
        there = os.fstat(self._fd)
        while stat.S_ISREG(there.st_mode) and self._end + _HEADER <= there.st_size:
            header = os.pread(self._fd, _HEADER, self._end)
            length = int.from_bytes(header[-8:], "big")
            if header[: len(MAGIC)] != MAGIC:
                raise _damaged(self._path.parent)
            if self._end + _HEADER + length > there.st_size:
                return
            self._at[header[len(MAGIC) : -8].hex()] = (self._end + _HEADER, length)
            self._end += _HEADER + length


def _missing(digest: str) -> AssistantError:
    return AssistantError(f"the store does not hold the contents {digest[:12]}")


def _damaged(folder: Path) -> AssistantError:
    return AssistantError(
        f"{folder}: the stored file contents are damaged", "Start a new session in the same folder."
    )
