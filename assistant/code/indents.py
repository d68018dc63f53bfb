"""The indent of an edit's lines against that of the file's: one shift for all, or none."""

import re
from collections.abc import Callable, Sequence

Shift = Callable[[str], str]

_INDENT = re.compile(r"[ \t]*")


def indent_of(text: str) -> str:
    found = _INDENT.match(text)
    return found.group() if found else ""


def indent_shift(edit: Sequence[str], file: Sequence[str]) -> Shift | None:
    """What makes the indent of the edit's lines that of the file's; None where no one shift does.

    The shifts: nothing; the same blanks more or fewer on each line; tabs for so many spaces each,
    or the other way round. Blank lines do not count. A shift takes a line and returns it shifted.
    """
    pairs = {
        (indent_of(ours), indent_of(theirs))
        for ours, theirs in zip(edit, file, strict=True)
        if ours.strip()
    }
    if all(ours == theirs for ours, theirs in pairs):
        return str
    ours, theirs = min(pairs, key=lambda pair: len(pair[0]) + len(pair[1]))
    more, less = theirs.removesuffix(ours), ours.removesuffix(theirs)
    if theirs.endswith(ours) and all(b == more + a for a, b in pairs):
        return lambda text: more + text if text.strip() else text
    if ours.endswith(theirs) and all(a == less + b for a, b in pairs):
        return lambda text: text.removeprefix(less)
    return _tabs(pairs)


def _tabs(pairs: set[tuple[str, str]]) -> Shift | None:
    """Tabs against spaces: the width of a tab, if one explains all indents."""
    ours, theirs = max(pairs, key=lambda pair: len(pair[0]) + len(pair[1]))
    if not ours or not theirs:
        return None
    if set(ours) == {" "} and set(theirs) == {"\t"} and len(ours) % len(theirs) == 0:
        width = len(ours) // len(theirs)
        if all(a == b.replace("\t", " " * width) for a, b in pairs):
            return lambda text: _with_indent(text, lambda i: i.replace(" " * width, "\t"))
    if set(ours) == {"\t"} and set(theirs) == {" "} and len(theirs) % len(ours) == 0:
        width = len(theirs) // len(ours)
        if all(b == a.replace("\t", " " * width) for a, b in pairs):
            return lambda text: _with_indent(text, lambda i: i.replace("\t", " " * width))
    return None


def _with_indent(text: str, change: Shift) -> str:
    indent = indent_of(text)
    return change(indent) + text[len(indent) :]
