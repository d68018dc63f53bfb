"""The folder that ``execute_code`` works in: its own file written there, a copy in, changes out."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from assistant.events import UsageError
from assistant.sandbox.applying import ApplyRefused, apply_edits
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.importing import CopyOptions, import_folder
from assistant.sandbox.overlay import Edit, puts, received
from assistant.sandbox.safe_files import FileRefused, Root, check_name, shown
from assistant.sandbox.tree import Delta, Entry, Tree, difference

_KEYS = (".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "id_*", "*netrc", ".pypirc")
_HEAVY = ("node_modules/", "__pycache__/", ".venv/", "venv/", ".tox/", ".nox/", ".hg/", ".svn/")
_EVERYTHING = ("*", *(f"!{pattern}" for pattern in (*_KEYS, ".git-credentials", *_HEAVY)))
_COPIED = CopyOptions(
    total_bytes=1 << 30, files=100_000, file_bytes=1 << 30, git_bytes=0, named=_EVERYTHING
)
"""All of it, also what ignore files name; but no caches, and nothing that may hold a key."""


class NameRefused(UsageError, ValueError):
    """A ``filename`` that is not a plain relative path inside ``work_dir``."""


class Sandbox(Protocol):
    """What files are brought into and out of; the raw sandboxes fit."""

    def put(self, delta: Delta, blobs: Blobs, /) -> None: ...
    def pull(self, blobs: Blobs, /) -> Delta: ...


def prepared(work_dir: str | os.PathLike[str] | None, default: str) -> str:
    """The absolute path of the folder, which is made where it is missing."""
    folder = os.path.abspath(os.fspath(work_dir) if work_dir is not None else default)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{shown(folder)}: cannot be made: {error.strerror}") from error
    return folder


def checked_file(name: str | os.PathLike[str]) -> str:
    """A file name as it may be used below ``work_dir``; raises NameRefused for all others.

    AutoGen joins whatever it gets, so that ``../x.py`` and ``/x.py`` are written elsewhere.
    """
    given = os.fspath(name)
    path = given.removeprefix("./")
    try:
        check_name(path)
    except FileRefused as error:
        raise NameRefused(
            f"{error.message.replace('a plain relative path', 'a file inside work_dir')}",
            "filename is a path relative to work_dir, without ..",
        ) from error
    return path


def write_code(folder: str, path: str, code: str) -> None:
    """Write a file below the folder, with the folders above it; never through a link."""
    try:
        with Root(folder) as root:
            if above := path.rpartition("/")[0]:
                root.mkdirs(above)
            root.write(path, encoded(code))
    except OSError as error:
        raise UsageError(f"{shown(path)}: cannot be written: {error.strerror}") from error


def remove_code(folder: str, path: str) -> None:
    """Remove a file that was written by ``write_code``; one that is gone is no error."""
    try:
        with Root(folder) as root:
            root.delete_tree(path)
    except (OSError, FileRefused):
        return


def encoded(code: str) -> bytes:
    return code.encode("utf-8", "surrogatepass")


class Copied:
    """The folder as it was, in a store that is gone at the end of ``copied``."""

    def __init__(self, folder: str, store: Path, blobs: Blobs) -> None:
        self.folder, self.store, self.blobs = folder, store, blobs
        found = import_folder(folder, blobs, _COPIED)
        self.base: Tree = found.tree
        skipped = [f"{path} ({why})" for path, why in found.skipped if not _is_cache(why)]
        self.left_out = [*skipped, *(f"{path} (may hold keys)" for path in found.secrets)]

    def add(self, path: str, code: str) -> Tree:
        """The tree with one more file, which the folder does not get."""
        data = encoded(code)
        entry = Entry("file", 0o644, len(data), self.blobs.put(data, scratch=True))
        return {**self.base, path: entry}

    def fill(self, sandbox: Sandbox, tree: Tree) -> None:
        for delta in puts({}, tree):
            sandbox.put(delta, self.blobs)

    def take(self, sandbox: Sandbox, tree: Tree, *, but: str = "") -> list[str]:
        """Write what the code changed into the folder, all or nothing, but for the path ``but``.

        What may not be written (a link out of the folder, files that a shell obeys, what changed
        here meanwhile) is left out. Returns such paths with the reason.
        """
        after = received(tree, sandbox.pull(self.blobs))
        change = difference(tree, after)
        edits = {path: Edit(tree.get(path), entry) for path, entry in change.written.items()}
        edits |= {path: Edit(tree.get(path), None) for path in change.removed}
        edits.pop(but, None)
        refused: dict[str, str] = {}
        while edits:
            try:
                apply_edits(self.folder, self.store, edits, self.blobs)
                break
            except ApplyRefused as error:
                refused |= error.reasons
                edits = {path: edit for path, edit in edits.items() if path not in error.reasons}
        return [f"{shown(path)} ({why})" for path, why in refused.items()]


def _is_cache(why: str) -> bool:
    return why.startswith("a cache")


@contextmanager
def copied(folder: str) -> Iterator[Copied]:
    """A copy of the folder's files; raises UsageError for folders that no code may see."""
    with tempfile.TemporaryDirectory(prefix="assistant-") as name:
        store = Path(name)
        with Blobs(store / "blobs") as blobs:
            try:
                one = Copied(folder, store, blobs)
            except OSError as error:
                raise UsageError(f"{shown(folder)}: {error.strerror}") from error
            yield one
