"""The lines of a file that are most like those that an edit looked for, to show where it failed."""

from collections.abc import Sequence
from difflib import get_close_matches
from itertools import accumulate

SHOWN = 15
"""Lines that are shown at most."""

BEFORE = 3
"""Of these, how many stand before the first that differs."""

_COMPARED, _WIDTH = 2_000, 200


def nearest_lines(texts: Sequence[str], wanted: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """(number from 1, text) of the lines around the likeliest place; empty where none is like."""
    texts = list(texts)
    size = max(len(wanted), 1)
    keys = {text.strip() for text in wanted} - {""}
    sums = [0, *accumulate(text.strip() in keys for text in texts)]
    last = max(len(texts) - size, 0)
    scores = [sums[min(at + size, len(texts))] - sums[at] for at in range(last + 1)]
    best = max(range(last + 1), key=scores.__getitem__)
    if not scores[best]:
        found = _alike(texts, keys)
        return _around(texts, found, size) if found is not None else ()
    differs = (
        at
        for at in range(size)
        if [t.strip() for t in texts[best + at : best + at + 1]] != [wanted[at].strip()]
    )
    return _around(texts, best + next(differs, 0), size)


def _alike(texts: list[str], keys: set[str]) -> int | None:
    """The line that is most like the longest one that was looked for."""
    if not keys:
        return None
    longest = max(sorted(keys), key=len)[:_WIDTH]
    lines = {text.strip()[:_WIDTH]: at for at, text in reversed([*enumerate(texts)][:_COMPARED])}
    found = get_close_matches(longest, lines, n=1)
    return lines[found[0]] if found else None


def _around(texts: list[str], at: int, size: int) -> tuple[tuple[int, str], ...]:
    start = max(at - BEFORE, 0)
    stop = min(start + max(min(SHOWN, size + 2 * BEFORE), 2 * BEFORE), len(texts))
    return tuple((number + 1, texts[number][:_WIDTH]) for number in range(start, stop))
