"""A copy of a session, files included, for going on from there in another way."""

import os
import re
import shutil
from pathlib import Path

from assistant.cli.wiring import STORE
from assistant.events import RecordError
from assistant.record_file import remedy_for
from assistant.sandbox.applying import JOURNAL
from assistant.sessions import RECORD, Sessions

_DIGEST = re.compile(r"[0-9a-f]{64}")


def forked(sessions: Sessions, session: str) -> str:
    """The id of a new session with the record and the changed files of ``session``.

    What was applied from the old one stays the old one's to take back. Raises RecordError.
    """
    old = sessions.record(session).parent
    new = sessions.new()
    try:
        record = (old / RECORD).read_bytes()
        whole = record[: record.rfind(b"\n") + 1]
        fd = os.open(new / RECORD, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(fd, "wb") as file:
            file.write(whole)
        if (old / STORE).is_dir():
            shutil.copytree(
                old / STORE,
                new / STORE,
                copy_function=_copied,
                ignore=shutil.ignore_patterns(JOURNAL, "scratch.pack", "*.tmp"),
            )
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        raise RecordError(
            f"cannot copy the session to {new}: {error.strerror or error}", remedy_for(error)
        ) from error
    return new.name


def _copied(source: str, target: str) -> str:
    """What is named by its contents never changes, so one file does for both."""
    if _DIGEST.fullmatch(Path(source).name):
        try:
            os.link(source, target)
            return target
        except OSError:  # Another file system, or one without links.
            pass
    return str(shutil.copy2(source, target))
