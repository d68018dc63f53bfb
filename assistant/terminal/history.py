"""What was typed, kept on disk for the next session, readable by its owner alone."""

import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from prompt_toolkit.history import History

_READ = 1_000_000
"""Bytes from the end of the file that a session reads."""
_KEPT = 20_000
"""Characters: longer messages stay out of the file."""


class FileHistory(History):
    """Appends each entry in one write, so that sessions can share the file.

    The format is prompt_toolkit's: a comment with the time, then each line after a ``+``.
    A file that cannot be read or written costs the history, never the session.
    """

    def __init__(self, path: Path, redact: Callable[[str], str] = str) -> None:
        super().__init__()
        self._path, self._redact = path, redact

    def load_history_strings(self) -> Iterable[str]:
        """The entries, newest first."""
        try:
            with self._path.open("rb") as file:
                file.seek(max(os.fstat(file.fileno()).st_size - _READ, 0))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return []
        entries: list[list[str]] = []
        for line in text.split("\n"):
            if line.startswith("+"):
                entries[-1].append(line[1:]) if entries else None
            else:
                entries.append([])
        return ["\n".join(lines) for lines in reversed(entries) if lines]

    def store_string(self, string: str) -> None:
        string = self._redact(string)
        if len(string) > _KEPT:
            return
        lines = "".join(f"+{line}\n" for line in string.split("\n"))
        data = f"\n# {datetime.now()}\n{lines}".encode("utf-8", "replace")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError:
            return
        try:
            os.write(file, data)
        except OSError:  # A full disk.
            pass
        finally:
            os.close(file)
