"""What one line of Markdown is: heading, item, quote, rule, code or text, told by its start."""

import re
from dataclasses import dataclass

from assistant.terminal.theme import Line
from assistant.terminal.wrap import indent, line_width

_RULE = re.compile(r"\s{0,3}([-*_])(?:\s*\1){2,}\s*$")
_HEADING = re.compile(r"\s{0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$")
_ITEM = re.compile(r"(\s*)([-*+]|\d{1,9}[.)])(\s+)(\[[ xX]\]\s+)?")
_QUOTE = re.compile(r"\s{0,3}((?:>\s?)+)")
_BARS = 12
"""Quotes in quotes that are drawn: each takes its place on every row."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a line is set: its text, the style around it, what stands before its rows."""

    text: str
    base: str = ""
    first: Line = ()
    rest: Line = ()
    verbatim: bool = False
    """No inline markup, no wrapping."""
    rule: bool = False
    item: bool = False


def shape(text: str, in_list: bool = False) -> Shape:
    """The shape of a line; ``in_list``: indentation belongs to an item, it is no code."""
    if _RULE.match(text):
        return Shape("", rule=True)
    if heading := _HEADING.match(text):
        level = len(heading.group(1))
        return Shape(heading.group(2), "class:title" if level == 1 else "class:heading")
    if quote := _QUOTE.match(text):
        inner = shape(text[quote.end() :])
        bars = (("class:bar", "│ " * min(quote.group(1).count(">"), _BARS)),)
        base = " ".join(filter(None, ("class:quote", inner.base)))
        return Shape(inner.text, base, (*bars, *inner.first), (*bars, *inner.rest))
    if item := _ITEM.match(text):
        return _item(text[item.end() :], item)
    spread = text.expandtabs(4)
    blanks = len(spread) - len(spread.lstrip())
    if blanks >= 4 and not in_list:
        return Shape(text, "class:code", verbatim=True)
    before = indent(blanks)
    return Shape(text.strip(), "", before, before)


def _item(text: str, item: re.Match[str]) -> Shape:
    blanks, mark, _, task = item.groups()
    mark = "•" if mark in "-*+" else mark
    box = "" if not task else "☐ " if task[1] == " " else "☑ "
    first = (
        *indent(min(len(blanks.expandtabs(4)), 24)),
        ("class:bullet", f"{mark} {box}"),
    )
    return Shape(text.strip(), "", first, indent(line_width(first)), item=True)
