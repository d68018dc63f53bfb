"""The copy of the user's folder: which files are taken, which are left out and why."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pathspec import GitIgnoreSpec

from assistant.events import UsageError
from assistant.sandbox import gitindex
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.gitcopy import git_files, safe_config
from assistant.sandbox.ignoring import IGNORE_FILES, LARGEST_IGNORE_FILE, MARKS, Ignored
from assistant.sandbox.names import folded, shown
from assistant.sandbox.overlay import ancestors
from assistant.sandbox.reading import Known, Reader
from assistant.sandbox.safe_files import FileRefused, Root
from assistant.sandbox.tree import Entry, Tree

DEEPEST = 60
"""Folders within folders that are followed."""
_RULES = (*IGNORE_FILES, *MARKS)


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """What is copied at most. ``named`` are patterns (as in ignore files) copied in any case."""

    total_bytes: int = 200 << 20
    files: int = 20_000
    file_bytes: int = 20 << 20
    git_bytes: int = 100 << 20
    """The largest ``.git`` that is copied; 0 for none."""
    named: tuple[str, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Known keys: a file that holds one is not copied."""
    private: tuple[str, ...] = ()
    """Paths that no copied folder may hold, such as the session store and the engine's socket."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A folder as it was copied; the contents are in the blobs' scratch."""

    tree: Tree
    git: Tree
    """What was taken of ``.git``, read-only, without hooks and credentials."""
    skipped: tuple[tuple[str, str], ...]
    """Left out, and why; what ignore files name is not listed."""
    secrets: tuple[str, ...]
    """Left out because it may hold a key."""
    known: Known = field(default_factory=dict, repr=False)
    """For the next look: only what changed since is read again."""


def import_folder(
    folder: str | os.PathLike[str],
    blobs: Blobs,
    options: CopyOptions | None = None,
    known: Known | None = None,
) -> Imported:
    """Read the folder into ``blobs``. Nothing is left out silently but what ignore files name.

    Raises UsageError for folders that must not be copied: the root, a home folder, what holds a
    private path; OSError where the folder cannot be read.
    """
    options = options or CopyOptions()
    refuse(folder, options.private)
    with Root(folder) as root:
        return _Import(root, blobs, options, known or {}).run()


def refuse(folder: str | os.PathLike[str], private: Iterable[str] = ()) -> None:
    """Raise UsageError for a folder that no code should get a copy of."""
    real = Path(os.path.realpath(folder))
    remedy = "Start in the folder of one project, or make an empty one and start there."
    if real == Path("/"):
        raise UsageError("/: the root folder is not copied into a sandbox", remedy)
    home = Path(os.path.realpath(os.path.expanduser("~")))
    if real == home or real in home.parents:
        raise UsageError(f"{shown(str(real))}: a home folder is not copied into a sandbox", remedy)
    for path in (*private, "/run/docker.sock", "/var/run/docker.sock"):
        kept = Path(os.path.realpath(path))
        if real == kept or real in kept.parents or kept in real.parents:
            raise UsageError(
                f"{shown(str(real))}: {shown(str(kept))} is there, which no code may see", remedy
            )


def may_hold_keys(name: str) -> bool:
    """Whether a file of this name is for credentials."""
    name = folded(name)
    return (
        name in (".env", ".netrc", "_netrc", ".git-credentials", ".pypirc")
        or name.startswith(".env.")
        or name.endswith((".pem", ".key", ".p12", ".pfx"))
        or (name.startswith("id_") and "." not in name)  # An ssh key; id_map.py is none.
    )


class _Import:
    """One pass: list, choose by the limits, then read what is new."""

    def __init__(self, root: Root, blobs: Blobs, options: CopyOptions, known: Known) -> None:
        self.root, self.blobs, self.options = root, blobs, options
        self.reader = Reader(root, blobs, options.secrets, known)
        self.named = GitIgnoreSpec.from_lines(options.named, backend="simple")
        self.ignored = Ignored(self.rules)
        self.ruled: dict[str, list[str]] = {}
        self.tree: dict[str, Entry] = {}
        self.skipped: dict[str, str] = {}
        self.secrets: list[str] = []

    def run(self) -> Imported:
        chosen = self.choose(self.list())
        self.tree |= self.reader.read(chosen, self.options.file_bytes, self.is_named)
        git = self.take_git()
        return Imported(
            tree={path: self.tree[path] for path in sorted(self.tree)},
            git=git,
            skipped=tuple(sorted((self.skipped | self.reader.unread).items())),
            secrets=tuple(sorted(self.secrets + self.reader.secrets)),
            known=self.reader.known,
        )

    def is_named(self, path: str) -> bool:
        return bool(self.options.named) and bool(self.named.check_file(path).include)

    @cached_property
    def tracked(self) -> frozenset[str]:
        """What git tracks, files and the folders above: an ignore file does not count for those."""
        try:
            index = self.root.read(".git/index", gitindex.LARGEST)
        except (OSError, FileRefused):
            return frozenset()
        size = 32 if b"sha256" in (self.rules(".git/config") or b"") else 20
        files = gitindex.tracked(index, size)
        return files | {above for path in files for above in ancestors(path)}

    def rules(self, path: str) -> bytes | None:
        """An ignore file, or None; whether a folder has any is asked once."""
        folder, name = path.rpartition("/")[::2]
        if folder not in self.ruled:
            self.ruled[folder] = self.rules_in(folder)
        if name in _RULES and name not in self.ruled[folder]:
            return None
        try:
            return self.root.read(path, LARGEST_IGNORE_FILE)
        except (OSError, FileRefused):
            return None

    def rules_in(self, folder: str) -> list[str]:
        found = []
        with suppress(OSError, FileRefused), self.root.folder(folder) as fd:
            for name in _RULES:
                with suppress(OSError):
                    os.stat(name, dir_fd=fd, follow_symlinks=False)
                    found.append(name)
        return found

    def list(self) -> dict[str, os.stat_result]:
        """The regular files that may be copied; folders and links go into the tree at once."""
        found: dict[str, os.stat_result] = {}
        most = max(100_000, 5 * self.options.files)
        try:
            for path, there in self.root.walk(lambda path, _: path in self.tree, most):
                if self.leave_out(path, there):
                    continue
                if stat.S_ISDIR(there.st_mode):
                    self.tree[path] = Entry("dir", there.st_mode & 0o777)
                elif stat.S_ISLNK(there.st_mode):
                    self.tree[path] = Entry("link", 0o777, target=self.root.link(path))
                else:
                    found[path] = there
        except FileRefused as refused:
            self.skipped["."] = f"{refused.message}: not all of it was looked at"
        return found

    def leave_out(self, path: str, there: os.stat_result) -> bool:
        """Whether a path is left out; says why in ``skipped`` unless an ignore file names it."""
        name, is_folder = path.rpartition("/")[2], stat.S_ISDIR(there.st_mode)
        if name == ".git":
            if path != ".git":
                self.skipped[path] = "the history of a nested repository"
            return True
        named = self.is_named(path + "/" if is_folder else path)
        if is_folder:
            named = named or any(want.startswith(path + "/") for want in self.options.named)
        why = "" if named else self.ignored.why(path, is_folder)
        if why and path in self.tracked:
            why = ""
        if not why and not named and not is_folder and may_hold_keys(name):
            self.secrets.append(path)
            return True
        if is_folder and path.count("/") >= DEEPEST:
            why = f"deeper than {DEEPEST} folders"
        if stat.S_IFMT(there.st_mode) not in (stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK):
            why = why or "not a regular file"
        if (
            not stat.S_ISDIR(there.st_mode)
            | stat.S_ISREG(there.st_mode)
            | stat.S_ISLNK(there.st_mode)
        ):
            why = why or "not a regular file"
        if why and why != "ignored":
            self.skipped[path] = why
        return bool(why)

    def choose(self, found: dict[str, os.stat_result]) -> dict[str, os.stat_result]:
        """What fits the limits: the files nearest to the top, then without the largest."""
        limits = self.options
        chosen: dict[str, os.stat_result] = {}
        for path, there in sorted(found.items(), key=lambda item: (item[0].count("/"), item[0])):
            if there.st_size > limits.file_bytes and not self.is_named(path):
                self.skipped[path] = f"larger than {_mb(limits.file_bytes)}"
            elif len(chosen) >= limits.files:
                self.skipped[path] = f"past the limit of {limits.files:,} files"
            else:
                chosen[path] = there
        total = sum(there.st_size for there in chosen.values())
        for path in sorted(chosen, key=lambda path: -chosen[path].st_size):
            if total <= limits.total_bytes:
                break
            total -= chosen.pop(path).st_size
            self.skipped[path] = f"past the limit of {_mb(limits.total_bytes)} in all"
        return chosen

    def take_git(self) -> Tree:
        """The history, as far as it is safe to show, with read-only modes."""
        if not self.options.git_bytes:
            return {}
        found, why = git_files(self.root, self.options.git_bytes)
        if why:
            self.skipped[".git"] = why
        if not found:
            return {}
        files = {path: there for path, there in found.items() if stat.S_ISREG(there.st_mode)}
        read = self.reader.read(files, self.options.git_bytes)
        config = safe_config(self.rules(".git/config") or b"")
        digest = self.blobs.put(config, scratch=True)
        read[".git/config"] = Entry("file", 0o444, len(config), digest)
        git = {path: Entry("dir", 0o555) for path in found if path not in files}
        for path, entry in read.items():
            git[path] = Entry("file", 0o444, entry.size, entry.digest)
        return git


def _mb(size: int) -> str:
    return f"{size / (1 << 20):,.3g} MB"
