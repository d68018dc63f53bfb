"""A whole new text for a file: lines that stay keep their own line ends."""

import re
from collections.abc import Callable, Sequence

from assistant.code.changes import Edit, Hunk
from assistant.code.patching import apply_edit

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
    old = [line.removesuffix("\r") for line in before.split("\n")]
    new = text.replace("\r\n", "\n").split("\n")
    if old[-1] == "":
        old.pop()
    if new[-1] == "":
        new.pop()
    if old == new:
        return before
    if not before:
        return text if text.endswith("\n") else text + "\n"
    marked: list[tuple[str, str]] = []
    at = 0
    for a, b, c, d in compare(old, new):
        marked += [(" ", line) for line in old[at:a]]
        marked += [("-", line) for line in old[a:b]]
        marked += [("+", line) for line in new[c:d]]
        at = b
    marked += [(" ", line) for line in old[at:]]
    made = apply_edit(before, Edit(None, (Hunk(tuple(marked), 1, at=1),))).text
    bare = not before.endswith("\n") and made.count("\n") == len(new)
    if bare:  # The last line that is left had a line end in the file, but was not its last.
        made = made.removesuffix("\n").removesuffix("\r")
    return made


def left_out(before: str, text: str) -> int:
    """The line of ``text`` that only says that something was left out, 0 where there is none."""
    known = set(map(str.strip, before.split("\n")))
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) < 200 and line.strip() not in known and _LEFT_OUT.match(line):
            return number
    return 0
