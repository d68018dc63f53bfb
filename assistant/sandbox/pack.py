"""One append-only file of contents; many small ones cost one open and one sync.

It is a sequence of ``MAGIC + sha256 (32 bytes) + length (8 bytes, big endian) + bytes``. What a
crash leaves at its end is cut off by the next writer.
"""

import fcntl
import os
import stat
from pathlib import Path

from assistant.sandbox.disk import damaged, in_use, sync_folder, write_all

MAGIC = b"blob"
_HEADER = len(MAGIC) + 32 + 8


class Pack:
    """One pack file and where each content lies in it; opened for writing at the first append."""

    def __init__(self, path: Path, *, fresh: bool = False) -> None:
        self._path, self._fresh = path, fresh
        self._at: dict[str, tuple[int, int]] = {}
        self._fd, self._end, self._writing, self._synced = -1, 0, False, True
        if not fresh:
            try:
                self._find()
            except BaseException:
                self.close()
                raise

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
                raise damaged(self._path.parent)
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
        fd, self._fd, self._writing = self._fd, -1, False
        if fd >= 0:
            os.close(fd)

    def _open(self) -> None:
        """Become the writer: lock, and cut off what a crash left at the end."""
        if self._writing:
            return
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException as error:
            os.close(fd)
            if isinstance(error, BlockingIOError):
                raise in_use(self._path) from error
            raise
        # The one to read from is let go only now: a Ctrl-C before leaves the pack as it was.
        old, self._fd, self._writing = self._fd, fd, True
        if old >= 0:
            os.close(old)
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
                raise damaged(self._path.parent)
            if self._end + _HEADER + length > there.st_size:
                return
            self._at[header[len(MAGIC) : -8].hex()] = (self._end + _HEADER, length)
            self._end += _HEADER + length
