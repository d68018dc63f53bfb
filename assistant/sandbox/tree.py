"""What a folder holds, as plain values: entries, trees, and the difference between two trees."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, folder or symbolic link. ``digest`` is the sha256 of a file's bytes, in hex."""

    kind: Literal["file", "dir", "link"]
    mode: int = 0o644
    size: int = 0
    digest: str = ""
    target: str = ""
    """Where a link points, as written; never followed."""


class Store(Protocol):
    """Contents of files, by the sha256 of each in hex."""

    def put(self, data: bytes, /) -> str: ...
    def get(self, digest: str, /) -> bytes: ...


Tree = Mapping[str, Entry]
"""Entries by relative POSIX path; undecodable bytes in names are surrogate-escaped."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What turns one tree into another."""

    written: Tree = field(default_factory=dict)
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.written or self.removed)


def difference(old: Tree, new: Tree) -> Delta:
    """The delta that turns ``old`` into ``new``; removed paths come children first."""
    written = {path: entry for path, entry in new.items() if old.get(path) != entry}
    removed = sorted((path for path in old if path not in new), reverse=True)
    return Delta(written, tuple(removed))


def patched(old: Tree, delta: Delta) -> dict[str, Entry]:
    """The tree that ``delta`` makes of ``old``."""
    new = dict(old)
    for path in delta.removed:
        new.pop(path, None)
    new.update(delta.written)
    return new
