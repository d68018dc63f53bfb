"""Edits as search/replace sections: the text to find and the text to put there."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from assistant.code.changes import Edit, EditError, Hunk
from assistant.code.paths import first_name, is_path

SEARCH, DIVIDER, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"

COMPARED = 250_000
"""Up to this product of line counts, lines that both halves share are found in the middle too."""


class _Section:
    """A section that has begun: its halves so far."""

    def __init__(self, path: str | None, line: int) -> None:
        self.path = path
        self.line = line
        self.search: list[str] = []
        self.replace: list[str] | None = None  # None before the divider


def parse_sections(lines: list[str]) -> list[Edit]:
    """The edits of each file that the sections name, in order; sections of no name come as None."""
    sections: list[_Section] = []
    path: str | None = None
    named = 0  # the line of a name that waits for its section
    section: _Section | None = None
    for number, line in enumerate(lines, start=1):
        mark = line.rstrip()
        if section:
            if _in_section(section, mark, line, number):
                sections.append(section)
                section = None
        elif mark == SEARCH:
            section, named = _Section(path, number), 0
        elif mark:
            if named or not is_path(first_name(mark.rstrip(":"))):
                raise EditError("malformed", f"expected {SEARCH}, found: {mark[:60]}", number)
            path, named = first_name(mark.rstrip(":")), number
    if section:
        missing = DIVIDER if section.replace is None else REPLACE
        raise EditError("malformed", f"the section has no {missing}", section.line)
    if named:
        raise EditError("malformed", f"a file name without a section: {path}", named)
    return _by_file(sections)


def _in_section(section: _Section, mark: str, line: str, number: int) -> bool:
    """Take one more line; True when it ends the section."""
    if mark == SEARCH:
        raise EditError("malformed", f"{SEARCH} inside the section of line {section.line}", number)
    if section.replace is None:
        if mark == REPLACE:
            raise EditError("malformed", f"{REPLACE} without {DIVIDER} before it", number)
        if mark == DIVIDER:
            section.replace = []
        else:
            section.search.append(line)
        return False
    if mark == DIVIDER:
        raise EditError("malformed", f"a second {DIVIDER} in the section", number)
    if mark == REPLACE:
        return True
    section.replace.append(line)
    return False


def _by_file(sections: list[_Section]) -> list[Edit]:
    files: dict[str | None, list[_Section]] = {}
    for section in sections:
        files.setdefault(section.path, []).append(section)
    edits = []
    for path, own in files.items():
        create = not "".join(own[0].search).strip()
        hunks = tuple(_hunk(section, first=section is own[0]) for section in own)
        edits.append(Edit(path, hunks, create))
    return edits


def _hunk(section: _Section, *, first: bool) -> Hunk:
    old, new = section.search, section.replace or []
    if old == new:
        raise EditError("malformed", "the section changes nothing", section.line)
    if not "".join(old).strip():
        if not first:
            raise EditError("malformed", "the section has nothing to search for", section.line)
        old = []
    return Hunk(tuple(_marked(old, new)), section.line)


def _marked(old: list[str], new: list[str]) -> list[tuple[str, str]]:
    """The two halves as one list, so that lines which stay are not touched."""
    marked: list[tuple[str, str]] = []
    for tag, a, b, c, d in _changes(old, new):
        if tag == "equal":
            marked += [(" ", text) for text in old[a:b]]
        else:
            marked += [("-", text) for text in old[a:b]]
            marked += [("+", text) for text in new[c:d]]
    return marked


def _changes(old: list[str], new: list[str]) -> Sequence[tuple[str, int, int, int, int]]:
    if len(old) * len(new) <= COMPARED:
        return SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    head = _shared(old, new)
    tail = _shared(old[:head:-1], new[:head:-1])
    a, c = len(old) - tail, len(new) - tail
    return [
        ("equal", 0, head, 0, head),
        ("replace", head, a, head, c),
        ("equal", a, len(old), c, len(new)),
    ]


def _shared(one: list[str], other: list[str]) -> int:
    """How many lines at the start are the same in both."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
