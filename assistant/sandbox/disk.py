"""Whole writes to a session's store, its folders synced, and the errors of a store in trouble."""

import os
from pathlib import Path

from assistant.events import AssistantError, SandboxError
from assistant.sandbox.names import shown


class StoreError(SandboxError):
    """A session's store cannot be written: the disk is full, or another process has it."""


def in_use(path: Path) -> StoreError:
    return StoreError(
        f"{shown(str(path.parent))}: another process writes to this session",
        "Close it there, or go on in a new session.",
    )


def unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{shown(str(path))}: cannot be written: {error.strerror}",
        "Make room there: while this session is open, it tries again.",
    )


def damaged(path: Path, where: str = "") -> AssistantError:
    return AssistantError(
        f"{shown(str(path))}: {where or 'the stored file contents are'} damaged",
        "Start a new session in the same folder.",
    )


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
