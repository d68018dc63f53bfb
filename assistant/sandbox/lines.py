"""An append-only file of JSON lines, each with a checksum; what a crash tore off is cut away."""

import fcntl
import json
import os
import zlib
from pathlib import Path
from typing import Any

from assistant.closing import Closing
from assistant.sandbox.disk import damaged, in_use, sync_folder, unwritable, write_all

_START = '{"crc":"%08x","data":'
_BODY = len(_START % 0)


class Lines(Closing):
    """The lines of one file. Reading takes no lock; the first ``append`` makes this the writer.

    Raises AssistantError where a line before the last is damaged, StoreError where the disk is full
    or another process writes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[dict[str, Any]] = []
        self.torn = False
        """A last line was incomplete; it is left out, and cut off by the next ``append``."""
        self._end = 0
        self._fd = -1
        self._load()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def append(self, entry: dict[str, Any], *, durable: bool = True) -> None:
        """Add a line, or nothing at all if this raises; ``durable``: it is on disk when it returns.

        Without that a crash of this program loses nothing either, only one of the machine may.
        """
        body = json.dumps(entry, separators=(",", ":"))
        line = f"{_START % zlib.crc32(body.encode())}{body}}}\n".encode()
        self.lock()
        try:
            write_all(self._fd, line)
            if durable:
                os.fsync(self._fd)
            self.entries.append(entry)
        except OSError as error:
            os.ftruncate(self._fd, self._end)
            raise unwritable(self.path, error) from error
        except BaseException:
            os.ftruncate(self._fd, self._end)
            raise
        self._end += len(line)

    def lock(self) -> None:
        """Become the one writer until ``close``."""
        if self._fd >= 0:
            return
        try:
            self._become_writer()
        except BlockingIOError as error:
            raise in_use(self.path) from error
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _become_writer(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self.path, flags, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._load()  # Another writer may have added lines before it let go.
            os.ftruncate(fd, self._end)
            sync_folder(self.path.parent)
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd

    def _load(self) -> None:
        try:
            lines = self.path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return
        self.entries, self._end, self.torn = [], 0, False
        for number, line in enumerate(lines, start=1):
            entry = _parsed(line)
            if entry is None and number == len(lines):
                self.torn = True
            elif entry is None:
                raise damaged(self.path, f"line {number} is")
            else:
                self.entries.append(entry)
                self._end += len(line)


def _parsed(line: bytes) -> dict[str, Any] | None:
    body = line[_BODY:-2]
    if line[:_BODY] != (_START % zlib.crc32(body)).encode() or line[-2:] != b"}\n":
        return None
    try:
        entry = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
