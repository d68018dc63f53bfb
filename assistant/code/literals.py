"""Literals that run over many lines: heredocs in shell code, triple-quoted strings in Python.

A line that looks like a fence inside one of them is the program's own text.
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


Literal = Heredocs | Quotes


def literal_of(language: str) -> Literal | None:
    """What keeps track of the literals of a language; None where there is nothing to track."""
    if language in ("bash", "sh"):
        return Heredocs()
    return Quotes() if language == "python" else None
