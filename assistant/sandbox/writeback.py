"""The steps of an apply on the user's folder: back up, write, take back."""

import stat
from collections.abc import Iterable, Mapping

from assistant.sandbox.blobs import Blobs
from assistant.sandbox.names import FileRefused, join, shown
from assistant.sandbox.overlay import Edit, ancestors
from assistant.sandbox.safe_files import Root
from assistant.sandbox.standing import Edits, largest, same, standing
from assistant.sandbox.tree import Entry


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
        like = path if _was_file(edit) else None
        root.stage(staged, blobs.pieces(edit.now.digest), edit.now.mode, like=like)
    for path in sorted(edits, reverse=True):
        edit = edits[path]
        if edit.was and (edit.now is None or edit.now.kind != edit.was.kind):
            _remove(root, path, edit.was)
    for path, edit in sorted(edits.items()):
        if path in temporary:
            _make_room(root, path)
            _unchanged(root, path, _was_file(edit))
            root.commit(temporary[path], path)
        elif edit.now is not None:
            _put(root, path, edit.now)


def _was_file(edit: Edit) -> Entry | None:
    """What was there, where it was a file, which the new one takes the place of."""
    return edit.was if edit.was and edit.was.kind == "file" else None


def _make_room(root: Root, path: str) -> None:
    """The folder that it goes into is there."""
    if above := path.rpartition("/")[0]:
        root.mkdirs(above)


def _put(root: Root, path: str, now: Entry) -> None:
    """A folder, a link, or a file of which the mode alone is another."""
    if now.kind == "link":
        _make_room(root, path)
        root.symlink(path, now.target)
        return
    if now.kind == "dir":
        root.mkdirs(path)
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
        there = standing(root, path, largest(edit))
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
