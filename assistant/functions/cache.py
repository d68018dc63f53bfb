"""Answers of models, kept on disk by what was asked: JSON in an SQLite file of the user's own."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from assistant.events import AssistantError

FILE = "completions.sqlite"
_TABLE = "CREATE TABLE IF NOT EXISTS answer (key TEXT PRIMARY KEY, json TEXT NOT NULL)"
_WAIT = 30.0
"""Seconds to wait for another process that is writing."""


class AnswerCache:
    """Answers by key, shared by threads and processes. Nothing is made before the first ``keep``.

    Prompts are not stored, only what was answered to them; of a file that was tampered with no
    more than wrong answers can come.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self._folder = Path(folder) if folder else _usual_folder()

    def get(self, key: str) -> dict[str, Any] | None:
        """The answer that was kept; None where there is none, or none that can be read."""
        if not (self._folder / FILE).exists():
            return None
        with self._opened() as database:
            row = database.execute("SELECT json FROM answer WHERE key = ?", (key,)).fetchone()
        try:
            answer = json.loads(row[0]) if row else None
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None

    def keep(self, key: str, answer: dict[str, Any]) -> None:
        """Keep an answer; one that was there goes."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self._folder / FILE, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise self._failed(error.strerror) from error
        with self._opened() as database:
            text = json.dumps(answer)
            database.execute("INSERT OR REPLACE INTO answer VALUES (?, ?)", (key, text))
            database.commit()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._folder / FILE, timeout=_WAIT)) as database:
                database.execute(_TABLE)
                yield database
        except sqlite3.Error as error:
            raise self._failed(str(error)) from error

    def _failed(self, why: str | None) -> AssistantError:
        return AssistantError(
            f"the kept answers in {self._folder / FILE} cannot be used: {why}",
            "Delete that file, or leave cache_seed out.",
        )


def _usual_folder() -> Path:
    import platformdirs  # Late: most calls keep nothing.

    return Path(platformdirs.user_cache_dir("assistant"))
