"""Line differences, quick on large files too: common ends, unique lines as anchors, then gaps."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

Block = tuple[int, int, int, int]
"""A changed region: lines ``a[start:end]`` became ``b[start:end]``."""

_SMALL = 200_000
"""Lines of one side times lines of the other up to which a gap is compared line by line."""


def changed_blocks(a: Sequence[str], b: Sequence[str]) -> list[Block]:
    """The regions where two sequences of lines differ, in order, never adjacent."""
    merged: list[Block] = []
    for block in _blocks(a, b):
        if merged and (merged[-1][1], merged[-1][3]) == (block[0], block[2]):
            first = merged.pop()
            block = (first[0], block[1], first[2], block[3])
        merged.append(block)
    return merged


def _blocks(a: Sequence[str], b: Sequence[str]) -> Iterator[Block]:
    gaps = [(0, len(a), 0, len(b))]
    while gaps:
        a0, a1, b0, b1 = gaps.pop()
        while a0 < a1 and b0 < b1 and a[a0] == b[b0]:
            a0, b0 = a0 + 1, b0 + 1
        while a0 < a1 and b0 < b1 and a[a1 - 1] == b[b1 - 1]:
            a1, b1 = a1 - 1, b1 - 1
        if a0 == a1 and b0 == b1:
            continue
        if a0 == a1 or b0 == b1:
            yield (a0, a1, b0, b1)
        elif (a1 - a0) * (b1 - b0) <= _SMALL:
            yield from _compared(a, b, (a0, a1, b0, b1))
        elif anchors := _anchors(a, b, (a0, a1, b0, b1)):
            starts = [(a0, b0), *((x + 1, y + 1) for x, y in anchors)]
            ends = [*anchors, (a1, b1)]
            pairs = list(zip(starts, ends, strict=True))
            gaps.extend((sa, ea, sb, eb) for (sa, sb), (ea, eb) in reversed(pairs))
        else:
            yield (a0, a1, b0, b1)


def _compared(a: Sequence[str], b: Sequence[str], gap: Block) -> Iterator[Block]:
    a0, a1, b0, b1 = gap
    matcher = SequenceMatcher(None, a[a0:a1], b[b0:b1], autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag != "equal":
            yield (a0 + i, a0 + j, b0 + k, b0 + m)


def _anchors(a: Sequence[str], b: Sequence[str], gap: Block) -> list[tuple[int, int]]:
    """Lines that occur once on each side, in the longest run that keeps their order (patience)."""
    a0, a1, b0, b1 = gap
    once_a, once_b = Counter(a[a0:a1]), Counter(b[b0:b1])
    place = {line: y for y in range(b0, b1) if once_b[line := b[y]] == 1}
    pairs = [(x, place[a[x]]) for x in range(a0, a1) if once_a[a[x]] == 1 and a[x] in place]
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for number, (_, y) in enumerate(pairs):
        at = bisect_left(tails, y)
        before.append(ends[at - 1] if at else -1)
        if at == len(tails):
            tails.append(y)
            ends.append(number)
        else:
            tails[at], ends[at] = y, number
    run: list[tuple[int, int]] = []
    number = ends[-1] if ends else -1
    while number >= 0:
        run.append(pairs[number])
        number = before[number]
    return run[::-1]


def hunks(a: Sequence[str], b: Sequence[str], context: int = 3) -> Iterator[str]:
    """A unified diff's hunks, header lines included; lines keep their ends."""
    group: list[Block] = []
    for block in changed_blocks(a, b):
        if group and block[0] - group[-1][1] > 2 * context:
            yield from _hunk(a, b, group, context)
            group = []
        group.append(block)
    if group:
        yield from _hunk(a, b, group, context)


def _hunk(a: Sequence[str], b: Sequence[str], group: list[Block], context: int) -> Iterator[str]:
    before = min(group[0][0], context)
    after = min(len(a) - group[-1][1], context)
    a0, a1 = group[0][0] - before, group[-1][1] + after
    b0, b1 = group[0][2] - before, group[-1][3] + after
    yield f"@@ -{_span(a0, a1)} +{_span(b0, b1)} @@\n"
    at = a0
    for i, j, k, m in group:
        yield from (_line(" ", line) for line in a[at:i])
        yield from (_line("-", line) for line in a[i:j])
        yield from (_line("+", line) for line in b[k:m])
        at = j
    yield from (_line(" ", line) for line in a[at:a1])


def _span(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return f"{start + 1}"
    return f"{start + 1 if length else start},{length}"


def _line(sign: str, line: str) -> str:
    if line.endswith("\n"):
        return sign + line
    return f"{sign}{line}\n\\ No newline at end of file\n"


def lines(text: str) -> list[str]:
    """Lines with their ends; only a line feed ends one, as for git."""
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
