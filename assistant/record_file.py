"""The file of a record: made for its owner alone, held by one process at a time."""

import contextlib
import errno
import fcntl
import os
import stat
import time
from pathlib import Path

from assistant.events import RecordError

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_TRIES = 20


def open_record(path: Path) -> int:
    """Open a record to read and append; make it (0600) and its folders (0700) if need be."""
    try:
        missing = make_folders(path.parent)
        fd = os.open(path, _FLAGS, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise RecordError(f"the record {path} is not a file", "Remove what is there.")
            os.fchmod(fd, 0o600)
            for folder in {path.parent, *(made.parent for made in missing)}:
                _sync_folder(folder)
        except BaseException:
            os.close(fd)
            raise
    except OSError as error:
        raise RecordError(
            f"cannot open the record {path}: {error.strerror or error}",
            remedy_for(error),
        ) from error
    return fd


def remedy_for(error: OSError) -> str:
    """What can be done where sessions cannot be kept."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    first = "Free some space" if full else "Make that folder one that you can write"
    return f"{first}, or choose another place: ASSISTANT_DATA_FOLDER=DIR"


def make_folders(folder: Path) -> list[Path]:
    """Make what is missing of a path, for its owner alone; what was made, innermost first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
    return missing


def hold(fd: int, path: Path) -> None:
    """Keep other processes out until ``release``; the kernel lets go when we die."""
    for _ in range(_TRIES):  # A listing that looks whether it is held holds it for a moment, too.
        if locked(fd, fcntl.LOCK_EX):
            break
        time.sleep(0.02)
    else:
        raise RecordError(
            f"the record {path} is in use by {_holder(path)}",
            "Go on there, or end it first.",
        )
    if os.fstat(fd).st_nlink == 0:
        raise RecordError(f"the record {path} was deleted just now", "Start a new session.")
    with contextlib.suppress(OSError):  # For that message alone: the lock is what counts.
        name = f"process {os.getpid()} on {os.uname().nodename}"
        _holder_file(path).write_text(name, encoding="utf-8")


def release(fd: int, path: Path) -> None:
    """Let others have the record, and close it."""
    with contextlib.suppress(OSError):
        _holder_file(path).unlink()
    os.close(fd)


def held(path: Path) -> bool:
    """Whether some process, this one included, writes to the record."""
    with contextlib.suppress(OSError, RecordError):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            return not locked(fd, fcntl.LOCK_SH)
        finally:
            os.close(fd)
    return False


def write(fd: int, data: bytes) -> None:
    """Write all of ``data``: at once, unless the system takes only a part."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def locked(fd: int, kind: int) -> bool:
    """Try to lock; False where another process (or descriptor) holds the record."""
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise RecordError(
            f"the file system of the records knows no locks: {error.strerror}",
            "Choose a place on a local disk: ASSISTANT_DATA_FOLDER=DIR",
        ) from error
    return True


def _holder_file(path: Path) -> Path:
    return path.with_suffix(".holder")


def _holder(path: Path) -> str:
    try:
        text = _holder_file(path).read_text(encoding="utf-8", errors="replace")[:200]
    except OSError:
        text = ""
    return text if text and text.isprintable() else "another process"


def _sync_folder(folder: Path) -> None:
    """A new name is only sure to be found again once its folder is on the disk."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # Some network drives cannot.
            raise
    finally:
        os.close(fd)
