"""The steps of an apply on the user's folder: look what stands there, write, take back."""

import hashlib
import os
import posixpath
import stat
from collections.abc import Iterable, Mapping
from dataclasses import replace

from assistant.sandbox.blobs import Blobs
from assistant.sandbox.overlay import Edit, ancestors
from assistant.sandbox.safe_files import FileRefused, Root, check_name, join, shown
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
        there = standing(root, path, _largest(edit))
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


def _largest(edit: Edit) -> int:
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


def back_up(root: Root, edits: Edits, blobs: Blobs) -> None:
    """Store every file that will be replaced or removed; on disk when this returns."""
    for path, edit in edits.items():
        if edit.was and edit.was.kind == "file" and not same(edit.was, edit.now):
            digest = blobs.put(root.read(path, edit.was.size))
            if digest != edit.was.digest:
                raise FileRefused(f"{shown(path)}: it changes while it is copied")
        if edit.now and edit.now.kind == "file":
            blobs.keep(edit.now.digest)
    blobs.sync()


def temporaries(root: Root, edits: Edits, name: str) -> dict[str, str]:
    """Where the new contents of each file are written first: near its place, beside what exists."""
    places: dict[str, str] = {}
    for path, edit in sorted(edits.items()):
        if edit.now is None or edit.now.kind != "file" or same(edit.was, edit.now):
            continue
        above = ""
        for folder in ancestors(path):
            there = root.stat(folder)
            if there is None or not stat.S_ISDIR(there.st_mode):
                break
            above = folder
        places[path] = join(above, f".assistant-{name}-{len(places)}.tmp")
    return places


def perform(root: Root, edits: Edits, temporary: Mapping[str, str], blobs: Blobs) -> None:
    """Take all steps; raises where one fails, and where a file is no longer what it was.

    All contents are on the disk before the first of the user's files is touched.
    """
    for path, staged in temporary.items():
        edit = edits[path]
        assert edit.now is not None
        like = path if edit.was and edit.was.kind == "file" else None
        root.stage(staged, blobs.pieces(edit.now.digest), edit.now.mode, like=like)
    for path in sorted(edits, reverse=True):
        edit = edits[path]
        if edit.was and (edit.now is None or edit.now.kind != edit.was.kind):
            _remove(root, path, edit.was)
    for path, edit in sorted(edits.items()):
        now = edit.now
        if now is None:
            continue
        if path in temporary:
            if above := path.rpartition("/")[0]:
                root.mkdirs(above)
            _unchanged(root, path, edit.was if edit.was and edit.was.kind == "file" else None)
            root.commit(temporary[path], path)
        elif now.kind == "dir":
            root.mkdirs(path)
            root.chmod(path, now.mode)
        elif now.kind == "link":
            if above := path.rpartition("/")[0]:
                root.mkdirs(above)
            root.symlink(path, now.target)
        else:
            root.chmod(path, now.mode)


def _remove(root: Root, path: str, was: Entry) -> None:
    """Remove what an edit takes away; a folder that holds files of the user's own stays."""
    _unchanged(root, path, was)
    try:
        root.remove(path)
    except OSError:
        if was.kind != "dir":
            raise


def _unchanged(root: Root, path: str, was: Entry | None) -> None:
    there = standing(root, path, was.size if was else 0)
    if not same(there, was):
        raise FileRefused(f"{shown(path)}: it changed in this moment")


def take_back(
    root: Root, edits: Edits, temporary: Iterable[str], name: str, blobs: Blobs
) -> list[tuple[str, str]]:
    """Undo whatever of an apply was done; returns what was left as it is, and why.

    A file that is neither what it was nor what the apply made of it is somebody's: it is left.
    Raises where something cannot be restored now; it can be called again.
    """
    for staged in temporary:
        _forget(root, staged)
    left: list[tuple[str, str]] = []
    undone: list[str] = []
    for path, edit in sorted(edits.items()):
        there = standing(root, path, _largest(edit))
        between = there is None and edit.was is not None and edit.now is not None
        if there == edit.now or between:
            undone.append(path)
        elif not same(there, edit.was):
            left.append((path, "it changed since"))
    for path in reversed(undone):
        was, now = edits[path].was, edits[path].now
        if now and (was is None or was.kind != now.kind) and root.stat(path):
            try:
                root.remove(path)
            except OSError as error:
                if now.kind != "dir":
                    raise
                left.append((path, error.strerror or "not empty"))
    for path in undone:
        _restore(root, path, edits[path], name, blobs)
    return left


def _restore(root: Root, path: str, edit: Edit, name: str, blobs: Blobs) -> None:
    was = edit.was
    if was is None or was == standing(root, path, was.size):
        return
    above = path.rpartition("/")[0]
    if above:
        root.mkdirs(above)
    if was.kind == "dir":
        root.mkdirs(path)
        root.chmod(path, was.mode)
    elif was.kind == "link":
        root.symlink(path, was.target)
    elif same(was, edit.now):
        root.chmod(path, was.mode)
    else:
        staged = join(above, f".assistant-{name}-back.tmp")
        _forget(root, staged)
        like = path if edit.now and edit.now.kind == "file" and root.stat(path) else None
        root.stage(staged, blobs.pieces(was.digest), was.mode, like=like)
        root.commit(staged, path)


def _forget(root: Root, staged: str) -> None:
    """Remove a temporary file, if it and its folder are there."""
    try:
        root.delete_tree(staged)
    except (FileNotFoundError, FileRefused):
        return
