"""Lines cut to the width of the screen at word borders, by display width, with hanging indents."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from wcwidth import wcswidth

from assistant.terminal.theme import Fragment, Line

_WIDE = "\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60"
_TAB = 8
_WORDS = re.compile(rf"\s+|[{_WIDE}]|[^\s{_WIDE}]+")


def width(text: str) -> int:
    """The columns that ``text`` takes on the screen; control characters count as none."""
    return len(text) if text.isascii() else _wide(text)


@lru_cache(maxsize=4096)
def _wide(text: str) -> int:
    return max(wcswidth(text), 0)


def line_width(line: Iterable[Fragment]) -> int:
    return sum(width(text) for _, text in line)


def wrap(line: Line, columns: int, first: Line = (), rest: Line = ()) -> list[list[Fragment]]:
    """``line`` in rows of at most ``columns``, the first after ``first``, others after ``rest``.

    A word wider than a row stays whole (the terminal breaks it), so that addresses can be copied.
    """
    columns = max(columns, 1)
    if line_width(first) + line_width(line) <= columns:
        return [[*first, *line]]
    row: list[Fragment] = list(first)
    used = start = line_width(first)
    rows: list[list[Fragment]] = []
    blank: Fragment | None = None
    for word in _words(line):
        size = sum(width(text) for _, text in word)
        if word[0][1].isspace():
            blank = word[0]
            continue
        gap = width(blank[1]) if blank else 0
        if used + gap + size > columns and used > start:
            rows.append(row)
            row, used = list(rest), line_width(rest)
            start = used
        elif blank:
            _put(row, blank)
            used += gap
        blank = None
        for fragment in word:
            _put(row, fragment)
        used += size
    rows.append([*row, blank] if blank else row)
    return rows


def _put(row: list[Fragment], fragment: Fragment) -> None:
    """Append, joining neighbours of one style."""
    if row and row[-1][0] == fragment[0]:
        row[-1] = (fragment[0], row[-1][1] + fragment[1])
    else:
        row.append(fragment)


def _words(line: Line) -> Iterable[list[Fragment]]:
    """Unbreakable pieces: a word may run over several fragments, as in ``**bold**ly``."""
    word: list[Fragment] = []
    for style, text in line:
        for part in _WORDS.findall(text):
            if part.isspace() or _stands_alone(part):
                if word:
                    yield word
                    word = []
                yield [(style, part)]
            else:
                word.append((style, part))
    if word:
        yield word


def _stands_alone(part: str) -> bool:
    return len(part) == 1 and part >= "\u1100" and width(part) == 2


def fold(line: Line, columns: int) -> list[list[Fragment]]:
    """``line`` broken wherever a row is full, as a terminal does it."""
    rows: list[list[Fragment]] = [[]]
    used = 0
    for style, text in line:
        for character in text:
            if character == "\t":
                character = " " * (_TAB - used % _TAB)
            size = width(character)
            if used + size > columns:
                rows.append([])
                used = 0
            _put(rows[-1], (style, character))
            used += size
    return rows


def broken(text: str, columns: int) -> Iterator[str]:
    """``text`` without tabs in rows of at most ``columns``, as ``fold`` breaks it; at least one."""
    if text.isascii():
        for at in range(0, len(text) or 1, columns):
            yield text[at : at + columns]
        return
    start = used = 0
    for at, character in enumerate(text):
        size = width(character)
        if used + size > columns:
            yield text[start:at]
            start, used = at, 0
        used += size
    yield text[start:]


def clip(line: Line, columns: int) -> list[Fragment]:
    """The head of a line that fits ``columns``."""
    clipped: list[Fragment] = []
    for style, text in line:
        room = columns - line_width(clipped)
        if width(text) > room:
            text = text[: room + 1]
            while text and width(text) > room:
                text = text[:-1]
            clipped.append((style, text))
            break
        clipped.append((style, text))
    return clipped


def indent(columns: int) -> Sequence[Fragment]:
    return (("", " " * columns),) if columns else ()
