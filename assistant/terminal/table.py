"""Markdown tables: cells aligned by display width, wrapped or listed where the screen is narrow."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from assistant.terminal.inline import parse
from assistant.terminal.theme import Fragment, Line
from assistant.terminal.wrap import line_width, wrap

_DELIMITER = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_CELL = re.compile(r"(?:\\.|`[^`]*`|[^|\\`]|\\|`)*")
_LEAST = 6
"""Columns below which a cell is not squeezed; a table that needs that is shown as a list."""


def is_row(text: str) -> bool:
    return text.lstrip().startswith("|")


def is_delimiter(text: str) -> bool:
    """The second line of a table, as ``|---|:-:|``."""
    return "-" in text and "|" in text and _DELIMITER.match(text) is not None


def cells(row: str) -> list[str]:
    """The cells of a row; a bar that is escaped or inside a code span parts nothing."""
    row = row.strip().removeprefix("|")
    found, at = [], 0
    while at <= len(row):
        match = _CELL.match(row, at)
        assert match  # The pattern matches the empty string.
        found.append(match.group().strip().replace("\\|", "|"))
        at = match.end() + 1
    return found[:-1] if len(found) > 1 and not found[-1] else found


def table(lines: Sequence[str], columns: int) -> list[list[Fragment]]:
    """A whole table (header, delimiter, rows) as rows of at most ``columns``."""
    header = [parse(cell, "class:strong") for cell in cells(lines[0])]
    body = [[parse(cell) for cell in cells(line)] for line in lines[2:]]
    count = max(map(len, (header, *body)))
    grid = [[*row, *([()] * (count - len(row)))] for row in (header, *body)]
    widths = _fit(grid, columns - 3 * (count - 1))
    if widths is None:
        return _listed(header, body, columns)
    sides = [_side(cell) for cell in cells(lines[1])]
    sides += ["left"] * (count - len(sides))
    rows: list[list[Fragment]] = []
    for number, row in enumerate(grid):
        rows.extend(_row(row, widths, sides))
        if number == 0:
            rule = "─┼─".join("─" * width for width in widths)
            rows.append([("class:bar", rule)])
    return rows


def _side(cell: str) -> str:
    if cell.endswith(":"):
        return "centre" if cell.startswith(":") else "right"
    return "left"


def _fit(grid: Sequence[Sequence[Line]], room: int) -> list[int] | None:
    """Column widths that fit ``room``, the widest giving way first; None if they cannot."""
    widths = [max(max(map(line_width, column)), 1) for column in zip(*grid, strict=True)]
    while sum(widths) > room:
        widest = max(widths)
        if widest <= _LEAST:
            return None
        second = max([width for width in widths if width < widest], default=_LEAST)
        fat = widths.count(widest)
        step = min(widest - max(second, _LEAST), -(-(sum(widths) - room) // fat))
        widths = [width - max(step, 1) if width == widest else width for width in widths]
    return widths


def _row(row: Sequence[Line], widths: Sequence[int], sides: Sequence[str]) -> list[list[Fragment]]:
    wrapped = [wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    rows = []
    for parts in zip_longest(*wrapped, fillvalue=[]):
        line: list[Fragment] = []
        for number, (part, width, side) in enumerate(zip(parts, widths, sides, strict=False)):
            if number:
                line.append(("class:bar", " │ "))
            space = max(width - line_width(part), 0)
            before = {"left": 0, "right": space, "centre": space // 2}[side]
            after = space - before if number < len(widths) - 1 else 0
            line.extend([("", " " * before), *part, ("", " " * after)])
        rows.append([fragment for fragment in line if fragment[1]])
    return rows


def _listed(
    header: Sequence[Line], body: Sequence[Sequence[Line]], columns: int
) -> list[list[Fragment]]:
    """Each row as lines of "header: cell", for screens too narrow for the table."""
    rows: list[list[Fragment]] = []
    for cells_of_row in body or [[]]:
        for name, cell in zip_longest(header, cells_of_row, fillvalue=()):
            line = [*name, ("", ": "), *cell] if name else list(cell)
            rows.extend(wrap(line, columns, (), (("", "  "),)))
        rows.append([])
    return rows[:-1]
