"""Runs blocks on the user's folder itself, mounted into the sandbox: the opt-out of the copy."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Protocol, Self

from assistant.events import AssistantError, CodeBlock, ExecResult, Notice, Output, UsageError
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.importing import CopyOptions, import_folder, refuse
from assistant.sandbox.names import FileRefused, shown
from assistant.sandbox.safe_files import Root
from assistant.sandbox.texts import as_before, bytes_of, text_of
from assistant.sandbox.tree import Tree

EditText = Callable[[str | None, str], tuple[str | None, Sequence[str]]]
Run = Generator[Output | Notice, None, ExecResult]

LARGEST = 20 << 20
_NOT_KEPT = "the folder itself is mounted, so no copy is kept"
_REMEDY = "Start without --mount to see, apply and undo changes; or use git."


class Runs(Protocol):
    def run(self, block: CodeBlock, seconds: float, /) -> Run: ...


class MountedFolder:
    """An executor over a sandbox that holds ``folder`` itself. What code changes is changed.

    There is no diff, apply or undo; checks still run over a copy, as the folder was at the start
    where tests are concerned.
    """

    def __init__(
        self, sandbox: Runs, folder: Path, store: Path, edit: EditText, options: CopyOptions
    ) -> None:
        refuse(str(folder), (*options.private, str(store)))
        self._sandbox, self._folder, self._edit, self._options = sandbox, folder, edit, options
        self.blobs = Blobs(store / "blobs")
        self.base: Tree = import_folder(folder, self.blobs, options).tree

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def look(self) -> Sequence[str]:
        return ()

    def run(self, block: CodeBlock, seconds: float) -> Run:
        """Run a block; a file that it names is written first, straight into the folder."""
        notes: Sequence[str] = ()
        if block.path is not None or block.action == "edit":
            try:
                notes = self._write(block, (block.path or "").removeprefix("./"))
            except (ValueError, OSError, AssistantError) as error:
                why = error.message if isinstance(error, AssistantError) else str(error)
                return ExecResult(1, f"{shown(block.path or '')} was not written: {why}\n")
        if block.action == "run":
            return (yield from self._sandbox.run(block, seconds))
        return ExecResult(0, f"wrote {shown(block.path or '')}\n", notes=tuple(notes))

    def _write(self, block: CodeBlock, path: str) -> Sequence[str]:
        with Root(self._folder) as root:
            there = root.stat(path) is not None
            old = text_of(root.read(path, LARGEST)) if there else None
            if block.action != "edit":
                root.write(path, bytes_of(as_before(block.code, old or "")))
                return ()
            text, notes = self._edit(old, block.code)
            if text is None:
                root.remove(path)
            else:
                root.write(path, bytes_of(text))
            return notes

    def snapshot(self) -> Tree:
        """The folder as it is now, for a check."""
        return import_folder(self._folder, self.blobs, self._options).tree

    def read(self, path: str, most: int) -> bytes:
        """The contents of a file of the folder; raises UsageError. No link is followed."""
        try:
            with Root(self._folder) as root:
                return root.read(path, most)
        except (OSError, ValueError, FileRefused) as error:
            raise UsageError(f"{shown(path)} cannot be read: {error}") from error

    def diff(self, paths: Sequence[str] = ()) -> str:
        raise UsageError(_NOT_KEPT, _REMEDY)

    def refusals(self) -> list[str]:
        return []

    def apply(self, paths: Sequence[str] | None = None) -> str:
        raise UsageError(_NOT_KEPT, _REMEDY)

    def undo(self, count: int = 1) -> str:
        raise UsageError(_NOT_KEPT, _REMEDY)

    def redo(self, count: int = 1) -> str:
        raise UsageError(_NOT_KEPT, _REMEDY)

    def discard(self) -> str:
        raise UsageError(_NOT_KEPT, _REMEDY)

    def conflicts(self) -> list[str]:
        """There are none: both work on the same files."""
        return []

    def resolve(self, path: str, side: str) -> None:
        raise UsageError(_NOT_KEPT, _REMEDY)

    def changes(self) -> list[str]:
        """Nothing waits to be applied."""
        return []
