"""Edits as unified diffs, as models write them: names and marks are strict, numbers are hints.

The format is that of GNU diffutils and git. The line counts in a hunk's head only decide where they
fit its body, since models get them wrong. Libraries were tried: they refuse such a hunk (unidiff)
or drop the lines that they do not understand without a word (unidiff, whatthepatch), so that a
broken diff would be applied in part.
"""

import re
from dataclasses import dataclass, field

from assistant.code.changes import Edit, EditError, Hunk

NOWHERE = "/dev/null"

_HEAD = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_GIT = re.compile(r"diff --git a/(.+) b/\1")
_BETWEEN = ("diff ", "Index: ")
_QUIET = ("index ", "====", "old mode ", "new mode ", *_BETWEEN)
_REFUSED = {
    "rename ": "a diff cannot rename: delete the one file and create the other",
    "copy ": "a diff cannot copy: create the new file",
    "Binary files ": "a diff cannot change a binary file",
    "GIT binary patch": "a diff cannot change a binary file",
}
_ESCAPE = re.compile(rb"\\([0-7]{3}|[nt\"\\])")
_ESCAPES = {b"n": b"\n", b"t": b"\t", b'"': b'"', b"\\": b"\\"}


@dataclass(slots=True)
class _Head:
    """What stands before a file's hunks. A name is None where none is given."""

    line: int
    old: str | None = None
    new: str | None = None
    git: str | None = None
    created: bool = False
    deleted: bool = False


@dataclass(slots=True)
class _Body:
    """A hunk as it is read. ``left`` are the old and new lines that its head still announces."""

    line: int
    at: int | None = None
    left: list[int] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)
    empty: int = 0  # trailing lines without even the blank of a context line
    old_bare: bool = False
    new_bare: bool = False

    def add(self, mark: str, text: str) -> None:
        self.lines.append((mark, text))
        if self.left:
            self.left[0] -= mark != "+"
            self.left[1] -= mark != "-"

    def drop_empty(self) -> None:
        """Empty lines at the end are part of the hunk only where its head counts them."""
        while self.empty and self.left != [0, 0]:
            self.lines.pop()
            self.left = [count + 1 for count in self.left]
            self.empty -= 1


def parse_diff(lines: list[str]) -> list[Edit]:
    """The edits of a diff, one for each file, in order. The lines end at no line end."""
    return _Reader(lines).edits()


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.at = 0

    def starts(self, *prefixes: str) -> bool:
        return self.at < len(self.lines) and self.lines[self.at].startswith(prefixes)

    def names_stand_here(self) -> bool:
        following = self.lines[self.at + 1] if self.at + 1 < len(self.lines) else ""
        return self.starts("--- ") and following.startswith("+++ ")

    def error(self, reason: str) -> EditError:
        return EditError("malformed", reason, self.at + 1)

    def edits(self) -> list[Edit]:
        found: list[Edit] = []
        while (head := self.head()) is not None:
            hunks = []
            while self.starts("@@"):
                hunks.append(self.hunk())
            found.append(_edit(head, tuple(hunks)))
        return found

    def head(self) -> _Head | None:
        """All before a file's first hunk; None at the end of the diff."""
        while self.at < len(self.lines) and not self.lines[self.at].strip():
            self.at += 1
        if self.at == len(self.lines):
            return None
        head = _Head(self.at + 1)
        while self.at < len(self.lines) and not self.starts("@@"):
            if self.names_stand_here():
                head.old, head.new = _names(self.lines[self.at], self.lines[self.at + 1])
                self.at += 2
                break
            if head.git and self.starts("diff "):
                break
            self.extended(head)
            self.at += 1
        return head

    def extended(self, head: _Head) -> None:
        """A line that only git or svn writes."""
        line = self.lines[self.at]
        for prefix, reason in _REFUSED.items():
            if line.startswith(prefix):
                raise self.error(reason)
        if line.startswith("new file mode"):
            head.created = True
        elif line.startswith("deleted file mode"):
            head.deleted = True
        elif found := _GIT.fullmatch(line):
            head.git = found[1]
        elif line.strip() and not line.startswith(_QUIET):
            raise self.error(f"this is no part of a diff: {line[:60]}")

    def hunk(self) -> Hunk:
        body = _Body(self.at + 1)
        if found := _HEAD.match(self.lines[self.at]):
            body.at = int(found[1])
            body.left = [int(found[2] or 1), int(found[4] or 1)]
        counted = bool(found and found[2] == "0")
        self.at += 1
        while self.at < len(self.lines) and not self.hunk_ends(body):
            self.body_line(body)
            self.at += 1
        body.drop_empty()
        if all(mark == " " for mark, _ in body.lines):
            raise EditError("malformed", "the hunk changes nothing", body.line)
        finds = any(mark != "+" for mark, _ in body.lines)
        at = body.at if finds or counted else None
        return Hunk(tuple(body.lines), body.line, at, body.old_bare, body.new_bare)

    def hunk_ends(self, body: _Body) -> bool:
        if self.starts("@@", *_BETWEEN):
            return True
        # Names, or "-- a" that goes and "++ b" that comes? Names have a hunk behind them, and if
        # the other two end their hunk just there, its counts fit.
        after_names = self.lines[self.at + 2 : self.at + 3]
        hunk_follows = bool(after_names) and after_names[0].startswith("@@")
        return hunk_follows and self.names_stand_here() and body.left != [1, 1]

    def body_line(self, body: _Body) -> None:
        line = self.lines[self.at]
        mark, text = line[:1] or " ", line[1:]
        if mark == "\\":
            last = body.lines[-1][0] if body.lines else " "
            body.old_bare |= last != "+"
            body.new_bare |= last != "-"
            return
        if mark not in " +-":
            raise self.error(f"a line of a hunk begins with a blank, + or -, not with: {line[:60]}")
        body.add(mark, text)
        body.empty = 0 if line else body.empty + 1


def _edit(head: _Head, hunks: tuple[Hunk, ...]) -> Edit:
    create = head.created or head.old == NOWHERE
    delete = head.deleted or head.new == NOWHERE
    names = [name for name in (head.old, head.new) if name not in (None, NOWHERE)]
    path = names[-1] if names else head.git
    if len(set(names)) > 1:
        reason = f"the names differ ({names[0]}, {names[1]}): a diff cannot rename"
        raise EditError("malformed", reason, head.line)
    if (create and delete) or ((create or delete) and path is None):
        raise EditError("malformed", "no file is named", head.line)
    if not hunks and not create and not delete:
        raise EditError("malformed", "no hunk (@@ ... @@) follows", head.line)
    for hunk in hunks:
        for mark, _ in hunk.lines:
            if (create and mark != "+") or (delete and mark == "+"):
                what = "creates" if create else "deletes"
                raise EditError("malformed", f"a diff that {what} a file has {mark!r}", hunk.line)
    return Edit(path, hunks, create, delete)


def _names(old: str, new: str) -> tuple[str, str]:
    names = [_name(line[4:]) for line in (old, new)]
    bare = [name == NOWHERE for name in names]
    pairs = zip(names, bare, ("a/", "b/"), strict=True)
    if all(none or name.startswith(mark) for name, none, mark in pairs):
        names = [name if none else name[2:] for name, none in zip(names, bare, strict=True)]
    return names[0], names[1]


def _name(text: str) -> str:
    """A name without its time stamp; git quotes names with odd characters as C strings."""
    name = text.partition("\t")[0].strip()
    if len(name) < 2 or name[0] != '"' or name[-1] != '"':
        return name
    raw = name[1:-1].encode("utf-8", "surrogatepass")
    raw = _ESCAPE.sub(lambda m: _ESCAPES.get(m[1]) or bytes([int(m[1], 8) & 255]), raw)
    return raw.decode("utf-8", "replace")
