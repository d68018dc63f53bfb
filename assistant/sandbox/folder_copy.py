"""The host's side of a copy: the user's folder, what code changed, the way back into the folder."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from assistant.events import SandboxError, UsageError
from assistant.prompts import prompt
from assistant.sandbox.applying import (
    BLOBS,
    Applied,
    ApplyRefused,
    applies,
    apply_edits,
    edits_of,
    recover,
    undo_apply,
)
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.disk import StoreError
from assistant.sandbox.importing import CopyOptions, Imported, import_folder, refuse
from assistant.sandbox.names import in_git, shown
from assistant.sandbox.overlay import Edit, changed, conflicts, laid, settled, under
from assistant.sandbox.points import History, Step
from assistant.sandbox.review import Review, by_reason, differing, files_of, listed
from assistant.sandbox.safe_files import Root
from assistant.sandbox.standing import exact
from assistant.sandbox.tree import Tree


class FolderCopy:
    """A user's folder and the changes that code made to its copy, kept in ``store``.

    A store that exists is gone on with: its changes are there again. An apply that a crash cut
    off is taken back first. Raises UsageError for folders that must not be copied.
    """

    def __init__(
        self, folder: str | os.PathLike[str], store: Path, options: CopyOptions | None = None
    ) -> None:
        self.folder = os.path.realpath(folder)
        self.store, self.options = store, options or CopyOptions()
        refuse(self.folder, (*self.options.private, str(store)))
        self._told = recover(store)
        self.blobs = Blobs(store / BLOBS)
        self.history = History(store)
        self.resumed = bool(self.history.folder)
        """Whether there are changes from before this object was made."""
        if self.history.folder not in ("", self.folder):
            raise UsageError(
                f"{shown(self.folder)}: this session is about {shown(self.history.folder)}",
                "Start it there, or start a new session here.",
            )
        self._imported: Imported | None = None
        self._conflicts: frozenset[str] = frozenset()
        self._unseen: set[str] = set()
        self.base: Tree = {}
        """The user's folder as it was last seen."""
        self.tree: Tree = {}
        """The copy as it should be."""
        self._kept: Tree = {}
        """The copy as the store knows it: the same, but while the disk is full."""

    def close(self) -> None:
        """Let go of the store; what the user's folder still holds is dropped from it."""
        self.blobs.drop_scratch()
        self.blobs.close()
        self.history.close()

    @property
    def opened(self) -> bool:
        return self._imported is not None

    def open(self) -> None:
        """Copy the folder, if that was not yet done."""
        if not self.opened:
            self._scan()
            self._catch_up()
            self.settle()

    def told(self) -> list[str]:
        """Sentences for user and model that were not yet handed out."""
        own = files_of(
            sorted(p for p in self._unseen - self._conflicts if not in_git(p)), self.base
        )
        if own:
            self._told.append(prompt("workspace_carried", files=listed(own)))
        self._unseen.clear()
        told, self._told = self._told, []
        return told

    # What the user does.

    def rescan(self) -> bool:
        """See what the user changed since the last look; True if that changed anything."""
        self._keep_up()
        if changed_paths := self._scan():
            self._unseen.update(changed_paths)
            self.settle()
        return bool(changed_paths)

    def settle(self) -> None:
        """Bring overlay and copy in line with the user's folder."""
        with suppress(StoreError):  # What is settled later makes the same copy.
            self.history.aside(settled(self.base, self.history.overlay))
        self.tree = self._kept = laid(self.base, self.history.overlay)
        now = frozenset(conflicts(self.base, self.history.overlay))
        if new := sorted(now - self._conflicts):
            self._told.append(prompt("workspace_conflict", files=listed(new)))
        self._conflicts = now

    def _scan(self) -> list[str]:
        """Look at the user's folder; returns the paths that differ from the last time."""
        last = self._imported
        try:
            now = import_folder(self.folder, self.blobs, self.options, last.known if last else None)
        except OSError as error:
            raise SandboxError(f"{shown(self.folder)}: {error.strerror}") from error
        skipped = set(now.skipped) - set(last.skipped if last else ())
        if told := by_reason(skipped):
            self._told.append(prompt("workspace_left_out", files=listed(told)))
        if keys := sorted(set(now.secrets) - set(last.secrets if last else ())):
            self._told.append(prompt("workspace_keys", files=listed(keys)))
        before, self.base, self._imported = self.base, {**now.tree, **now.git}, now
        return differing(before, self.base)

    # What code does.

    def note(self, after: Tree, title: str, *, more: bool = False) -> tuple[str, ...]:
        """Code took the copy to another tree: a new point, or ``more`` of the last one.

        All contents are on disk when this returns; where the disk takes no more, that is told, and
        tried again the next time. Returns the paths worth telling.
        """
        before, overlay = self._kept, self.history.overlay
        step = changed(self.base, overlay, before, after)
        try:
            self.history.start(self.folder)
            self._keep(edit for edit in step.values() if edit)
            if step and more:
                self.history.more(step)
            elif not more:
                self.history.block(step, title)
            if step:
                self.settle()
        except StoreError as error:
            self.tree = after if step else self.tree
            self._told.append(prompt("workspace_not_kept", why=error.message))
            return ()
        # Where code took its own change back, the copy has what the user made of it meanwhile.
        self._unseen.update(differing(after, self.tree) if step else ())
        edits = {p: Edit(before.get(p), after.get(p)) for p in step}
        return tuple(self.review().worth(edits))

    def _keep_up(self) -> None:
        """Bring to disk what had no room there; raises StoreError where there still is none."""
        if self.tree is not self._kept:
            self.note(self.tree, "", more=True)
        if self.tree is not self._kept:
            raise StoreError(self._told[-1], "Make room there, then try again.")

    def _keep(self, edits: Iterable[Edit]) -> None:
        for edit in edits:
            for entry in (edit.was, edit.now):
                if entry and entry.kind == "file":
                    self.blobs.keep(entry.digest)
        self.blobs.sync()

    def move(self, blocks: int) -> str:
        """Undo (below 0) or redo that many blocks that changed something; says what changed."""
        self.open()
        return self._moved(lambda: self.history.move(blocks))

    def go(self, point: str) -> str:
        """Go to the state after the block ``point`` ("" for the start); says what changed."""
        self.open()
        return self._moved(lambda: self.history.go(point))

    def _moved(self, move: Callable[[], str]) -> str:
        self._keep_up()
        before = self.tree
        point = move()
        self.settle()
        titles = {one.point: one.title for one in self.history.points()}
        where = f"after block {point} ({shown(titles[point])})" if point else "before any block"
        files = files_of(differing(before, self.tree), self.tree)
        return f"the state {where}; different now: {listed(files) or 'nothing'}"

    def discard(self, paths: Sequence[str] | None = None) -> str:
        """Take the user's version of ``paths`` (all): a new point, so that undo brings it back."""
        self.open()
        self._keep_up()
        overlay = self.history.overlay
        chosen = list(overlay) if paths is None else self._named(paths)
        if not chosen:
            raise UsageError("there is nothing to throw away")
        gone: Step = dict.fromkeys(chosen)
        self.history.block(gone, "discard")
        self.settle()
        return f"as in your folder again: {listed(sorted(files_of(chosen, self.tree)))}"

    def resolve(self, path: str, side: str) -> None:
        """Settle a conflict: "copy" keeps what the code made, "folder" what the user has."""
        self.open()
        if path not in self._conflicts:
            raise UsageError(f"{shown(path)}: there is no conflict")
        edit = Edit(self.base.get(path), self.history.overlay[path].now)
        self._keep([edit])
        self.history.aside({path: edit if side == "copy" else None})
        self.settle()

    # What came of it.

    def review(self) -> Review:
        """The changes as they are now; raises StoreError while the disk does not take them."""
        self._keep_up()
        return Review(self.base, self.tree, self.history.overlay, self._conflicts, self.blobs)

    def conflicts(self) -> list[str]:
        """Paths that both sides changed: the copy has the code's version, the folder the user's."""
        self.open()
        return sorted(self._conflicts)

    def write_back(self, paths: Sequence[str] | None = None) -> Applied:
        """Write the changes (or those at and below ``paths``) into the user's folder.

        All or none; raises ApplyRefused where a conflict stands in the way, UsageError where there
        is nothing to apply. Without ``paths``, what may never be written is passed over.
        """
        self.open()
        self.rescan()
        review = self.review()
        chosen = review.applied() if paths is None else self._named(paths)
        refused = {path: why for path in chosen if (why := review.refusal(path))}
        stop = {p: why for p, why in refused.items() if paths or p in self._conflicts}
        if stop:
            raise ApplyRefused(stop)
        edits = {path: self.history.overlay[path] for path in chosen if path not in refused}
        if not edits:
            raise UsageError("there is nothing to apply")
        applied = apply_edits(self.folder, self.store, edits, self.blobs)
        self._after(applied)
        return applied

    def refusals(self) -> dict[str, str]:
        """What of the changes cannot be written as things stand, and why."""
        self.open()
        review = self.review()
        refused = {path: why for path in review.applied() if (why := review.refusal(path))}
        edits = {p: self.history.overlay[p] for p in review.applied() if p not in refused}
        try:
            with Root(self.folder) as root:
                return refused | exact(root, edits)[1]
        except OSError as error:
            raise SandboxError(f"{shown(self.folder)}: {error.strerror}") from error

    def undo_apply(self) -> Applied:
        """Bring back what the last apply replaced; the changes are in the copy again."""
        self.open()
        self.rescan()
        applied = undo_apply(self.store, self.blobs)
        self._after(applied)
        return applied

    def _named(self, paths: Sequence[str]) -> list[str]:
        for path in paths:
            if not under(self.history.overlay, [path]):
                raise UsageError(f"{shown(path)}: nothing was changed there")
        return [path for path in under(self.history.overlay, paths) if not in_git(path)]

    def _after(self, applied: Applied) -> None:
        self._unseen.update(set(self._scan()) - set(applied.files))
        self._catch_up()
        self.settle()

    def _catch_up(self) -> None:
        """Tell the history of applies that it has not heard of: the last one, or before a crash."""
        for begun, outcome in applies(self.store):
            if outcome == "done" and begun["apply"] not in self.history.applied:
                paths = {path: (edit.was, edit.now) for path, edit in edits_of(begun).items()}
                self.history.shift(begun["apply"], paths)
