"""Two small steps on the way to the disk."""

import os


def write_all(fd: int, data: bytes) -> None:
    """Write everything; a short write is continued."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Bring a folder's own entries to disk: files that are new in it, or renamed."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
