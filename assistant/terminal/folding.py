"""Program output at a terminal: rows after a bar, of a long one only the first and the last."""

from collections import deque
from collections.abc import Callable
from itertools import islice

from assistant.terminal.line_pieces import LinePieces
from assistant.terminal.markdown import Preview, Rows
from assistant.terminal.theme import Fragment
from assistant.terminal.words import count, size
from assistant.terminal.wrap import broken, wrap

LINES = 50
"""Rows of a long output that stay in sight, where nobody said otherwise."""
BAR: Fragment = ("class:bar", "│ ")
_LAST = 10
"""Of them, so many are of the output's end at least, where there are twice as many."""
_SPARE = 5
"""Rows: to leave out no more than these is not worth a reader's question what they were."""
_LIVE = 3
"""Rows of what is held back that are drawn while more comes."""
_PENDING = 4_000
"""Characters of an unfinished line that are drawn."""


def shares(lines: int) -> tuple[int, int]:
    """How many of so many rows are of an output's head, and how many of its tail."""
    tail = max(lines // 5, min(_LAST, (lines + 1) // 2))
    return lines - tail, tail


class Folded:
    """An output as it streams in: ``feed`` pieces in, final rows out.

    The first rows are final as they come. From then on lines are held back, of which only the last
    ones are kept; ``close`` shows how many are left out, and the last rows. ``lines`` is how many
    rows are shown in all, 0 for no end. Lines wider than the window count by the rows they take.
    """

    def __init__(
        self,
        clean: Callable[[str], str],
        columns: Callable[[], int],
        lines: int = 0,
        shown_by: str = "",
        pulse: Callable[[str], None] = lambda text: None,
    ) -> None:
        """``shown_by`` is the command that shows all; ``pulse`` is told how much is held back."""
        self._clean, self._columns, self._shown_by, self._pulse = clean, columns, shown_by, pulse
        head, self._tail = shares(lines)
        self._left = head if lines else None
        self._unfinished = LinePieces()
        self._complete = self._offset = 0  # Lines that were shown, and characters of the next one.
        self._held: deque[str] = deque(maxlen=self._tail + _SPARE)
        self._dropped = 0
        self._whole: tuple[str, int] | None = None

    def feed(self, text: str) -> Rows:
        """Take in a piece; the rows that it made final."""
        rows = [row for line in self._unfinished.feed(text) for row in self._take(line)]
        if self._held:
            self._pulse(count(self._seen(), "line"))
        return rows

    @property
    def holds(self) -> bool:
        """Whether something is held back."""
        return bool(self._held)

    def ends(self, whole: str, cut: int) -> None:
        """What was kept of the output, by which its end is shown: a stream may have gaps.

        ``cut`` bytes are missing in its middle: then nobody knows how many lines there were.
        """
        self._whole = (whole, cut)

    def close(self) -> Rows:
        """The output is over; its last line if that had no newline, and the end of a long one."""
        rows = [row for line in self._unfinished.close() for row in self._take(line)]
        if self._held:
            rows += self._end()
            self._held.clear()
            self._pulse("")
        return rows

    def preview(self) -> Preview:
        """How to draw what is not final: the unfinished line, and the last ones held back."""
        pending = self._unfinished.end(_PENDING)
        last = [self._held[at] for at in range(-min(_LIVE, len(self._held)), 0)]
        return lambda: self._live(last, pending)

    def _live(self, last: list[str], pending: str) -> Rows:
        width = max(self._width() - 1, 2)  # A row that is full would break where it is drawn.
        texts = [*last, pending] if pending else last
        rows = [[BAR, ("", row)] for text in texts for row in broken(self._text(text), width)]
        return [[BAR, ("class:dim", "…")], *rows[-_LIVE:]] if last else rows

    def _take(self, line: str) -> Rows:
        """A line that is finished: its rows, as far as there is room."""
        if self._left == 0:
            self._dropped += len(self._held) == self._held.maxlen
            self._held.append(line)
            return []
        text = self._text(line)
        rows = list(islice(broken(text, self._width()), self._left))
        shown = sum(map(len, rows))
        if self._left is not None:
            self._left -= len(rows)
        if shown == len(text):
            self._complete += 1
        else:
            self._offset = shown
            self._held.append(line)
        return [[BAR, ("", row)] for row in rows]

    def _end(self) -> Rows:
        """What is left out, in a row, and the last rows; all of it where that is little more."""
        gap = self._as_kept()
        width, room = self._width(), self._tail + _SPARE
        texts = [self._text(line) for line in self._held]
        if not self._dropped:
            texts[0] = texts[0][self._offset :]
        most = (room + 1) * width  # Of a line that is wider than all that is shown, only the end.
        rows = [(at, row) for at, text in enumerate(texts) for row in broken(text[-most:], width)]
        fits = len(rows) <= room and all(len(text) <= most for text in texts)
        if fits and not self._dropped:
            return [[BAR, ("", row)] for _, row in rows]
        rows = rows[-self._tail :]
        first = rows[0][0]
        rest = len(texts[first]) - sum(len(row) for at, row in rows if at == first)
        lines = self._dropped + first + (rest > 0)
        amount = count(lines, "line")
        if lines == 1 and not gap:
            amount = count(rest or len(texts[0]), "character")
        return [*self._mark(gap or amount, gap != ""), *([BAR, ("", row)] for _, row in rows)]

    def _as_kept(self) -> str:
        """Hold what was kept of the output, instead of what came; where that is not all, how much
        there was."""
        if self._whole is None:
            return ""
        whole, cut = self._whole
        lines = whole.removesuffix("\n").split("\n")
        came = self._seen()
        if rest := lines[self._complete :]:
            self._held = deque(rest, self._held.maxlen)
            self._dropped = max(came, len(lines)) - self._complete - len(self._held)
        if cut:
            return f"about {size(cut + len(whole))}"
        return f"over {count(self._dropped, 'line')}" if len(lines) < came else ""

    def _mark(self, amount: str, gap: bool) -> Rows:
        what = "what was kept" if gap else "all"
        pointer = f": {self._shown_by} shows {what}" if self._shown_by else ""
        text = f"… {amount} more{pointer}"
        return wrap([("class:dim", text)], self._columns(), [BAR], [BAR])

    def _seen(self) -> int:
        return self._complete + self._dropped + len(self._held)

    def _text(self, line: str) -> str:
        return self._clean(line.removesuffix("\r")).expandtabs(8)

    def _width(self) -> int:
        """Columns for text; a character may take two."""
        return max(self._columns() - len(BAR[1]), 2)
