"""Text that is no Markdown as it streams in: program output, reasoning, replies in a pipe."""

from collections.abc import Callable

from assistant.terminal.line_pieces import LinePieces
from assistant.terminal.markdown import Preview, Rows
from assistant.terminal.theme import Line
from assistant.terminal.wrap import wrap

_SHOWN = 4_000
"""Characters of an unfinished line that are drawn; the rest of it shows when it is finished."""


class Lines:
    """Plain lines, each after ``prefix`` and in ``style``; ``columns`` wraps them at words."""

    def __init__(
        self,
        clean: Callable[[str], str],
        prefix: Line = (),
        style: str = "",
        columns: Callable[[], int] | None = None,
    ) -> None:
        self._clean, self._prefix, self._style = clean, prefix, style
        self._columns = columns
        self._unfinished = LinePieces()

    def feed(self, text: str) -> Rows:
        """Take in a piece; the rows that it finished."""
        return [row for line in self._unfinished.feed(text) for row in self._set(line)]

    def close(self) -> Rows:
        """The text is over; its last line if that had no newline."""
        return [row for line in self._unfinished.close() for row in self._set(line)]

    def preview(self) -> Preview:
        """How to draw the unfinished line."""
        pending = self._unfinished.end(_SHOWN)
        return lambda: self._set(pending) if pending else []

    def _set(self, text: str) -> Rows:
        text = self._clean(text.removesuffix("\r")).expandtabs(8)
        if self._columns:
            return wrap([(self._style, text)], self._columns(), self._prefix, self._prefix)
        return [[*self._prefix, (self._style, text)]]
