"""The difference of two trees as a text that people read and ``git apply`` takes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from assistant.sandbox.linediff import changed_blocks, hunks, lines
from assistant.sandbox.names import shown
from assistant.sandbox.overlay import Edit
from assistant.sandbox.tree import Entry

LARGEST_TEXT = 4 << 20
"""Bytes; the lines of a larger file are not compared."""

Get = Callable[[str], bytes]
Kind = Literal["new", "changed", "deleted", "mode"]


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs. ``added`` and ``removed`` count lines, None where there are none."""

    path: str
    kind: Kind
    what: Literal["text", "binary", "link", "folder"]
    added: int | None = None
    removed: int | None = None
    refused: str = ""
    """Why it cannot be applied, "" if it can."""


def unified(edits: Mapping[str, Edit], get: Get) -> str:
    """The edits as a diff; names are escaped, contents are exact.

    Text files, links and the executable bit are in git's format; folders, other modes and binary
    files are said in lines that git passes over.
    """
    return "".join(
        piece
        for path, edit in sorted(edits.items())
        for piece in _one(path, edit.was, edit.now, get)
    )


def change(path: str, edit: Edit, get: Get, refused: str = "") -> Change:
    """What an edit does, in numbers."""
    was, now = edit.was, edit.now
    kind: Kind = "new" if was is None else "deleted" if now is None else "changed"
    if was and now and was.kind == now.kind and _content(was) == _content(now):
        kind = "mode"
    what = (now or was or Entry("dir")).kind
    if what != "file":
        return Change(path, kind, "link" if what == "link" else "folder", refused=refused)
    before, after = _text(was, get), _text(now, get)
    if before is None or after is None:
        return Change(path, kind, "binary", refused=refused)
    blocks = changed_blocks(lines(before), lines(after))
    added, removed = sum(b[3] - b[2] for b in blocks), sum(b[1] - b[0] for b in blocks)
    return Change(path, kind, "text", added, removed, refused)


def _one(path: str, was: Entry | None, now: Entry | None, get: Get) -> Iterator[str]:
    if was == now:
        return
    if was and now and was.kind != now.kind:
        yield from _one(path, was, None, get)
        yield from _one(path, None, now, get)
        return
    kind = (now or was or Entry("dir")).kind
    if kind == "dir":
        yield from _folder(path, was, now)
        return
    before, after = _text(was, get), _text(now, get)
    if before is None or after is None:
        yield from _binary(path, was, now)
        return
    body = "" if before == after else "".join(hunks(lines(before), lines(after)))
    modes = list(_modes(was, now))
    if not body and not modes:
        yield f"# mode of {shown(path)}: {_octal(was)} -> {_octal(now)}\n"
        return
    yield f"diff --git {_quoted('a/' + path)} {_quoted('b/' + path)}\n"
    yield from modes
    if body:
        yield f"--- {_header('a/' + path) if was else '/dev/null'}\n"
        yield f"+++ {_header('b/' + path) if now else '/dev/null'}\n"
        yield body


def _folder(path: str, was: Entry | None, now: Entry | None) -> Iterator[str]:
    if was and now:
        yield f"# mode of folder {shown(path)}/: {_octal(was)} -> {_octal(now)}\n"
    else:
        yield f"# {'new' if now else 'deleted'} folder: {shown(path)}/\n"


def _binary(path: str, was: Entry | None, now: Entry | None) -> Iterator[str]:
    name = shown(path)
    if was and now and _content(was) == _content(now):
        yield f"# mode of {name}: {_octal(was)} -> {_octal(now)}\n"
    elif was and now:
        yield f"# binary file {name} changed: {was.size:,} -> {now.size:,} bytes\n"
    elif now:
        yield f"# new binary file {name}: {now.size:,} bytes\n"
    elif was:
        yield f"# binary file {name} deleted: {was.size:,} bytes\n"


def _modes(was: Entry | None, now: Entry | None) -> Iterator[str]:
    if now and not was:
        yield f"new file mode {_git_mode(now)}\n"
    elif was and not now:
        yield f"deleted file mode {_git_mode(was)}\n"
    elif was and now and _git_mode(was) != _git_mode(now):
        yield f"old mode {_git_mode(was)}\n"
        yield f"new mode {_git_mode(now)}\n"


def _git_mode(entry: Entry) -> str:
    if entry.kind == "link":
        return "120000"
    return "100755" if entry.mode & 0o100 else "100644"


def _octal(entry: Entry | None) -> str:
    return f"{entry.mode:04o}" if entry else "none"


def _content(entry: Entry) -> str:
    return entry.digest or entry.target


def _text(entry: Entry | None, get: Get) -> str | None:
    """A file's text ("" for none, a link's target); None where it is binary or too large."""
    if entry is None or entry.kind == "dir":
        return ""
    if entry.kind == "link":
        data = entry.target.encode("utf-8", "surrogateescape")
    elif entry.size > LARGEST_TEXT:
        return None
    else:
        data = get(entry.digest)
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _header(name: str) -> str:
    """A name on a ``---`` line; one with a blank needs a tab behind it, as git writes it."""
    quoted = _quoted(name)
    return f"{quoted}\t" if " " in quoted and not quoted.startswith('"') else quoted


def _quoted(name: str) -> str:
    """A name as git quotes it: C escapes for what is not plain to see."""
    if shown(name) == name and '"' not in name and "\\" not in name:
        return name
    escapes = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}
    out = []
    for byte in name.encode("utf-8", "surrogateescape"):
        if byte in escapes:
            out.append(f"\\{escapes[byte]}")
        else:
            out.append(chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03o}")
    return f'"{"".join(out)}"'
