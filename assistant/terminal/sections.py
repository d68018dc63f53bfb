"""Where lines go on the screen: sections with a blank line between, and what streams into them."""

from collections.abc import Callable, Iterable
from typing import Protocol

from assistant.redact import KeyBlocks
from assistant.terminal.folding import BAR, Folded
from assistant.terminal.lines import Lines
from assistant.terminal.markdown import WIDEST, Markdown, Preview, Rows
from assistant.terminal.sanitize import visible
from assistant.terminal.screen import Screen
from assistant.terminal.theme import Fragment, Line, plain
from assistant.terminal.wrap import wrap

MARK = "▸"
"""Stands before what the assistant itself says; no line of a reply or of output begins with it."""

_END = 200
"""Characters by which it is told whether an output has come to its end."""
_LAST = 10
"""Lines of the end of an output that did not."""


class _Flow(Protocol):
    def feed(self, text: str) -> Rows: ...
    def close(self) -> Rows: ...
    def preview(self) -> Preview: ...


class Sections:
    """What belongs together stands together. ``redact`` is applied to each line before it is shown.

    A section is a reply, reasoning, output, notes of the assistant's own, a message or a text.
    """

    outputs = 0
    """How many outputs there were so far, by which a long one is found again."""
    shown_by = ""
    """The command that shows an output whole; its number follows."""

    def __init__(
        self, screen: Screen, redact: Callable[[str], str] = str, lines: int | None = None
    ) -> None:
        """``lines`` of an output are shown, 0: all; None: as they came, where nobody looks on."""
        self._screen, self._redact, self._lines = screen, redact, lines
        self._flow: _Flow | None = None
        self._keys = KeyBlocks()
        self._section, self._blank = "", False
        self._size, self._came = 0, ""  # Of what streams: how much came, and its end.
        self._parts = 0
        """Of the output under way: a notice in between begins a new one."""

    @property
    def columns(self) -> int:
        """The width for text that is wrapped here; a pipe has no end."""
        return min(self._screen.columns, WIDEST) if self._screen.rich else 1_000_000

    def say(self, text: str, style: str = "") -> None:
        """Lines of the assistant itself, after its mark."""
        self._note([(style, line)] for line in self._safe(text).split("\n"))

    def text(self, rows: Iterable[Line]) -> None:
        """Lines that are shown as they are, apart from what came before."""
        self._begin("text")
        self._show(rows)

    def lines_of(self, text: str) -> list[str]:
        """A program's output as lines that are safe to show."""
        keys, flow = KeyBlocks(), Lines(self._safe)
        return plain([*flow.feed(keys.feed(text) + keys.close()), *flow.close()])

    def output(self, text: str) -> None:
        """All of a program's output, however long."""
        flow = self._new_output(0)
        self._begin("output", flow)
        self._keys = KeyBlocks()
        self._show(flow.feed(self._keys.feed(text)))
        self.close()

    def _ends(self, whole: str, cut: int = 0) -> None:
        """What was kept of the output that streams, before its section ends.

        A stream may have gaps, where more came than could be shown: its end shall be the true one.
        """
        if self._flow is None or self._section != "output" or self._parts != 1:
            return
        if isinstance(self._flow, Folded) and self._flow.holds:
            keys = KeyBlocks()
            self._flow.ends(keys.feed(whole) + keys.close(), cut)
        elif (cut or self._size > len(whole)) and not self._came.endswith(whole[-_END:]):
            last = "\n".join(whole.rstrip("\n").split("\n")[-_LAST:])
            self._pour("output", ("" if self._came.endswith("\n") else "\n") + "…\n" + last)

    def close(self) -> None:
        """Make final what is still open."""
        flow, self._flow = self._flow, None
        if flow:
            rest = self._keys.close()
            self._show([*(flow.feed(rest) if rest else ()), *flow.close()])

    def _begin(self, section: str, flow: _Flow | None = None) -> None:
        self.close()
        together = {self._section, section} <= {"note", "output"}
        apart = not together and (section != self._section or section == "text")
        if self._section and apart and not self._blank:
            self._show([[]])
        self._section, self._flow = section, flow

    def _show(self, rows: Iterable[Line], live: Preview | None = None) -> None:
        shown = [list(row) for row in rows]
        if shown:
            self._blank = not shown[-1]
        self._screen.show(shown, live)

    def _pour(self, section: str, text: str) -> None:
        """A piece of something that streams."""
        if self._flow is None or self._section != section:
            self._begin(section, self._new_flow(section))
            self._keys, self._size, self._came = KeyBlocks(), 0, ""
        assert self._flow
        self._size, self._came = self._size + len(text), (self._came + text)[-_END:]
        rows = self._flow.feed(self._keys.feed(text))
        self._show(rows, self._flow.preview())

    def _new_flow(self, section: str) -> _Flow:
        screen = self._screen
        if section == "output":
            return self._new_output(self._lines)
        if section == "reasoning":
            columns = (lambda: screen.columns) if screen.rich else None
            return Lines(self._safe, (), "class:reasoning", columns)
        if screen.rich:
            return Markdown(lambda: screen.columns, self._safe_reply)
        return Lines(self._safe_reply)

    def _new_output(self, lines: int | None) -> _Flow:
        screen = self._screen
        self._parts += 1
        if self._lines is None or lines is None:
            return Lines(self._safe, (BAR,))
        shown_by = f"{self.shown_by} {self.outputs + 1}" if self.shown_by else ""
        return Folded(self._safe, lambda: screen.columns, lines, shown_by, screen.pulse)

    def _note(self, rows: Iterable[Iterable[Fragment]]) -> None:
        self._begin("note")
        mark: list[Fragment] = [("class:mark", f"{MARK} ")]
        for row in rows:
            self._show(wrap(list(row), self.columns, mark, [("", "  ")]))
            mark = [("", "  ")]

    def _safe(self, text: str) -> str:
        return visible(self._redact(text))

    def _safe_reply(self, text: str) -> str:
        text = self._safe(text)
        return text.replace(MARK, "▹", 1) if text.lstrip().startswith(MARK) else text
