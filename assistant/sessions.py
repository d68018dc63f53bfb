"""The store of sessions: one folder each, with a record; listed, found, shown and deleted."""

import difflib
import fcntl
import os
import re
import shutil
from binascii import hexlify
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from os.path import realpath
from pathlib import Path

from assistant.events import RecordError, UsageError
from assistant.record_file import locked, make_folders, remedy_for
from assistant.record_reader import Loaded, load
from assistant.session_summary import Session, summary

__all__ = ["RECORD", "Session", "Sessions", "check_id"]

RECORD = "record.jsonl"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_REMEDY = "`assistant sessions` lists them."


def _now() -> datetime:
    return datetime.now(UTC)


class Sessions:
    """The sessions below ``folder``: ``<folder>/sessions/<id>/record.jsonl``.

    What cannot be read is listed as damaged and never deleted unless asked for by its id.
    """

    def __init__(
        self, folder: str | os.PathLike[str], clock: Callable[[], datetime] = _now
    ) -> None:
        self.root, self._clock = Path(folder) / "sessions", clock

    def new(self, id: str | None = None) -> Path:
        """Make the folder (0700) of a new session. The record in it is ``record(id)``."""
        # Date and time to be recognized by, and chance: clocks may jump or stand still.
        name = check_id(id) if id else f"{self._clock():%Y%m%d-%H%M%S}-{_random()}"
        try:
            make_folders(self.root)
            (self.root / name).mkdir(mode=0o700)
        except FileExistsError:
            if id is None:
                return self.new()
            raise UsageError(f"there is a session {name} already", "Choose another id.") from None
        except OSError as error:
            raise RecordError(
                f"cannot make a session in {self.root}: {error.strerror or error}",
                remedy_for(error),
            ) from error
        return self.root / name

    def record(self, id: str) -> Path:
        """The path of a session's record, whether it exists or not."""
        return self.root / check_id(id) / RECORD

    def list(self) -> tuple[Session, ...]:
        """All sessions, the one that was used last first."""
        sessions = [summary(self.root / name / RECORD) for name in self._ids()]
        oldest = datetime.min.replace(tzinfo=UTC)
        return tuple(sorted(sessions, key=lambda s: (s.updated or oldest, s.id), reverse=True))

    def find(self, id: str) -> str:
        """The id that is, or alone begins with, ``id``. Raises UsageError where there is none."""
        ids = list(self._ids())
        if id in ids:
            return id
        fits = [name for name in ids if id and name.startswith(id)]
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise UsageError(f"{len(fits)} sessions begin with {id}", f"Say more: {fits[-1]}")
        near = difflib.get_close_matches(id, ids, 1)
        raise UsageError(
            f"there is no session {id!r}", f"Did you mean {near[0]}?" if near else _REMEDY
        )

    def show(self, id: str) -> Loaded:
        """The whole record of a session."""
        return load(self.record(self.find(id)))

    def latest(self, folder: str | os.PathLike[str] | None = None) -> str | None:
        """The id of the session used last in which something was said; of one folder if given."""
        wanted = realpath(folder) if folder is not None else None
        paths = [self.root / name for name in self._ids()]
        for path in sorted(paths, key=_changed, reverse=True):
            session = summary(path / RECORD)
            here = wanted is None or (session.folder and realpath(session.folder) == wanted)
            if session.title and here:
                return session.id
        return None

    def delete(self, id: str) -> None:
        """Delete a session with all that belongs to it; one that is open is refused."""
        name = self.find(id)
        fd = _seized(self.root / name / RECORD, name)
        gone = self.root / f".deleted-{name}-{_random()}"
        try:
            os.rename(self.root / name, gone)  # From here on it is gone, whole.
            for leftover in self.root.glob(".deleted-*"):
                shutil.rmtree(leftover)
        except (OSError, RecursionError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise RecordError(
                f"cannot delete all of {gone}: {why}", "Delete it by hand."
            ) from error
        finally:
            if fd is not None:
                os.close(fd)

    def _ids(self) -> Iterator[str]:
        try:
            with os.scandir(self.root) as entries:
                names = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return
        except OSError as error:
            raise RecordError(f"cannot list {self.root}: {error.strerror or error}") from error
        yield from (name for name in names if _ID.fullmatch(name))


def check_id(id: str) -> str:
    """``id``, if it can be the name of a session's folder. Raises UsageError."""
    if not _ID.fullmatch(id):
        raise UsageError(
            f"{id!r:.100} cannot be the id of a session",
            "An id has letters, digits, dots, dashes and underscores, and begins with one of the"
            " first two.",
        )
    return id


def _random() -> str:
    return hexlify(os.urandom(3)).decode()


def _seized(record: Path, name: str) -> int | None:
    """The record, locked; None where the session has none."""
    try:
        fd = os.open(record, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    if locked(fd, fcntl.LOCK_EX):
        return fd
    os.close(fd)
    raise RecordError(f"the session {name} is open and cannot be deleted", "End it first.")


def _changed(path: Path) -> tuple[int, str]:
    try:
        return (path / RECORD).stat().st_mtime_ns, path.name
    except OSError:
        return 0, path.name
