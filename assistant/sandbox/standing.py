"""Looks at what stands in the user's folder before an apply, and whether it may be replaced."""

import hashlib
import os
import posixpath
import stat
from collections.abc import Mapping
from dataclasses import replace

from assistant.sandbox.names import FileRefused, check_name, shown
from assistant.sandbox.overlay import Edit, ancestors
from assistant.sandbox.safe_files import Root
from assistant.sandbox.tree import Entry

Edits = Mapping[str, Edit]


def standing(root: Root, path: str, cap: int) -> Entry | None:
    """What the folder holds at a path; a file larger than ``cap`` is not read (digest "")."""
    there = root.stat(path)
    if there is None:
        return None
    mode = there.st_mode & 0o777
    if stat.S_ISDIR(there.st_mode):
        return Entry("dir", mode)
    if stat.S_ISLNK(there.st_mode):
        return Entry("link", 0o777, target=root.link(path))
    if not stat.S_ISREG(there.st_mode) or there.st_size > cap:
        return Entry("file", mode, there.st_size)
    try:
        data = root.read(path, cap)
    except (FileNotFoundError, FileRefused):  # It changes while we look: it is not as expected.
        return Entry("file", mode, there.st_size)
    return Entry("file", mode, len(data), hashlib.sha256(data).hexdigest())


def same(one: Entry | None, other: Entry | None) -> bool:
    """Whether two entries hold the same, whatever their modes."""
    if one is None or other is None:
        return one is other
    return replace(one, mode=0) == replace(other, mode=0)


def exact(
    root: Root, edits: Edits, *, restoring: bool = False
) -> tuple[dict[str, Edit], dict[str, str]]:
    """The edits as they are to be made on what stands there now; and what may not be made, and why.

    Modes of the user's files are kept but where the code changed them; no edit lets anybody else
    write to a file. Folders that are missing are added. ``restoring`` brings back what was the
    user's own: links and modes as they were.
    """
    made: dict[str, Edit] = {}
    refused: dict[str, str] = {}
    umask = os.umask(0o077)
    os.umask(umask)
    for path, edit in edits.items():
        try:
            check_name(path)
        except FileRefused as error:
            refused[path] = error.message.partition(": ")[2]
            continue
        there = standing(root, path, largest(edit))
        links = "" if restoring or not edit.now else _link_objection(path, edit.now, there)
        if why := links or _objection(root, path, edit, there, edits):
            refused[path] = why
        else:
            made[path] = Edit(there, edit.now if restoring else _granted(edit, there, umask))
        for above in ancestors(path) if edit.now else ():
            if above not in edits and root.stat(above) is None:
                made[above] = Edit(None, Entry("dir", 0o755 & ~umask))
    return {path: edit for path, edit in made.items() if edit.was != edit.now}, refused


def _objection(root: Root, path: str, edit: Edit, there: Entry | None, edits: Edits) -> str:
    """Why an edit may not be made, "" if it may."""
    was, now = edit.was, edit.now
    for above in ancestors(path):
        entry = root.stat(above)
        if entry and not stat.S_ISDIR(entry.st_mode) and above not in edits:
            return f"{shown(above)} is no folder"
    if same(there, now):
        return ""
    status = root.stat(path) if there and there.kind == "file" else None
    if status and not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if status and status.st_nlink > 1:
        return "has other hard links, which would be left behind"
    if not same(there, was) and not (there is None and now is not None and now.kind == "dir"):
        return "exists in your folder" if was is None else "changed in your folder since"
    return ""


def largest(edit: Edit) -> int:
    """The size of the larger side, in bytes."""
    return max(entry.size for entry in (edit.was, edit.now, Entry("dir")) if entry)


def _link_objection(path: str, now: Entry, there: Entry | None) -> str:
    """A user's link stays one; a new one must end inside the folder, where code may write."""
    if there and there.kind == "link" and there != now:
        return "a symbolic link, neither followed nor replaced"
    if now.kind == "link" and not _stays(path, now):
        return "a symbolic link that leads out of the folder"
    return ""


def _stays(path: str, link: Entry) -> bool:
    if link.target.startswith("/"):
        return False
    end = posixpath.normpath(posixpath.join(posixpath.dirname(path), link.target))
    try:
        check_name(end)
    except FileRefused:
        return False
    return True


def _granted(edit: Edit, there: Entry | None, umask: int) -> Entry | None:
    """What is written: never more rights for others to write than there were, ours always."""
    if edit.now is None or edit.now.kind == "link":
        return edit.now
    kept = there if there and there.kind == edit.now.kind else None
    if kept and edit.was and edit.was.mode == edit.now.mode:
        return replace(edit.now, mode=kept.mode)
    mode = edit.now.mode & ~(0o022 & ~kept.mode if kept else 0o022 | umask)
    return replace(edit.now, mode=mode | (0o700 if edit.now.kind == "dir" else 0o600))
