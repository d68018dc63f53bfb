"""Reading many files of the user's folder once, and again only those that changed since."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby

from assistant.sandbox.blobs import Blobs
from assistant.sandbox.safe_files import FileRefused, Root, contents
from assistant.sandbox.tree import Entry

SHORTEST_SECRET = 6
"""Characters; a shorter value is no key, and would be found everywhere."""
_TRIES = 3

Stamp = tuple[int, ...]
Known = Mapping[str, tuple[Stamp, Entry | None]]
"""What a file was when it was last read: its stamp, and its entry, None if it holds a key."""


class Reader:
    """Hashes files into the scratch of ``blobs``.

    After ``read``: ``known`` for the next look, ``unread`` (path to reason), ``secrets`` (files
    that hold one of the keys; of those nothing is stored).
    """

    def __init__(self, root: Root, blobs: Blobs, keys: Iterable[str], known: Known) -> None:
        self._root, self._blobs, self._before = root, blobs, known
        self._keys = [key.encode() for key in keys if len(key) >= SHORTEST_SECRET]
        self.known: dict[str, tuple[Stamp, Entry | None]] = {}
        self.unread: dict[str, str] = {}
        self.secrets: list[str] = []

    def read(
        self,
        files: Mapping[str, os.stat_result],
        cap: int,
        anyway: Callable[[str], bool] = lambda path: False,
    ) -> dict[str, Entry]:
        """The entries of ``files`` (with their stats); ``anyway``: whatever its size and keys."""
        tree: dict[str, Entry] = {}
        fresh = []
        for path, there in files.items():
            stamp, entry = self._before.get(path, ((), None))
            if stamp != _stamp(there):
                fresh.append(path)
                continue
            self.known[path] = (stamp, entry)
            self._keep(tree, path, entry)
        fresh.sort(key=lambda path: path.rpartition("/")[::2])
        for above, paths in groupby(fresh, key=lambda path: path.rpartition("/")[0]):
            try:
                with self._root.folder(above) as fd:
                    for path in paths:
                        self._read_one(tree, fd, path, (1 << 62) if anyway(path) else cap)
            except (OSError, FileRefused) as error:
                self.unread[above or "."] = _why(error)
        return tree

    def _read_one(self, tree: dict[str, Entry], fd: int, path: str, cap: int) -> None:
        try:
            found = self._stable(fd, path, cap)
        except FileNotFoundError:  # Deleted since it was listed.
            return
        except (OSError, FileRefused) as error:
            self.unread[path] = _why(error)
            return
        data, there, settled = found
        entry = None
        if cap >= 1 << 62 or not any(key in data for key in self._keys):
            digest = self._blobs.put(data, scratch=True)
            entry = Entry("file", there.st_mode & 0o777, len(data), digest)
        if settled:
            self.known[path] = (_stamp(there), entry)
        self._keep(tree, path, entry)

    def _stable(self, fd: int, path: str, cap: int) -> tuple[bytes, os.stat_result, bool]:
        """A file's bytes, its stat before, and whether a later change must show in that.

        It is read again if it changed meanwhile; one that never holds still is taken as last read.
        """
        name = path.rpartition("/")[2]
        for left in reversed(range(_TRIES)):
            began = time.time_ns()
            before = os.stat(name, dir_fd=fd, follow_symlinks=False)
            data = b"".join(contents(fd, name, cap, path))
            same = _stamp(os.stat(name, dir_fd=fd, follow_symlinks=False)) == _stamp(before)
            if same or not left:
                break
        return data, before, same and _settled(before, began)

    def _keep(self, tree: dict[str, Entry], path: str, entry: Entry | None) -> None:
        if entry is None:
            self.secrets.append(path)
        else:
            tree[path] = entry


def _stamp(there: os.stat_result) -> Stamp:
    return (there.st_mtime_ns, there.st_ctime_ns, there.st_size, there.st_ino, there.st_mode)


def _settled(there: os.stat_result, now: int) -> bool:
    """Whether a later change must show in the stamp: file systems count time in coarse steps."""
    latest = max(there.st_mtime_ns, there.st_ctime_ns)
    step = 2_000_000_000 if latest % 1_000_000_000 == 0 else 50_000_000
    return now - latest > step


def _why(error: OSError | FileRefused) -> str:
    return error.message if isinstance(error, FileRefused) else (error.strerror or "unreadable")
