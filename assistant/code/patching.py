"""Applying an edit to a text: where each hunk belongs, and what the text is afterwards.

Outside the change every character stays: line ends, a byte order mark, a missing last line end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from assistant.code.changes import Applied, Edit, EditError, Hunk, Note
from assistant.code.indents import indent_shift
from assistant.code.nearest import nearest_lines

BOM = "\ufeff"
PLACES = 50
"""Places that are looked at, and told, where a text is there more than once."""

Line = tuple[str, str]
"""A line's text and its end: LF, CRLF, or "" for a last line without one."""


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a hunk belongs, what it is there, and how the indent of its new lines is shifted."""

    hunk: Hunk
    start: int
    shift: Callable[[str], str] = str
    note: Note | None = None

    @property
    def stop(self) -> int:
        return self.start + len(self.hunk.old)


def apply_edit(original: str, edit: Edit) -> Applied:
    """The text after the edit; ``original`` is "" for a file that is not there yet.

    A hunk is looked for exactly; then with the white space at line ends left out; then with that
    at both ends, where one shift of the indent explains all its lines; then without the blank lines
    around it. All but the first are noted.
    Raises EditError, with nothing applied, where a hunk is found nowhere or in several places.
    """
    bom = BOM if original.startswith(BOM) else ""
    lines = _split(original[len(bom) :])
    first = edit.hunks[0].line if edit.hunks else 1
    if edit.create and lines:
        raise EditError("exists", "it makes a new file, but the file exists", first)
    notes: list[Note] = []
    grown = after = 0  # lines that the hunks so far have added; where the last of them ended
    for hunk in edit.hunks:
        found = _place(lines, hunk, grown, after)
        notes += [found.note] if found.note else []
        size = len(lines)
        after = _splice(lines, found)
        grown += len(lines) - size
    if edit.delete and edit.hunks and lines:
        raise EditError("leftover", "it deletes the file, but not all of its lines", first)
    return Applied(bom + "".join(text + end for text, end in lines), tuple(notes))


def _split(text: str) -> list[Line]:
    lines = []
    for line in text.split("\n"):
        lines.append((line[:-1], "\r\n") if line.endswith("\r") else (line, "\n"))
    last = text.rpartition("\n")[2]
    lines[-1] = (last, "")
    return lines if last else lines[:-1]


def _place(lines: Sequence[Line], hunk: Hunk, grown: int, after: int) -> _Found:
    if not hunk.old:
        return _place_by_number(len(lines), hunk, grown)
    texts = [text for text, _ in lines]
    trimmed = _without_blank_edges(hunk)
    for tried in (hunk, trimmed) if trimmed != hunk and trimmed.old else (hunk,):
        hint = None if tried.at is None else tried.at - 1 + grown
        for key in (str, str.rstrip, str.strip):
            wanted, keys = [key(text) for text in tried.old], [key(text) for text in texts]
            found = [
                (start, shift)
                for start in _starts(keys, wanted, hint, after)
                if (shift := indent_shift(tried.old, texts[start : start + len(wanted)]))
            ]
            if len(found) > 1:
                raise _ambiguous(hunk, [start for start, _ in found])
            for start, shift in found:
                if key is str and tried is hunk:
                    return _Found(tried, start, shift)
                note = Note("spaces", hunk.line, start + 1, start + len(wanted))
                return _Found(tried, start, shift, note)
    nearest = nearest_lines(texts, hunk.old)
    raise EditError("not-found", "the text to find is not in the file", hunk.line, nearest=nearest)


def _ambiguous(hunk: Hunk, starts: list[int]) -> EditError:
    reason = f"the text to find is in the file {len(starts)} times"
    places = tuple(start + 1 for start in starts)
    return EditError("ambiguous", reason, hunk.line, places=places)


def _place_by_number(size: int, hunk: Hunk, grown: int) -> _Found:
    """A hunk that finds nothing: the whole of an empty file, or behind the line that it names."""
    if not size:
        return _Found(hunk, 0)
    if hunk.at is None or hunk.at + grown > size:
        raise EditError("no-place", "the hunk has no line to find its place by", hunk.line)
    start = hunk.at + grown
    return _Found(hunk, start, note=Note("number", hunk.line, start, start))


def _without_blank_edges(hunk: Hunk) -> Hunk:
    def blank(line: tuple[str, str]) -> bool:
        return line[0] != "+" and not line[1].strip()

    lines = hunk.lines
    start, stop = 0, len(lines)
    while start < stop and blank(lines[start]):
        start += 1
    while stop > start and blank(lines[stop - 1]):
        stop -= 1
    at = None if hunk.at is None else hunk.at + start
    return replace(hunk, lines=lines[start:stop], at=at)


def _starts(keys: list[str], wanted: list[str], hint: int | None, after: int) -> list[int]:
    """Where the wanted lines stand: at the hint if they do, else behind ``after`` if they do."""
    if hint is not None and hint >= 0 and keys[hint : hint + len(wanted)] == wanted:
        return [hint]
    text, sought = "\n".join(["", *keys, ""]), "\n".join(["", *wanted, ""])
    starts: list[int] = []
    line, counted, at = 0, 0, text.find(sought)
    while at >= 0 and len(starts) < PLACES:
        line, counted = line + text.count("\n", counted, at), at
        starts.append(line)
        at = text.find(sought, at + 1)
    later = [start for start in starts if start >= after]
    return later if hint is not None and later else starts


def _splice(lines: list[Line], found: _Found) -> int:
    """Make the change; the number of the line behind it."""
    start, stop, hunk = found.start, found.stop, found.hunk
    at_end = stop == len(lines)
    bare = at_end and stop > 0 and not lines[-1][1]
    near = lines[max(start - 1, 0) : stop + 1]
    usual = next((end for part in (near, lines) for _, end in part if end), "\n")
    new = _new_lines(lines[start:stop], found, usual)
    lines[start:stop] = new
    stop = start + len(new)
    for at in range(max(start - 1, 0), min(stop, len(lines) - 1)):
        if not lines[at][1]:  # it was the last line and is no more
            lines[at] = (lines[at][0], usual)
    if at_end and new:
        text, end = lines[-1]
        added = next(mark for mark, _ in reversed(hunk.lines) if mark != "-") == "+"
        if hunk.new_bare or (bare and added and not hunk.old_bare):
            lines[-1] = (text, "")
        elif hunk.old_bare and not end:
            lines[-1] = (text, usual)
    return stop


def _new_lines(old: Sequence[Line], found: _Found, end: str) -> list[Line]:
    """What stays keeps its own end; what is new takes that of the line before it."""
    new: list[Line] = []
    at = 0
    for mark, text in found.hunk.lines:
        if mark == "+":
            new.append((found.shift(text), end))
            continue
        if mark == " ":
            new.append(old[at])
        end = old[at][1] or end
        at += 1
    return new
