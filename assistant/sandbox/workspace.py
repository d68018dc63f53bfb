"""The workspace of a session: an executor whose code works on a copy of the user's folder."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from assistant.closing import Closing
from assistant.events import CodeBlock, ExecResult, Notice, UsageError
from assistant.prompts import prompt
from assistant.sandbox.applying import Applied
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.diffing import Change
from assistant.sandbox.disk import StoreError
from assistant.sandbox.folder_copy import FolderCopy
from assistant.sandbox.importing import CopyOptions
from assistant.sandbox.mirror import Mirror, RawSandbox, Run
from assistant.sandbox.names import shown
from assistant.sandbox.points import History, Point
from assistant.sandbox.review import files_of, listed
from assistant.sandbox.saving import EditText, NotSaved, with_bytes, with_file
from assistant.sandbox.tree import Tree
from assistant.sandbox.uninterrupted import uninterrupted

_TITLE = 60
"""Characters of a block that name its point."""


class Workspace(Closing):
    """Runs blocks in ``sandbox`` on a copy of ``folder``; nothing reaches the folder but by apply.

    The copy is made when it is first needed. ``store`` keeps the changes, block by block, so that
    a session that was killed goes on where its last block ended. The sandbox stays its opener's
    to close; without one (None) changes can be seen and applied, but nothing runs.
    """

    def __init__(
        self,
        sandbox: RawSandbox | None,
        folder: str | os.PathLike[str],
        store: Path,
        edit: EditText,
        options: CopyOptions | None = None,
    ) -> None:
        self._edit = edit
        self.copy = FolderCopy(folder, store, options)
        self._mirror = Mirror(sandbox, self.copy.blobs)

    def close(self) -> None:
        self.copy.close()

    @classmethod
    def resume(
        cls,
        sandbox: RawSandbox | None,
        store: Path,
        edit: EditText,
        options: CopyOptions | None = None,
    ) -> Self:
        """Go on with a session of before, in the folder that it was about."""
        folder = History(store).folder
        if not folder:
            raise UsageError(f"{shown(str(store))}: holds no changes to go on with")
        return cls(sandbox, folder, store, edit, options)

    def use(self, sandbox: RawSandbox) -> None:
        """Go on in another, empty sandbox: it gets the copy before its first block."""
        self._mirror = Mirror(sandbox, self.copy.blobs)

    @property
    def image(self) -> str:
        """The image that blocks run in; raises UsageError where there is no sandbox."""
        return self._mirror.sandbox.image

    # The executor.

    def look(self) -> Sequence[str]:
        """Carry the user's own edits into the copy; sentences for user and model."""
        if self.copy.opened or self.copy.resumed:
            with uninterrupted():
                self.copy.open()
                self._collect()
                with suppress(StoreError):  # It is told; the user's edits come when there is room.
                    self.copy.rescan()
                    self._fill()
        return self.copy.told()

    def run(self, block: CodeBlock, seconds: float) -> Run:
        """Save, edit or run a block. A file that cannot be saved is a failed block, exit code 1."""
        if block.action == "show":
            return ExecResult(0, "")
        try:
            return (yield from self._run(block, seconds))
        except KeyboardInterrupt:
            return ExecResult(130, "", reason="cancelled")

    def _run(self, block: CodeBlock, seconds: float) -> Run:
        self.copy.open()
        notes = tuple(self.copy.told())
        if notes:
            yield Notice("\n".join(notes))
        before = after = self.copy.tree
        if block.action != "run" or block.path is not None:
            try:
                after, more = with_file(before, block, self.copy.blobs, self._edit)
            except NotSaved as error:
                told = prompt("workspace_not_saved", path=shown(error.path), why=error.why)
                return ExecResult(1, f"{told}\n", notes=notes)
            notes += tuple(more)
        if block.action == "run":
            result = yield from self._ran(block, seconds, before, after)
        else:
            with uninterrupted():
                files = self.copy.note(after, _title(block))
                self._fill()
            name = "workspace_edited" if block.action == "edit" else "workspace_saved"
            done = prompt(name, path=shown(block.path or ""))
            late = tuple(self.copy.told())
            result = ExecResult(0, f"{done}\n", notes=late, files=files, sizes=self._sizes(files))
        return replace(result, notes=(*notes, *result.notes))

    def write(self, files: Mapping[str, bytes], title: str) -> str:
        """Give files of the copy these very bytes; the id of the point. All or none: NotSaved."""
        self.copy.open()
        after = self.copy.tree
        for path, data in files.items():
            after = with_bytes(after, path, data, self.copy.blobs)
        with uninterrupted():
            self.copy.note(after, title)
        return self.copy.history.current

    def _ran(self, block: CodeBlock, seconds: float, before: Tree, after: Tree) -> Run:
        """Run a block on the copy ``after`` its file was saved; what it changed becomes a point."""
        sandbox = self._mirror.sandbox
        try:
            with uninterrupted():
                self._mirror.fill(after)
            result = yield from sandbox.run(block, seconds)
        except KeyboardInterrupt:
            result = ExecResult(130, "", reason="cancelled", image=sandbox.image)
        except BaseException:  # What was saved is not lost with the sandbox.
            if after is not before:
                self.copy.note(after, _title(block))
            raise
        try:
            with uninterrupted():
                self._mirror.follow()
                files = self.copy.note(self._mirror.held, _title(block))
                notes = (*result.notes, *self._mirror.left_out, *self.copy.told())
                sizes = self._sizes(files)
                result = replace(result, files=files, sizes=sizes, notes=notes)
                self._fill()
        except KeyboardInterrupt:
            result = replace(result, reason="cancelled", exit_code=130)
        return result

    def _sizes(self, paths: Iterable[str]) -> tuple[int, ...]:
        """Of files of the copy; -1 for what is none."""
        found = map(self.copy.tree.get, paths)
        return tuple(entry.size if entry and entry.kind == "file" else -1 for entry in found)

    def _collect(self) -> None:
        """What changed in the sandbox since the last block, in the background."""
        if self._mirror.follow():
            self.copy.note(self._mirror.held, "", more=True)

    def _fill(self) -> None:
        """Bring the sandbox to the state of the copy, if it was filled before."""
        if self._mirror.filled:
            self._mirror.fill(self.copy.tree)

    # What the user does with the changes.

    @property
    def blobs(self) -> Blobs:
        return self.copy.blobs

    @property
    def base(self) -> Tree:
        """The user's own files, as last seen."""
        self.copy.open()
        return self.copy.base

    def snapshot(self) -> Tree:
        """The copy for a check; its folders are open to writing, so that it can be put anywhere."""
        self.copy.open()
        return {
            path: replace(entry, mode=entry.mode | 0o700) if entry.kind == "dir" else entry
            for path, entry in self.copy.tree.items()
        }

    def read(self, path: str, most: int) -> bytes:
        """The contents of a file of the copy, as its last block left it, of at most ``most`` bytes.

        Raises UsageError where there is none, or a larger one.
        """
        entry = self.copy.tree.get(path) if self.copy.opened else None
        if entry is None or entry.kind != "file":
            raise UsageError(f"there is no file {shown(path)} in the copy")
        if entry.size > most:
            raise UsageError(f"{shown(path)} is too large: {entry.size:,} bytes")
        return self.copy.blobs.get(entry.digest)

    def diff(self, paths: Sequence[str] = ()) -> str:
        """What apply would change (at and below ``paths``), as a unified diff; names are escaped,
        contents exact."""
        self.copy.open()
        return self.copy.review().diff(paths)

    def changes(self) -> list[Change]:
        """The same path by path, with what cannot be applied and why."""
        self.copy.open()
        return self.copy.review().changes()

    def refusals(self) -> list[str]:
        """What of the changes apply would refuse, and why; a line each."""
        return [f"{shown(path)}: {why}" for path, why in self.copy.refusals().items()]

    def excluded(self) -> list[str]:
        """Changed files that are neither shown nor applied: new and ignored, or in ``.git``."""
        self.copy.open()
        return self.copy.review().excluded()

    def apply(self, paths: Sequence[str] | None = None) -> str:
        """As ``write_back``; a sentence about what was done."""
        self.copy.open()
        review = self.copy.review()
        left = [path for path in review.applied() if review.refusal(path)] if paths is None else []
        applied = self.write_back(paths)
        files = listed(files_of(applied.files, self.copy.base)) or "folders only"
        rest = f"; left out: {listed(left)}" if left else ""
        return f"applied to {shown(self.copy.folder)}: {files}{rest}"

    def write_back(self, paths: Sequence[str] | None = None) -> Applied:
        """Write the changes (or those at and below ``paths``) into the user's folder, all or none.

        Raises ApplyRefused where the user changed one of the files too.
        """
        with uninterrupted():
            applied = self.copy.write_back(paths)
            self._fill()
        return applied

    def undo_apply(self) -> Applied:
        """Bring back what the last apply replaced; the changes stay in the copy."""
        with uninterrupted():
            applied = self.copy.undo_apply()
            self._fill()
        return applied

    def undo(self, count: int = 1) -> str:
        """Take back the last ``count`` blocks that changed something; says what changed."""
        return self._moved(lambda: self.copy.move(-count))

    def redo(self, count: int = 1) -> str:
        return self._moved(lambda: self.copy.move(count))

    def go(self, point: str) -> str:
        """Go to the state after the block ``point``, "" for the start."""
        return self._moved(lambda: self.copy.go(point))

    def discard(self, paths: Sequence[str] | None = None) -> str:
        """Throw changes away; undo brings them back."""
        return self._moved(lambda: self.copy.discard(paths))

    def conflicts(self) -> list[str]:
        """Paths that both code and user changed."""
        return self.copy.conflicts()

    def resolve(self, path: str, side: str) -> None:
        """Settle a conflict: "copy" keeps what the code made, "folder" what the user has."""
        with uninterrupted():
            self.copy.resolve(path, side)
            self._fill()

    def points(self) -> list[Point]:
        """The blocks that undo and redo can go to, oldest first."""
        return self.copy.history.points()

    def _moved(self, move: Callable[[], str]) -> str:
        with uninterrupted():
            self.copy.open()
            self._collect()
            done = move()
            self._fill()
        return done


def _title(block: CodeBlock) -> str:
    if (path := block.path) is not None:  # Of a long one the end, which names the file.
        short = path if len(path) <= _TITLE else f"…{path[-_TITLE:]}"
        return f"{block.action} {short}"
    line = next((line.strip() for line in block.code.splitlines() if line.strip()), "")
    title = f"{block.lang}: {line}"
    return title if len(title) <= _TITLE else f"{title[:_TITLE].rsplit(maxsplit=1)[0]} …"
