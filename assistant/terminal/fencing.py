"""Where code begins and ends in a reply that streams in, as the scanner that runs it sees it."""

import re
from typing import Literal

from assistant.code.scanner import FenceScanner

Kind = Literal["text", "open", "code", "close"]

_MARKS = re.compile(r"[\s>]*(?:`{3,}|~{3,})\s*$")


class Fences:
    """Takes the reply in pieces, and tells of each line, once it has ended, what it was."""

    def __init__(self) -> None:
        self._scanner = FenceScanner()
        self._line = 0  # Where the open fence began; 0 outside.

    @property
    def open(self) -> bool:
        return self._line > 0

    @property
    def tag(self) -> str:
        """The language of the fence that is open, as its info string has it."""
        fence = self._scanner.inside
        return fence.lang if fence else ""

    def feed(self, piece: str) -> None:
        """A piece of the line under way."""
        self._scanner.feed(piece)

    def end(self, line: str) -> Kind:
        """The line is over; ``line`` is all of it, or its end where it was long."""
        self._scanner.feed("\n")
        fence, before = self._scanner.inside, self._line
        self._line = fence.line if fence else 0
        if self._line == before:
            return "code" if before else "text"
        if self._line:
            return "open"
        return "close" if _MARKS.match(line) else "text"
