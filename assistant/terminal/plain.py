"""A console without cursor games: pipes, files, dumb terminals. Whole lines in, whole lines out."""

import sys
import time
from collections.abc import Iterable, Sequence
from typing import Self, TextIO

from assistant.terminal.markdown import Preview
from assistant.terminal.theme import Line, Theme

_TWICE = 1.0
"""Seconds: a second Ctrl-C at the prompt within this leaves."""
_PULSE = 0.2
"""Seconds between two drawings of how far something has come."""
_QUOTES = '"""'


class PlainConsole:
    """Reads messages line by line; a line of three double quotes begins and ends a longer one.

    A backslash at the end of a line joins the next one to it. ``prompt`` shows a prompt and
    allows questions: someone types, at a terminal that knows no control sequences.
    """

    def __init__(self, theme: Theme, columns: int, *, prompt: bool) -> None:
        self.theme, self.columns, self.interactive = theme, columns, prompt
        self.rich = theme.escapes
        self._pulsed: float | None = None  # When the line that says how far it is was drawn.
        self._input, self._output = sys.stdin, sys.stdout
        self._prompt = sys.stdout if sys.stdout.isatty() else sys.stderr
        for stream in (self._input, self._output):
            forgiving(stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.pulse("")
        if kind is None:
            self._output.flush()

    def show(self, rows: Iterable[Line], live: Preview | None = None) -> None:
        """Write rows. What is not final is not shown before it is."""
        text = "".join(f"{self.theme.paint(row).rstrip(' ')}\n" for row in rows)
        if text:
            self.pulse("")
            self._output.write(text)
            self._output.flush()

    def pulse(self, text: str) -> None:
        """A line that is written over, a few times a second, until the next one is shown.

        Nothing where control sequences are not known.
        """
        now, before = time.monotonic(), self._pulsed
        if not self.rich or (not text and before is None):
            return
        if text and before is not None and now - before < _PULSE:
            return
        self._pulsed = now if text else None
        line = f"… {text}"[: self.columns - 1] if text else ""
        self._output.write(f"\r{line}\x1b[K")
        self._output.flush()

    def draw(self, sequences: str) -> None:
        """Nothing: what reads this may be no terminal."""

    def page(self, lines: Sequence[str]) -> bool:
        """Never: what is typed need not come from a terminal, or that knows too little."""
        return False

    def status(self, text: str) -> None:
        """There is no line under the prompt."""

    def read(self) -> str:
        """The next message. Ctrl-C twice at the prompt leaves, as the end of the input does.

        In a pipe, where there is no prompt, it raises KeyboardInterrupt.
        """
        last = float("-inf")
        while True:
            try:
                return self._message()
            except KeyboardInterrupt:
                if not self.interactive:
                    raise
                if time.monotonic() - last < _TWICE:
                    raise EOFError from None
                last = time.monotonic()
                self._hint("\n(Ctrl-C again leaves)\n")

    def ask(self, question: str) -> str:
        if not self.interactive:
            return ""
        self._hint(f"{question} ")
        return self._input.readline().strip()

    def _message(self) -> str:
        line = self._line("> ")
        if line.strip() == _QUOTES:
            return "\n".join(iter(lambda: self._line("  "), _QUOTES))
        lines = [line]
        while lines[-1].endswith("\\"):
            lines[-1] = lines[-1][:-1]
            lines.append(self._line("  "))
        return "\n".join(lines)

    def _line(self, prompt: str) -> str:
        if self.interactive:
            self._hint(prompt)
        line = self._input.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")

    def _hint(self, text: str) -> None:
        self._prompt.write(text)
        self._prompt.flush()


def forgiving(stream: TextIO) -> None:
    """Neither bytes that are no text nor characters that the encoding lacks end a session."""
    if hasattr(stream, "reconfigure") and stream.errors != "replace":  # Not after a first read.
        stream.reconfigure(errors="replace")
