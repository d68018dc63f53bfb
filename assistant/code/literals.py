"""Text inside code that runs over many lines: heredocs, triple-quoted strings, edit sections.

A line that looks like a fence inside one of them is that text's own.
"""

import re

MOST = 8
"""Heredocs that one line may begin."""

_HEREDOC = re.compile(r"""(?<!<)<<-?[ \t]*(?:'([^'\n]+)'|"([^"\n]+)"|\\?([A-Za-z_]\w*))""")
_STRINGS = re.compile(r'''#|\\.|"""|\'\'\'|"(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+\'''')
_ENDS = {quotes: re.compile(rf"(?:[^\\]|\\.)*?{quotes}") for quotes in ('"""', "'''")}


class Heredocs:
    """The ends that shell code still waits for, in order."""

    __slots__ = ("_ends",)
    sure = False
    """Do its marks stand for nothing else, so that fences inside need not be in pairs?"""

    def __init__(self) -> None:
        self._ends: list[str] = []

    @property
    def open(self) -> bool:
        return bool(self._ends)

    def save(self) -> list[str]:
        return self._ends[:]

    def restore(self, saved: list[str]) -> None:
        self._ends = saved[:]

    def see(self, line: str) -> None:
        """Go on by one line of code."""
        if self._ends:
            if line.strip() == self._ends[0]:
                del self._ends[0]
        elif "<<" in line and "((" not in line and not line.lstrip().startswith("#"):
            self._ends = [a or b or c for a, b, c in _HEREDOC.findall(line)[:MOST]]


class Quotes:
    """The triple quotes that Python code still waits for."""

    __slots__ = ("_quotes",)
    sure = False

    def __init__(self) -> None:
        self._quotes = ""

    @property
    def open(self) -> bool:
        return bool(self._quotes)

    def save(self) -> list[str]:
        return [self._quotes]

    def restore(self, saved: list[str]) -> None:
        (self._quotes,) = saved

    def see(self, line: str) -> None:
        """Go on by one line of code."""
        if '"""' not in line and "'''" not in line:
            return
        pos = 0
        while True:
            if self._quotes:
                end = _ENDS[self._quotes].match(line, pos)
                if end is None:
                    return
                pos, self._quotes = end.end(), ""
            for found in _STRINGS.finditer(line, pos):
                text = found.group()
                if text == "#":
                    return
                if text in _ENDS:
                    pos, self._quotes = found.end(), text
                    break
            else:
                return


class Sections:
    """The end of the search/replace section that an edit is in."""

    __slots__ = ("open",)
    sure = True

    def __init__(self) -> None:
        self.open = False

    def save(self) -> list[str]:
        return ["open"] if self.open else []

    def restore(self, saved: list[str]) -> None:
        self.open = bool(saved)

    def see(self, line: str) -> None:
        """Go on by one line of the edit."""
        if line.startswith(("<<<<<<< SEARCH", ">>>>>>> REPLACE")):
            self.open = line[0] == "<"


Literal = Heredocs | Quotes | Sections


def literal_of(tag: str, language: str) -> Literal | None:
    """What follows the literals in a fence of this tag and language; None if it can have none."""
    if language in ("bash", "sh"):
        return Heredocs()
    if language == "python":
        return Quotes()
    return Sections() if tag == "edit" else None
