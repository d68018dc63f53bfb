"""The next fresh sandbox, opened before it is asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from assistant.sandbox.early import EarlySandbox
from assistant.sandbox.running import RunnerSandbox


class Ahead:
    """``prepare`` begins to open a sandbox in the background; the next ``take`` gives that one, or
    opens one where none was prepared or the one that was is gone. At most one waits, and none once
    the context is left."""

    def __init__(self, opener: Callable[[], RunnerSandbox]) -> None:
        self._opener = opener
        self._waiting: EarlySandbox | None = None
        self._over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._clear()

    def prepare(self) -> None:
        if self._waiting is None and not self._over:
            self._waiting = EarlySandbox(self._opener)
            self._waiting.__enter__()

    @contextmanager
    def take(self) -> Iterator[EarlySandbox]:
        """A sandbox that nothing has run in; it is closed when the context is left."""
        if self._waiting is not None and not self._waiting.stands():
            self._clear()
        self.prepare()
        taken, self._waiting = self._waiting, None
        assert taken is not None
        try:
            yield taken
        finally:
            taken.__exit__(None, None, None)

    def _clear(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.__exit__(None, None, None)
