"""Markdown as it streams in: each finished line is turned into final rows once, in linear time."""

from collections.abc import Callable

from assistant.terminal import table
from assistant.terminal.fencing import Fences, Kind
from assistant.terminal.highlight import Highlighter
from assistant.terminal.inline import parse, settled
from assistant.terminal.shape import Shape, shape
from assistant.terminal.theme import Fragment
from assistant.terminal.wrap import line_width, wrap

Rows = list[list[Fragment]]
Preview = Callable[[], Rows]
"""The rows of what is not final yet; safe to call at any later time, from any thread."""

WIDEST = 100
"""Columns: prose is not set wider than this."""
_LONG = 400
"""Characters: from here on a line that goes on is made final piece by piece."""
_PATIENCE = 1_000
"""Characters after which markup that was opened and not closed is held to be plain text."""
_SHOWN = 3_000
"""Characters of an unfinished line that are drawn; the rest of it shows when it is final."""
_TABLE = 200
"""Rows: a longer table is shown in parts."""


class Markdown:
    """The reply as a stream: ``feed`` pieces in, final rows out; ``preview`` shows the rest.

    ``columns`` tells the width of the screen now; ``clean`` makes one line safe to show.
    """

    def __init__(self, columns: Callable[[], int], clean: Callable[[str], str]) -> None:
        self._columns, self._clean = columns, clean
        self._pieces: list[str] = []  # The unfinished line, in pieces: joining each time is slow.
        self._size = 0
        self._limit = _LONG
        self._fences = Fences()
        self._colours: Highlighter | None = None  # Of the fence that is open.
        self._table: list[str] = []
        self._begun: Shape | None = None  # The line that was made final in part.
        self._carry: list[Fragment] = []  # Its last row so far.
        self._in_list = False
        self._blank = True

    def feed(self, text: str) -> Rows:
        """Take in a piece of the reply; the rows that it made final."""
        rows: Rows = []
        *lines, last = text.split("\n")
        for line in lines:
            self._fences.feed(line)
            self._pieces.append(line)
            rows.extend(self._line(self._taken()))
        if last:
            self._fences.feed(last)
            self._pieces.append(last)
            self._size += len(last)
            if self._size > self._limit and not (self._fences.open or self._table):
                rows.extend(self._early())
        return rows

    def close(self) -> Rows:
        """The reply is over; the rows that were still open."""
        rows = self._line(self._taken()) if self._pieces else []
        rows.extend(self._finish_table())
        self._fences, self._colours = Fences(), None
        self._begun, self._in_list, self._blank = None, False, True
        return rows

    def preview(self) -> Preview:
        """How to draw what is not final, from what is known now."""
        pieces = self._pieces if self._size < _SHOWN else self._pieces[-100:]
        pending = "".join(pieces)[-_SHOWN:]
        columns, rows, clean = self._width(), list(self._table), self._clean
        begun, carry, colours = self._begun, self._carry, self._colours
        in_list = self._in_list

        def draw() -> Rows:
            text = clean(pending)
            if colours:
                return [colours.peek(text)] if text else []
            if rows:
                return [[("", line)] for line in (*rows, text)]
            if not text and not carry:
                return []
            return _set(begun or shape(text, in_list), text if begun else None, carry, columns)

        return draw

    def _width(self) -> int:
        return min(self._columns(), WIDEST)

    def _taken(self) -> str:
        text = "".join(self._pieces).removesuffix("\r")
        self._pieces.clear()
        self._size, self._limit = 0, _LONG
        return self._clean(text)

    def _line(self, text: str) -> Rows:
        """One finished line."""
        kind = self._fences.end(text)
        if self._begun:
            return self._last_rows(self._begun, text, kind)
        if kind == "code" and self._colours:
            return [self._colours.line(text)]
        self._colours = Highlighter(self._fences.tag) if kind == "open" else None
        if kind == "text":
            return self._outside(text)
        rows = self._finish_table()
        self._blank = False
        return [*rows, [("class:fence", text)]]

    def _last_rows(self, begun: Shape, text: str, kind: Kind) -> Rows:
        """The end of a line whose beginning is final already."""
        rows = _set(begun, text, self._carry, self._width())
        self._begun, self._carry = None, []
        if kind == "open":  # A fence can begin at the end of a line of text.
            self._colours = Highlighter(self._fences.tag)
        return rows

    def _outside(self, text: str) -> Rows:
        """One finished line of text or of a table."""
        rows: Rows = []
        if self._table or table.is_row(text):
            if self._joins_table(text):
                self._table.append(text)
                return self._finish_table() if len(self._table) > _TABLE else []
            rows = self._finish_table()
        return [*rows, *self._prose(text)]

    def _joins_table(self, text: str) -> bool:
        if len(self._table) == 1:
            return table.is_delimiter(text)
        return table.is_row(text)

    def _finish_table(self) -> Rows:
        held, self._table = self._table, []
        if not held:
            return []
        self._blank = False
        if len(held) == 1:
            return self._prose(held[0])
        return table.table(held, self._columns())

    def _prose(self, text: str) -> Rows:
        if not text.strip():
            rows: Rows = [] if self._blank else [[]]
            self._blank = True
            return rows
        self._blank = False
        found = shape(text, self._in_list)
        self._in_list = found.item or (self._in_list and text[0].isspace())
        return _set(found, None, [], self._width())

    def _early(self) -> Rows:
        """The rows of a long unfinished line that later text cannot change."""
        text = "".join(self._pieces)
        if not self._begun:
            begun = shape(self._clean(text), self._in_list)
            if table.is_row(text) or begun.verbatim or begun.rule:
                self._limit = 2 * self._size
                return []
            self._begun = begun
            self._in_list = self._begun.item or (self._in_list and text[:1].isspace())
            self._blank = False
            self._carry = list(self._begun.first)
            text = self._begun.text + (" " if text.endswith(" ") else "")
        cut = settled(text)
        if not cut and len(text) > _PATIENCE:
            cut = text.rfind(" ") + 1 or len(text)
        rows = _set(self._begun, self._clean(text[:cut]), self._carry, self._width())
        self._carry = rows.pop()
        if line_width(self._carry) > 10 * WIDEST:  # A word without end.
            rows.append(self._carry)
            self._carry = []
        self._pieces = [text[cut:]]
        self._size = len(text) - cut
        self._limit = self._size + _LONG
        return rows


def _set(found: Shape, text: str | None, carry: list[Fragment], columns: int) -> Rows:
    """A line set in rows. ``text`` and ``carry``: the rest of a line that was begun before."""
    if found.rule:
        return [[("class:bar", "─" * min(columns, 40))]]
    if text is None:
        text, first = found.text, found.first
    else:
        first = ()
    fragments = [(found.base, text)] if found.verbatim else parse(text, found.base)
    if found.verbatim:
        return [[*carry, *fragments]]
    return wrap([*carry, *fragments], columns, first, found.rest)
