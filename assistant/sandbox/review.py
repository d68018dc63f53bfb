"""What a copy's changes look like before they are applied: a list, a diff, what is left out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from assistant.sandbox.blobs import Blobs
from assistant.sandbox.diffing import Change, change, unified
from assistant.sandbox.ignoring import Ignored
from assistant.sandbox.names import FileRefused, check_name, folded, in_git, shown
from assistant.sandbox.overlay import Edit, Overlay, ancestors, differs, under
from assistant.sandbox.tree import Tree


@dataclass(frozen=True, slots=True)
class Review:
    """The changes of one moment."""

    base: Tree
    """The user's folder."""
    tree: Tree
    """The copy."""
    overlay: Overlay
    conflicts: frozenset[str]
    blobs: Blobs

    def diff(self, paths: Sequence[str] = ()) -> str:
        """What apply would change, as a unified diff; names are escaped, contents exact.

        All of it, or what is at and below ``paths``.
        """
        listed = self.listed()
        edits = {path: self.overlay[path] for path in (under(listed, paths) if paths else listed)}
        head = [
            f"# {shown(path)}: not applied: {why}\n"
            for path in edits
            if (why := self.refusal(path))
        ]
        if not paths and (count := len(self.excluded())):
            head.append(f"# {count} new file(s) that are ignored or caches are left out\n")
        return "".join(head) + unified(edits, self.blobs.get)

    def changes(self) -> list[Change]:
        """What differs, path by path, with what cannot be applied and why."""
        return [
            change(path, self.overlay[path], self.blobs.get, self.refusal(path))
            for path in self.listed()
        ]

    def listed(self) -> list[str]:
        """The paths to show: not what is left out; folders only where nothing in them is shown."""
        return self.worth(self.overlay)

    def excluded(self) -> list[str]:
        """Changed files that are neither shown nor applied: new and ignored, or in ``.git``."""
        kept = set(self.applied())
        return sorted(
            path
            for path, edit in self.overlay.items()
            if path not in kept and "dir" not in kinds(edit)
        )

    def applied(self) -> list[str]:
        """The paths that an apply is about."""
        rules = self._rules()
        return [path for path in self.overlay if not self._left_out(rules, path)]

    def worth(self, edits: Mapping[str, Edit]) -> list[str]:
        """Those of ``edits`` that are worth telling."""
        rules = self._rules()
        paths = [path for path in edits if not self._left_out(rules, path)]
        holding = {above for path in paths for above in ancestors(path)}
        return sorted(p for p in paths if p not in holding or kinds(edits[p]) != {"dir"})

    def refusal(self, path: str) -> str:
        """Why a change cannot be applied as things are, "" if it can."""
        if path in self.conflicts:
            return "changed in your folder too"
        try:
            check_name(path)
        except FileRefused as error:
            return error.message.rpartition(": ")[2]
        if self._makes_repository(path):
            return "with it git would take the folder for a repository, and run what it names"
        return ""

    def _makes_repository(self, path: str) -> bool:
        """Whether it is what is still missing of a repository without ``.git`` (a bare one)."""
        above, _, name = path.rpartition("/")
        if folded(name) != "head" or path in self.base or path not in self.tree:
            return False
        pairs = (one.rpartition("/") for one in self.tree)
        near = {folded(name) for folder, _, name in pairs if folder == above}
        return {"objects", "refs"} <= near

    def _left_out(self, rules: Ignored, path: str) -> bool:
        if in_git(path):
            return True
        known = self.overlay.get(path)
        was = known.was if known else self.base.get(path)
        now = self.tree.get(path)
        return was is None and bool(rules.why(path, now is not None and now.kind == "dir"))

    def _rules(self) -> Ignored:
        def read(path: str) -> bytes | None:
            entry = self.tree.get(path)
            return self.blobs.get(entry.digest) if entry and entry.kind == "file" else None

        return Ignored(read, lambda path: path in self.overlay)


def kinds(edit: Edit) -> set[str]:
    return {entry.kind for entry in (edit.was, edit.now) if entry}


def differing(one: Tree, other: Tree) -> list[str]:
    """The paths at which two trees differ."""
    delta = differs(one, other)
    return sorted((*delta.written, *delta.removed))


def files_of(paths: Iterable[str], tree: Tree) -> list[str]:
    """The paths without those that are folders in ``tree``."""
    return [path for path in paths if path not in tree or tree[path].kind != "dir"]


def listed(names: Sequence[str], most: int = 12) -> str:
    """Names for a sentence, escaped, the first ``most`` of them."""
    some = ", ".join(shown(name) for name in names[:most])
    return some + (f" and {len(names) - most} more" if len(names) > most else "")


PATHS = 5
"""Of those that are left out for one reason, so many are named."""


def by_reason(skipped: Iterable[tuple[str, str]]) -> list[str]:
    """What is left out of a copy, a reason with its first paths each; caches go without saying."""
    found: dict[str, list[str]] = {}
    for path, why in sorted(skipped):
        if not why.startswith("a cache"):
            found.setdefault(why, []).append(path)
    return [
        ", ".join(paths[:PATHS])
        + (f" and {len(paths) - PATHS:,} more" if len(paths) > PATHS else "")
        + f" ({why})"
        for why, paths in found.items()
    ]
