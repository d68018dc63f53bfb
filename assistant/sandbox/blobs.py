"""File contents by their sha256: small ones in packs, large ones in files of their own."""

import hashlib
import os
import secrets
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from assistant.closing import Closing
from assistant.events import AssistantError
from assistant.sandbox.disk import damaged, sync_folder, unwritable, write_all
from assistant.sandbox.pack import Pack

_PIECE = 1 << 20
LARGE = 4 << 20
"""Contents of this size (bytes) and more get a file of their own."""


class Blobs(Closing):
    """A store in ``folder`` (made with mode 0700). ``get(put(data)) == data``, across processes.

    What ``put`` stored is safe against a crash of this program at once, and against one of the
    machine after ``sync``. One process writes at a time; others may read. ``scratch`` contents
    live until ``drop_scratch`` (or the next writer): they are what can be had again.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._kept = Pack(self.folder / "kept.pack")
        self._scratch = Pack(self.folder / "scratch.pack", fresh=True)
        self._waiting: dict[str, tuple[bytes, bool]] = {}
        """Contents that are not on the disk yet, and whether they are scratch."""

    def close(self) -> None:
        with self._lock:
            self._kept.close()
            self._scratch.close()

    def put(self, data: bytes, *, scratch: bool = False) -> str:
        """Store contents; returns their sha256 in hex. Storing them again costs nothing.

        What the disk has no room for stays in memory, and ``sync`` tries again.
        """
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            if digest in self._kept or (scratch and digest in self._scratch):
                return digest
            try:
                self._store(digest, data, scratch)
            except OSError:
                self._waiting[digest] = (data, scratch)
        return digest

    def _store(self, digest: str, data: bytes, scratch: bool) -> None:
        if len(data) < LARGE or scratch:
            (self._scratch if scratch else self._kept).append(bytes.fromhex(digest), data)
        elif not self._file(digest).exists():
            self.put_stream([data])

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
            waits = digest in self._waiting and not self._waiting[digest][1]
            if not waits and digest not in self._kept and not self._file(digest).exists():
                data = self.get(digest)
                self._waiting.pop(digest, None)
                self.put(data)

    def size(self, digest: str) -> int:
        """The length in bytes; raises AssistantError where the contents are not stored."""
        with self._lock:
            if digest in self._waiting:
                return len(self._waiting[digest][0])
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
            waiting = self._waiting.get(digest, (None, False))[0]
            data = packed.read(digest) if packed else waiting
        if data is not None:
            if packed is self._kept and hashlib.sha256(data).hexdigest() != digest:
                raise damaged(self.folder)
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
            raise damaged(self.folder)

    def sync(self) -> None:
        """Bring all that is kept to disk; what refers to it may be written after this.

        Raises StoreError where the disk does not take it; nothing is lost then.
        """
        with self._lock:
            try:
                for digest, (data, scratch) in list(self._waiting.items()):
                    if not scratch:
                        self._store(digest, data, scratch)
                        del self._waiting[digest]
                self._kept.sync()
            except OSError as error:
                raise unwritable(self.folder, error) from error

    def drop_scratch(self) -> None:
        """Forget what was put with ``scratch``, and free its space."""
        with self._lock:
            self._scratch.drop()
            self._waiting = {d: (data, s) for d, (data, s) in self._waiting.items() if not s}

    def _file(self, digest: str) -> Path:
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise _missing(digest)
        return self.folder / digest


def _missing(digest: str) -> AssistantError:
    return AssistantError(f"the store does not hold the contents {digest[:12]}")
