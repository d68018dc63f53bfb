"""Every read and write in a folder that hostile code may change or whose names are hostile.

A root is opened once; every path is walked from it component by component through descriptors,
never following a link: a folder swapped for a link in mid-flight is an error, not a way out.
"""

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from assistant.closing import Closing
from assistant.sandbox.descent import Enter, NotAFolder, chmod, delete, enter, walk
from assistant.sandbox.disk import write_all
from assistant.sandbox.names import FileRefused, check_name, join, parts, shown, split

__all__ = ["FileRefused", "Root", "check_name", "contents", "shown"]

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1 << 20


class Root(Closing):
    """A folder opened once. Paths are relative, with ``/``; system errors pass as OSError.

    ``strict`` (the default) refuses to write names that ``check_name`` refuses; without it any
    plain relative path may be written, as a sandbox must in a folder of its own.
    """

    def __init__(self, path: str | os.PathLike[str], *, strict: bool = True) -> None:
        self._checked = check_name if strict else parts
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @contextmanager
    def folder(self, path: str) -> Iterator[int]:
        """A descriptor of the folder ``path`` ("" for the root), closed at the end."""
        fd = os.dup(self._fd)
        try:
            for name in parts(path) if path else ():
                below = enter(fd, name, path)
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)

    def stat(self, path: str) -> os.stat_result | None:
        """What is at ``path`` itself, not where it points; None where there is nothing."""
        above, name = split(path)
        try:
            with self.folder(above) as fd:
                return os.stat(name, dir_fd=fd, follow_symlinks=False)
        except (FileNotFoundError, NotAFolder):
            return None

    def read(self, path: str, cap: int) -> bytes:
        """A regular file's bytes; raises FileRefused if it is none or larger than ``cap``."""
        above, name = split(path)
        with self.folder(above) as fd:
            return b"".join(contents(fd, name, cap, path))

    def link(self, path: str) -> str:
        """Where the link at ``path`` points, as written."""
        above, name = split(path)
        with self.folder(above) as fd:
            return os.readlink(name, dir_fd=fd)

    def write(self, path: str, data: bytes, mode: int | None = None) -> None:
        """Replace or create a file in one step that survives a crash; its folder must exist.

        ``mode`` None keeps the mode of what is there, else it is 0o644 less the umask.
        """
        self._checked(path)
        staged = join(split(path)[0], f".assistant-{secrets.token_hex(8)}.tmp")
        self.stage(staged, [data], mode, like=path)
        try:
            self.commit(staged, path)
        except BaseException:
            self._forget(staged)
            raise

    def stage(
        self, staged: str, pieces: Iterable[bytes], mode: int | None, *, like: str | None = None
    ) -> None:
        """Write a temporary file and sync it to disk, for ``commit`` to rename into its place.

        It gets the owner (where the system allows) and, without ``mode``, the mode of the file
        at ``like``. Where this fails no file is left.
        """
        self._checked(staged)
        existing = self.replaceable(like) if like else None
        above, name = split(staged)
        with self.folder(above) as fd:
            fresh = existing is None and mode is None
            try:
                out = os.open(name, _CREATE, 0o644 if fresh else 0o600, dir_fd=fd)
            except OSError as error:  # Of the name of a temporary file nobody knows anything.
                error.filename = like or above or "the folder"
                raise
            try:
                for piece in pieces:
                    write_all(out, piece)
                _own(out, existing, os.fstat(fd))
                if not fresh:
                    mode = existing.st_mode if existing and mode is None else mode
                    os.fchmod(out, (mode or 0) & 0o777)
                os.fsync(out)
            except BaseException:
                os.unlink(name, dir_fd=fd)
                raise
            finally:
                os.close(out)

    def replaceable(self, path: str) -> os.stat_result | None:
        """The file at ``path`` if it may be replaced, None if there is none; else FileRefused."""
        there = self.stat(path)
        if there is None:
            return None
        if stat.S_ISLNK(there.st_mode):
            raise FileRefused(
                f"{shown(path)}: a symbolic link; it is neither followed nor replaced"
            )
        if not stat.S_ISREG(there.st_mode):
            raise FileRefused(f"{shown(path)}: not a regular file")
        if there.st_nlink > 1:
            raise FileRefused(f"{shown(path)}: has other hard links, which would be left behind")
        return there

    def commit(self, staged: str, path: str) -> None:
        """Rename a staged file over ``path`` and sync its folder; refuses what is no plain file."""
        self._checked(path)
        self.replaceable(path)
        (source, old), (target, new) = split(staged), split(path)
        with self.folder(source) as here, self.folder(target) as there:
            os.rename(old, new, src_dir_fd=here, dst_dir_fd=there)
            os.fsync(there)

    def symlink(self, path: str, target: str) -> None:
        """Make a link; nothing may be there yet."""
        self._checked(path)
        above, name = split(path)
        with self.folder(above) as fd:
            os.symlink(target, name, dir_fd=fd)
            os.fsync(fd)

    def mkdirs(self, path: str, mode: int = 0o755) -> list[str]:
        """Make a folder and those above it; returns the ones that are new, outermost first."""
        names = self._checked(path)
        made: list[str] = []
        fd = os.dup(self._fd)
        try:
            for depth, name in enumerate(names, start=1):
                try:
                    os.mkdir(name, mode, dir_fd=fd)
                    made.append("/".join(names[:depth]))
                    os.fsync(fd)
                except FileExistsError:
                    pass
                below = enter(fd, name, path)
                os.close(fd)
                fd = below
        finally:
            os.close(fd)
        return made

    def remove(self, path: str) -> None:
        """Remove a file, a link itself, or an empty folder."""
        self._checked(path)
        above, name = split(path)
        with self.folder(above) as fd:
            if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                os.rmdir(name, dir_fd=fd)
            else:
                os.unlink(name, dir_fd=fd)
            os.fsync(fd)

    def delete_tree(self, path: str) -> None:
        """Remove what is at ``path``, of any depth, whatever its modes; nothing is no error."""
        self._checked(path)
        above, name = split(path)
        with self.folder(above) as fd:
            delete(fd, name)

    def chmod(self, path: str, mode: int) -> None:
        """Set the mode of a file or folder, never through a link."""
        self._checked(path)
        above, name = split(path)
        with self.folder(above) as fd:
            chmod(fd, name, mode)

    def walk(
        self, go_into: Enter | None = None, limit: int = 1_000_000
    ) -> Iterator[tuple[str, os.stat_result]]:
        """Every path below with its stat, folders before what they hold; see ``descent.walk``."""
        return walk(self._fd, go_into, limit)

    def _forget(self, staged: str) -> None:
        above, name = split(staged)
        with self.folder(above) as fd:
            delete(fd, name)


def contents(fd: int, name: str, cap: int, path: str) -> Iterator[bytes]:
    """The bytes of the regular file ``name`` in the folder ``fd``, in pieces, at most ``cap``.

    Raises FileRefused for what is no regular file (a FIFO is not waited for) and for one that is
    larger, or grows larger while it is read; ``path`` is for the message only.
    """
    if not stat.S_ISREG(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
        raise FileRefused(f"{shown(path)}: not a regular file")
    source = os.open(name, _READ, dir_fd=fd)
    try:
        there = os.fstat(source)
        if not stat.S_ISREG(there.st_mode):
            raise FileRefused(f"{shown(path)}: not a regular file")
        left = cap
        if there.st_size > left:
            raise FileRefused(f"{shown(path)}: larger than {cap:,} bytes")
        while piece := os.read(source, min(_PIECE, left + 1)):
            left -= len(piece)
            if left < 0:
                raise FileRefused(f"{shown(path)}: larger than {cap:,} bytes")
            yield piece
    finally:
        os.close(source)


def _own(fd: int, existing: os.stat_result | None, folder: os.stat_result) -> None:
    """Give a new file the owner of the one it replaces; for root, else the owner of the folder."""
    owner = existing or (folder if os.geteuid() == 0 else None)
    mine = os.fstat(fd)
    if owner is None or (owner.st_uid, owner.st_gid) == (mine.st_uid, mine.st_gid):
        return
    try:
        os.fchown(fd, owner.st_uid, owner.st_gid)
    except PermissionError:  # Only root may; the file then belongs to the user who asked.
        return
