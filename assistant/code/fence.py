"""One fence: the value that is handed out, the one that is still open, the marks of either."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from assistant.code.commonmark import Opener, Place, blanks
from assistant.code.info import parse_info
from assistant.code.literals import literal_of
from assistant.languages import find


class Fence(NamedTuple):
    """One fenced block. ``code`` has its lines joined by LF, without the last line's end.

    ``closed`` is False where the text ended inside it. ``line`` and ``end`` are the numbers of its
    first and last line, from 1, marks included. ``lang`` is the tag as written, "" for none.
    """

    info: str
    lang: str
    code: str
    attributes: Mapping[str, str]
    closed: bool
    line: int
    end: int


class OpenFence:
    """The fence that is open: how it began and what it holds so far."""

    __slots__ = ("indent", "info", "inner", "line", "lines", "literal", "nests", "run", "runs")

    def __init__(self, opener: Opener, line: int) -> None:
        info = parse_info(opener.info)
        self.info = info
        self.line = line
        language = find(info.lang) if info.lang else None
        self.run = opener.run
        self.indent = opener.indent
        self.lines: list[str] = []
        self.literal = literal_of(info.lang, language.name if language else "")
        self.nests = language is not None and language.name == "markdown"
        self.runs = language is not None and language.runs
        self.inner: tuple[int, bool] | None = None  # a fence inside: its marks; has it a tag?

    def fence(self, code: str, end: int, *, closed: bool) -> Fence:
        """What it is with this code, up to this line."""
        info = self.info
        return Fence(info.text, info.lang, code, info.attributes, closed, self.line, end)

    def save(self) -> tuple[Any, ...]:
        return len(self.lines), self.literal and self.literal.save(), self.inner

    def restore(self, saved: tuple[Any, ...]) -> None:
        size, literal, self.inner = saved
        del self.lines[size:]
        if self.literal:
            self.literal.restore(literal)


def read_marks(run: str, place: Place) -> Opener | None:
    """The marks that a line in a fence begins with, where they could end it or begin another."""
    line, pos, column, _ = place
    if line == run:
        return Opener(0, run, "")
    indent, at = blanks(line, pos, column)
    if indent > 3 or not line.startswith(run, at):
        return None
    rest = line[at:].lstrip(run[0])
    if run[0] == "`" and "`" in rest:
        return None
    return Opener(indent, line[at : len(line) - len(rest)], rest.strip(" \t"))


def opener_behind(line: str) -> Opener | None:
    """A fence that is opened behind text: blank, backticks, the tag of a language, line end."""
    at = line.rfind("```")
    text = line[:at].rstrip("`")
    run, tag = line[len(text) : at + 3], line[at + 3 :].strip(" \t")
    if not text.endswith((" ", "\t")) or "```" in text or find(tag) is None:
        return None
    return Opener(0, run, tag)
