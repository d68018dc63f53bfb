"""Walking and deleting folder trees of any depth with one descriptor, never through a link."""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator

from assistant.sandbox.names import FileRefused, shown

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder is opened below a root."""

Enter = Callable[[str, os.stat_result], bool]


class NotAFolder(FileRefused):
    """A component of a path is a link or a file where a folder was expected."""


def enter(fd: int, name: str, path: str) -> int:
    """A descriptor of the folder ``name`` in ``fd``; a link in its place is refused."""
    try:
        return os.open(name, FOLDER, dir_fd=fd)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise NotAFolder(f"{shown(path)}: {shown(name)} is a link or no folder") from error
        raise


class _Place:
    """Where a descent is: one descriptor, and the identity of every folder above it.

    ".." alone is not trusted: a folder that was moved meanwhile would lead elsewhere.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._above: list[tuple[int, int]] = []

    def down(self, name: str) -> None:
        here = os.fstat(self.fd)
        below = os.open(name, FOLDER, dir_fd=self.fd)
        os.close(self.fd)
        self.fd = below
        self._above.append((here.st_dev, here.st_ino))

    def up(self) -> None:
        above = os.open("..", FOLDER, dir_fd=self.fd)
        os.close(self.fd)
        self.fd = above
        there = os.fstat(above)
        if (there.st_dev, there.st_ino) != self._above.pop():
            raise FileRefused("a folder was moved while it was walked")

    def close(self) -> None:
        os.close(self.fd)


Listed = list[tuple[str, os.stat_result]]


def _listing(fd: int) -> Listed:
    """What a folder holds, last name first, so that it can be taken from the end."""
    found: Listed = []
    with os.scandir(fd) as entries:
        for entry in entries:
            try:
                found.append((entry.name, entry.stat(follow_symlinks=False)))
            except FileNotFoundError:  # Gone since the folder was listed.
                continue
    found.sort(key=lambda item: item[0], reverse=True)
    return found


def walk(fd: int, go_into: Enter | None, limit: int) -> Iterator[tuple[str, os.stat_result]]:
    """Everything below the folder ``fd``, folders before what they hold, in order of names.

    Folders that cannot be opened, or are a link by now, are named but not entered. Raises
    FileRefused past ``limit`` entries and where a folder is moved meanwhile.
    """
    place, most = _Place(os.dup(fd)), limit
    try:
        waiting, names = [_listing(place.fd)], [""]
        while waiting:
            if not waiting[-1]:
                waiting.pop()
                names.pop()
                if waiting:
                    place.up()
                continue
            name, there = waiting[-1].pop()
            path = names[-1] + name
            limit -= 1
            if limit < 0:
                raise FileRefused(f"more than {most:,} files and folders")
            yield path, there
            if not stat.S_ISDIR(there.st_mode) or (go_into and not go_into(path, there)):
                continue
            try:
                place.down(name)
            except OSError:
                continue
            names.append(path + "/")
            waiting.append(_listing(place.fd))
    finally:
        place.close()


def delete(fd: int, name: str) -> None:
    """Delete ``name`` in the folder ``fd`` with all it holds; modes that forbid it are lifted.

    Nothing to delete is no error. Depth is no limit: no recursion, one descriptor.
    """
    if not _gone(fd, name):
        place = _Place(os.dup(fd))
        try:
            _empty_out(place, name)
        finally:
            place.close()
        os.rmdir(name, dir_fd=fd)


def _empty_out(place: _Place, name: str) -> None:
    """Go into the folder ``name``, empty it from the leaves up, and come back."""
    _open_up(place, name)
    names, waiting = [name], [_folders(place.fd)]
    while names:
        if waiting[-1]:
            below = waiting[-1].pop()
            _open_up(place, below)
            names.append(below)
            waiting.append(_folders(place.fd))
            continue
        waiting.pop()
        place.up()
        if waiting:
            os.rmdir(names[-1], dir_fd=place.fd)
        names.pop()


def _folders(fd: int) -> list[str]:
    """The folders in ``fd``, all else in it removed."""
    with os.scandir(fd) as entries:
        names = [entry.name for entry in entries]
    return [name for name in names if not _gone(fd, name)]


def _gone(fd: int, name: str) -> bool:
    """Remove what is no folder; False where ``name`` is a folder."""
    try:
        if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
            return False
        os.unlink(name, dir_fd=fd)
    except FileNotFoundError:
        pass
    return True


def _open_up(place: _Place, name: str) -> None:
    """Enter a folder and make sure that its entries can be listed and removed."""
    try:
        place.down(name)
    except PermissionError:
        chmod(place.fd, name, 0o700)
        place.down(name)
    if os.fstat(place.fd).st_mode & 0o700 != 0o700:
        os.fchmod(place.fd, 0o700)


def chmod(fd: int, name: str, mode: int) -> None:
    """Set the mode of ``name`` in the folder ``fd``; a link is refused, even a late one."""
    if sys.platform == "linux":
        handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        try:
            if stat.S_ISLNK(os.fstat(handle).st_mode):
                raise FileRefused(f"{shown(name)}: a symbolic link has no mode of its own")
            os.chmod(f"/proc/self/fd/{handle}", mode)
        finally:
            os.close(handle)
    else:
        os.chmod(name, mode, dir_fd=fd, follow_symlinks=False)
