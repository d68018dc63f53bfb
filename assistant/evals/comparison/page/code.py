"""One run's code on the page: numbered, coloured, with the lines marked that another has not."""

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

from assistant.evals.comparison.page.markup import Markup, join, span, tag

Coloured = Sequence[Sequence[tuple[str, str]]]
"""Lines of (style, text); a style is the name of a kind of token, or empty."""
Highlight = Callable[[str, str], Coloured]
"""Colours code: (code, language)."""

_LONGEST = 16_000
_STYLES = ("keyword", "name", "string", "number", "comment")
_ALIKE = 0.5
"""Codes with less than this in common are different altogether: marks would say nothing."""
_MOST_LINES = 600


def plain(code: str, lang: str) -> Coloured:
    return [[("", line)] for line in code.split("\n")]


def cut(words: str, most: int) -> str:
    left = len(words) - most
    return words if left <= 0 else f"{words[:most]}\n… {left:,} more characters"


def code(text: str, lang: str, other: str, highlight: Highlight) -> Markup:
    """The code in a frame that scrolls. ``other`` is what to mark differences from; empty: none."""
    shown = cut(text.rstrip("\n"), _LONGEST)
    marked = differing(shown.split("\n"), other.rstrip("\n").split("\n")) if other else set()
    lines = [
        span("x", *map(_piece, line)) if number in marked else join(*map(_piece, line))
        for number, line in enumerate(highlight(shown, lang))
    ]
    numbers = "\n".join(map(str, range(1, len(lines) + 1)))
    gutter = tag("pre", numbers, class_="gutter", aria_hidden="true")
    body = tag("pre", tag("code", Markup("\n".join(lines))))
    return tag("div", gutter, body, class_="code", role="region", aria_label="Code", tabindex="0")


def differing(lines: Sequence[str], others: Sequence[str]) -> set[int]:
    """The lines, from 0, that are not blank and not among the others in their order."""
    if len(lines) > _MOST_LINES or len(others) > _MOST_LINES or lines == others:
        return set()
    matcher = SequenceMatcher(None, lines, others, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return set()
    return {
        number
        for kind, start, end, *_ in matcher.get_opcodes()
        if kind in ("replace", "delete")
        for number in range(start, end)
        if lines[number].strip()
    }


def _piece(fragment: tuple[str, str]) -> Markup:
    style, words = fragment
    return span(f"h{_STYLES.index(style)}", words) if style in _STYLES else join(words)
