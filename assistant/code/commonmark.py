"""CommonMark's block structure as far as fences need it: containers, paragraphs, HTML blocks.

Source: the CommonMark specification 0.31, sections 4 (leaf blocks) and 5 (container blocks).
Nothing is looked at twice but the line itself, and what is kept between lines is a short stack.
"""

import re
from typing import NamedTuple

from assistant.code.html_blocks import BLANK, html_end

DEEPEST = 100
"""Containers inside containers beyond this are read as text: it bounds the work per line."""

QUOTE = 0
"""A block quote on the stack; a list item is there as its width, the columns it takes off."""

NONE, PARAGRAPH, FENCE, HTML = range(4)

_BLANKS = re.compile(r"[ \t]*+")
_FENCE = re.compile(r"(`{3,}+)([^`]*)\Z|(~{3,}+)(.*)\Z")
_HEADING = re.compile(r"#{1,6}+(?:[ \t]|\Z)")
_UNDERLINE = re.compile(r"(?:=++|-++)[ \t]*+\Z")
_RULES = {mark: re.compile(rf"[{re.escape(mark)} \t]*+") for mark in "*-_"}
_BULLETS = "-*+0123456789"
_MARKER = re.compile(r"(?:[-+*]|([0-9]{1,9})[.)])(?=[ \t]|\Z)")


Place = tuple[str, int, int, int]
"""(line, pos, column, matched): ``line[pos:]`` is what is left of a line. It begins in ``column``,
inside the first ``matched`` containers. ``line`` is another than was read where a tab was split."""


class Opener(NamedTuple):
    """The first line of a fence: the columns before it, its run of marks, its info string."""

    indent: int
    run: str
    info: str


def blanks(line: str, pos: int, column: int) -> tuple[int, int]:
    """How many columns of white space follow ``pos``, and the position of what comes after."""
    mark = line[pos : pos + 1]
    if mark != " " and mark != "\t":
        return 0, pos
    found = _BLANKS.match(line, pos)
    stop = found.end() if found else pos
    if line.find("\t", pos, stop) < 0:
        return stop - pos, stop
    at = column
    for mark in line[pos:stop]:
        at += 4 - at % 4 if mark == "\t" else 1
    return at - column, stop


def skip(line: str, pos: int, column: int, columns: int) -> tuple[str, int]:
    """Take off at most so many columns of white space; a tab taken in part leaves spaces."""
    if line.startswith(" " * columns, pos):
        return line, pos + columns
    goal, size = column + columns, len(line)
    while column < goal and pos < size:
        mark = line[pos]
        if mark == " ":
            column += 1
        elif mark == "\t":
            column += 4 - column % 4
        else:
            break
        pos += 1
    if column > goal:
        return " " * (column - goal) + line[pos:], 0
    return line, pos


class Structure:
    """The open containers and the leaf in them, carried from line to line."""

    __slots__ = ("_end", "_fresh", "_no_rule", "leaf", "stack")

    def __init__(self) -> None:
        self.stack: list[int] = []
        self.leaf = NONE
        self._end: re.Pattern[str] | None = None  # what ends the HTML block
        self._fresh = False  # the innermost item has had nothing but its marker so far
        self._no_rule = 0

    def save(self) -> tuple[list[int], int, re.Pattern[str] | None, bool]:
        return self.stack[:], self.leaf, self._end, self._fresh

    def restore(self, saved: tuple[list[int], int, re.Pattern[str] | None, bool]) -> None:
        stack, self.leaf, self._end, self._fresh = saved
        self.stack = stack[:]

    def walk(self, line: str) -> Place:
        """Pass the marks of the containers that go on in this line."""
        pos = column = matched = 0
        for width in self.stack:
            if width == QUOTE:
                indent, at = (0, pos) if line.startswith(">", pos) else blanks(line, pos, column)
                if indent > 3 or not line.startswith(">", at):
                    break
                line, pos, column = _after_mark(line, at + 1, column + indent + 1)
            else:
                indent, at = blanks(line, pos, column)
                if at == len(line):
                    return self._walk_blank(line, pos, column, matched)
                if indent < width:
                    break
                line, pos = skip(line, pos, column, width)
                column += width
            matched += 1
        return line, pos, column, matched

    def _walk_blank(self, line: str, pos: int, column: int, matched: int) -> Place:
        """A blank line goes on in all list items down to the next quote, indented or not."""
        inner = self.stack[matched:]
        reach = inner.index(QUOTE) if QUOTE in inner else len(inner)
        if self._fresh and reach == len(inner):
            reach -= 1
        if pos < len(line):
            width = sum(inner[:reach])
            line, pos = skip(line, pos, column, width)
            column += width
        return line, pos, column, matched + reach

    def html(self, place: Place) -> None:
        """A line of the open HTML block: does it end it?"""
        end = self._end or BLANK
        if (end.match if end is BLANK else end.search)(place[0], place[1]):
            self.leaf = NONE

    def open(self, place: Place) -> Opener | None:
        """Start what the rest of a line starts; an opening fence is handed back."""
        line, pos, column, matched = place
        self._no_rule = 0
        while True:
            indent, at = blanks(line, pos, column)
            if at == len(line):
                self._close(matched)
                return None
            if indent >= 4:
                self._text(matched, NONE)
                return None
            if matched == DEEPEST:
                return self._open_leaf(line, at, indent, matched)
            if line[at] == ">":
                self._push(matched, QUOTE)
                line, pos, column = _after_mark(line, at + 1, column + indent + 1)
            elif line[at] in _BULLETS and (size := self._item(line, at, matched)):
                place = line, at + size, column + indent + size, matched
                line, pos, column = self._open_item(place, indent + size)
            else:
                return self._open_leaf(line, at, indent, matched)
            matched += 1

    def _item(self, line: str, at: int, matched: int) -> int:
        """The length of a list marker; 0 where none stands or it may not interrupt a paragraph."""
        found = _MARKER.match(line, at)
        if found is None or self._is_rule(line, at, matched):
            return 0
        if self._in_paragraph(matched):
            blank = blanks(line, found.end(), 0)[1] == len(line)
            if blank or (found[1] and int(found[1]) != 1):
                return 0
        return found.end() - at

    def _open_item(self, place: Place, width: int) -> tuple[str, int, int]:
        """Push an item whose marker, ``width`` columns with its indent, was just passed."""
        line, pos, column, matched = place
        room, stop = blanks(line, pos, column)
        blank = stop == len(line)
        if blank or room > 4:
            room = 1
        self._push(matched, width + room)
        self._fresh = blank
        line, pos = skip(line, pos, column, room)
        if not pos:  # a split tab made another line of it
            self._no_rule = 0
        return line, pos, column + room

    def _open_leaf(self, line: str, at: int, indent: int, matched: int) -> Opener | None:
        mark = line[at]
        if mark in "`~" and (fence := _FENCE.match(line, at)):
            self._leaf(matched, FENCE)
            run, info = fence[1] or fence[3], fence[2] or fence[4] or ""
            return Opener(indent, run, info.strip(" \t"))
        if mark == "<":
            end = html_end(line, at, in_paragraph=self.leaf == PARAGRAPH)
            if end:
                self._leaf(matched, NONE if end is not BLANK and end.search(line, at) else HTML)
                self._end = end
                return None
        if (mark == "#" and _HEADING.match(line, at)) or self._is_rule(line, at, matched):
            self._leaf(matched, NONE)
        else:
            self._text(matched, PARAGRAPH)
        return None

    def _is_rule(self, line: str, at: int, matched: int) -> bool:
        """Does a thematic break stand here, or the line under a heading?"""
        mark = line[at]
        if mark in "=-" and self._in_paragraph(matched) and _UNDERLINE.match(line, at):
            return True
        if mark not in "*-_" or at < self._no_rule or line.count(mark, at) < 3:
            return False
        run = _RULES[mark].match(line, at)
        stop = run.end() if run else at
        if stop == len(line):
            return True
        self._no_rule = stop  # up to there no rule of this mark can begin
        return False

    def _in_paragraph(self, matched: int) -> bool:
        """Is the line in the paragraph's own containers, so not lazily continued?"""
        return self.leaf == PARAGRAPH and matched == len(self.stack)

    def _close(self, matched: int) -> None:
        if matched < len(self.stack):
            del self.stack[matched:]
            self._fresh = False
        self.leaf = NONE

    def _leaf(self, matched: int, leaf: int) -> None:
        self._close(matched)
        self._fresh = False
        self.leaf = leaf

    def _push(self, matched: int, width: int) -> None:
        if self.leaf or matched < len(self.stack):
            self._close(matched)
        self._fresh = False
        self.stack.append(width)

    def _text(self, matched: int, leaf: int) -> None:
        """A line of text goes on with the paragraph that is open, wherever it stands."""
        if self.leaf != PARAGRAPH:
            self._leaf(matched, leaf)


def _after_mark(line: str, pos: int, column: int) -> tuple[str, int, int]:
    """Past the one column of white space that belongs to a quote's mark."""
    if line.startswith(" ", pos):
        return line, pos + 1, column + 1
    if line.startswith("\t", pos):
        line, pos = skip(line, pos, column, 1)
        return line, pos, column + 1
    return line, pos, column
