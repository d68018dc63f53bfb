"""What code did to the copy, kept apart from what the user did to the folder meanwhile.

The copy is the user's folder of today with an overlay on it: for each path that code changed, what
was there when it did and what is there now. So the user's own edits never get lost by an undo,
and a path that both sides changed is a conflict by construction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from assistant.events import SandboxError
from assistant.sandbox.names import FileRefused, parts, shown
from assistant.sandbox.tree import Delta, Entry, Tree


@dataclass(frozen=True, slots=True)
class Edit:
    """One path that code changed: what it was in the user's folder, what it is in the copy."""

    was: Entry | None
    now: Entry | None


Overlay = Mapping[str, Edit]


def differs(old: Tree, new: Tree) -> Delta:
    """As ``tree.difference``; quick where the trees share most of their entries."""
    written = {
        path: entry
        for path, entry in new.items()
        if (there := old.get(path)) is not entry and there != entry
    }
    return Delta(written, tuple(sorted(old.keys() - new.keys(), reverse=True)))


def received(inside: Tree, delta: Delta) -> dict[str, Entry]:
    """The copy after a sandbox reported ``delta``, made whole: no entry without its folders.

    A folder that is reported removed stays while something in it does. Raises SandboxError for a
    path that is not plainly relative: no honest sandbox names one.
    """
    for path in (*delta.written, *delta.removed):
        try:
            parts(path)
        except FileRefused as error:
            raise SandboxError(f"the sandbox named a path outside: {shown(path)}") from error
    tree = dict(inside)
    gone = {path for path in delta.removed if (was := tree.pop(path, None)) and was.kind == "dir"}
    replaced = set()
    for path, entry in delta.written.items():
        was = tree.get(path) or inside.get(path)
        tree[path] = canonical(entry)
        if was and was.kind == "dir" and entry.kind != "dir":
            replaced.add(path)
    for path in delta.written:
        for above in ancestors(path):
            if above not in tree:
                tree[above] = inside[above] if above in gone else Entry("dir", 0o755)
            elif tree[above].kind != "dir":
                replaced.add(above)
    if gone := gone - set(tree):
        tree |= {above: inside[above] for p in tree for above in ancestors(p) if above in gone}
    return {p: e for p, e in tree.items() if not _below(p, replaced)} if replaced else tree


def canonical(entry: Entry) -> Entry:
    """An entry as all parts compare it: permission bits only, sizes and digests of files only."""
    if entry.kind == "file":
        return Entry("file", entry.mode & 0o777, entry.size, entry.digest)
    if entry.kind == "dir":
        return Entry("dir", entry.mode & 0o777)
    return Entry("link", 0o777, target=entry.target)


def ancestors(path: str) -> list[str]:
    """The folders above a path, outermost first."""
    names = path.split("/")[:-1]
    return ["/".join(names[: depth + 1]) for depth in range(len(names))]


def laid(user: Tree, overlay: Overlay) -> dict[str, Entry]:
    """The copy: the user's folder with the overlay on it, whole in any case.

    Where the user's new files need a folder that code removed, the folder stays; where both sides
    put something else in one place, the copy keeps what the code put there.
    """
    tree = dict(user)
    for path, edit in overlay.items():
        if edit.now is None:
            tree.pop(path, None)
        else:
            tree[path] = edit.now
    covered = _covered(user, overlay)
    doubtful = [p for p in user if p not in overlay and covered and _below(p, covered)]
    doubtful += [path for path, edit in overlay.items() if edit.now]
    for path in sorted(doubtful):
        for above in ancestors(path):
            entry = tree.get(above)
            if entry is not None and entry.kind == "dir":
                continue
            if path not in tree:
                break
            if entry is not None and (above in overlay or path not in overlay):
                del tree[path]
            else:
                there = user.get(above)
                tree[above] = there if there and there.kind == "dir" else Entry("dir", 0o755)
    return tree


def _covered(user: Tree, overlay: Overlay) -> set[str]:
    """The user's folders that code removed or put something else in the place of."""
    return {
        path
        for path, edit in overlay.items()
        if (there := user.get(path)) and there.kind == "dir"
        if edit.now is None or edit.now.kind != "dir"
    }


def _below(path: str, folders: set[str]) -> bool:
    return any(above in folders for above in ancestors(path))


def changed(user: Tree, overlay: Overlay, before: Tree, after: Tree) -> dict[str, Edit | None]:
    """What a step from ``before`` to ``after`` inside the sandbox does to the overlay.

    None means that the path is as the user has it again.
    """
    delta = differs(before, after)
    step: dict[str, Edit | None] = {}
    for path in (*delta.written, *delta.removed):
        known = overlay.get(path)
        was, now = known.was if known else user.get(path), after.get(path)
        step[path] = None if now == was else Edit(was, now)
    return step


def stepped(overlay: Overlay, step: Mapping[str, Edit | None]) -> dict[str, Edit]:
    """The overlay after a step."""
    new = dict(overlay)
    for path, edit in step.items():
        if edit is None:
            new.pop(path, None)
        else:
            new[path] = edit
    return new


def settled(user: Tree, overlay: Overlay) -> dict[str, Edit | None]:
    """The step that drops from an overlay what the user's folder has too by now."""
    step: dict[str, Edit | None] = {}
    for path, edit in overlay.items():
        there = user.get(path)
        if there == edit.now:
            step[path] = None
        elif there != edit.was and (now := _merged(there, edit)):
            step[path] = None if now == there else Edit(there, now)
    return step


def _merged(there: Entry | None, edit: Edit) -> Entry | None:
    """What both sides' changes make together where that is beyond doubt; None where it is not."""
    was, now = edit.was, edit.now
    if there is None or now is None or there.kind != now.kind:
        return None
    mode = there.mode if was is None or now.mode == was.mode else now.mode
    theirs, ours = replace(there, mode=0), replace(now, mode=0)
    before = replace(was, mode=0) if was else None
    if theirs in (ours, before):
        return replace(now, mode=mode)
    return replace(there, mode=mode) if ours == before else None


def conflicts(user: Tree, overlay: Overlay) -> list[str]:
    """The paths that both the code and the user changed, to different contents."""
    replaced = {path for path in _covered(user, overlay) if overlay[path].now}
    hidden = {p for p in user if p not in overlay and _below(p, replaced)} if replaced else set()
    found = {above for path in hidden for above in ancestors(path) if above in replaced}
    for path, edit in overlay.items():
        if user.get(path) not in (edit.was, edit.now) or (
            edit.now and _blocked(path, user, overlay)
        ):
            found.add(path)
    return sorted(found)


def _blocked(path: str, user: Tree, overlay: Overlay) -> bool:
    """Whether the user has put something else in the place of a folder above ``path``."""
    return any(
        there.kind != "dir" and above not in overlay
        for above in ancestors(path)
        if (there := user.get(above))
    )


def shifted(
    edit: Edit | None, before: Entry | None, after: Entry | None, copied: Entry | None
) -> Edit | None:
    """An edit once the folder itself went from ``before`` to ``after`` by an apply or its undo.

    ``copied`` is what the copy had at that moment: written with other rights it is still the same.
    A mode that the edit did not change stays the folder's.
    """
    now = edit.now if edit else before
    if edit and edit.was and now and after and now.mode == edit.was.mode:
        now = replace(now, mode=after.mode if after.kind == now.kind else now.mode)
    return None if now in (after, copied) else Edit(after, now)


def puts(inside: Tree, wanted: Tree) -> list[Delta]:
    """The deltas that bring a sandbox from one tree to another, to be put in this order.

    Folders that are read-only are opened for the work and closed at the end; a path that changes
    its kind is removed first.
    """
    delta = differs(inside, wanted)
    if not delta:
        return []
    turned = [p for p, e in delta.written.items() if p in inside and inside[p].kind != e.kind]
    removed = tuple(sorted({*delta.removed, *turned}, reverse=True))
    touched = {path.rpartition("/")[0] for path in (*delta.written, *removed)} - {""}
    places = touched | set(delta.written)
    closed = {p for p in places if (e := wanted.get(p)) and e.kind == "dir" and _is_closed(e)}
    opened = {
        path: replace(entry, mode=entry.mode | 0o700)
        for path in touched
        if (entry := inside.get(path)) and entry.kind == "dir" and _is_closed(entry)
    }
    written = {
        path: replace(entry, mode=entry.mode | 0o700) if path in closed else entry
        for path, entry in delta.written.items()
    }
    last = {path: wanted[path] for path in closed}
    deltas = (Delta(opened), Delta(written, removed), Delta(last))
    return [one for one in deltas if one]


def _is_closed(folder: Entry) -> bool:
    return folder.mode & 0o300 != 0o300


def under(paths: Iterable[str], chosen: Iterable[str]) -> list[str]:
    """Those of ``paths`` that are one of ``chosen`` or lie below one."""
    wanted = [choice.strip("/") for choice in chosen]
    return [p for p in paths if any(p == w or p.startswith(w + "/") or w == "." for w in wanted)]
