"""A whole new text for a file: lines that stay keep their own line ends."""

import re
from collections.abc import Callable, Sequence

Compare = Callable[[Sequence[str], Sequence[str]], Sequence[tuple[int, int, int, int]]]
"""The regions ``a[i:j]`` that became ``b[k:m]``, in order."""

_LEFT_OUT = re.compile(
    r"^\W*(?:\.\.\.|\u2026)\W*"
    r"(?:the\s+)?(?:rest|remaining|remainder|other|existing|unchanged|same|previous|omitted)\b"
    r"|^\W*(?:(?:the\s+)?(?:rest|remainder) of (?:the )?(?:code|file|class|function|script)"
    r"|existing code|code omitted|unchanged code)\b.{0,40}(?:unchanged|same|as before|here|\.\.\.)",
    re.IGNORECASE,
)


def whole_text(before: str, text: str, compare: Compare) -> str:
    """The file's text after a whole-file answer: ``text`` with line feeds, as a fence has it.

    Lines that stay are as they were, ends included; new ones take the end that is usual around
    them; a last line without a line end stays without.
    """
    old, ends = _lines(before)
    new, _ = _lines(text)
    if old == new:
        return before
    usual = next((end for end in ends if end), "\n")
    made: list[tuple[str, str]] = []
    at = 0
    for a, b, c, d in compare(old, new):
        made += zip(old[at:a], ends[at:a], strict=True)
        end = next((end for end in (*ends[a:b], *ends[max(a - 1, 0) : a]) if end), usual)
        made += [(line, end) for line in new[c:d]]
        at = b
    made += zip(old[at:], ends[at:], strict=True)
    bare = bool(before) and not before.endswith("\n")
    last = len(made) - 1
    return "".join(
        line + ("" if bare and number == last else end or usual)
        for number, (line, end) in enumerate(made)
    )


def _lines(text: str) -> tuple[list[str], list[str]]:
    """The lines and their ends; only a line feed, with or without a CR before it, ends one."""
    whole = text.split("\n")
    ends = ["\r\n" if line.endswith("\r") else "\n" for line in whole[:-1]]
    lines = [line.removesuffix("\r") for line in whole[:-1]]
    return ([*lines, whole[-1]], [*ends, ""]) if whole[-1] else (lines, ends)


def left_out(before: str, text: str) -> int:
    """The line of ``text`` that only says that something was left out, 0 where there is none."""
    known = set(map(str.strip, before.split("\n")))
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) < 200 and line.strip() not in known and _LEFT_OUT.match(line):
            return number
    return 0
