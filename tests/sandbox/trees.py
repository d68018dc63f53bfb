"""Random trees, and folders made of them, for property tests."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from assistant.sandbox.overlay import Edit
from assistant.sandbox.safe_files import Root
from assistant.sandbox.tree import Entry, Tree

NAMES = ["a", "b", "c.py", "d e", "é", "x\udcff", "new\nline", "-o", "UPPER"]
CONTENTS = [
    b"",
    b"one\n",
    b"one\ntwo\n",
    b"no end",
    b"\0bin",
    b"crlf\r\n",
    b"\xff\xfe",
    b"x" * 5000,
]
PLAIN = ["a", "b", "c.py", "d e", "é", "x\udcff", "UPPER"]


def entry(data: bytes, mode: int = 0o644) -> Entry:
    return Entry("file", mode, len(data), sha256(data).hexdigest())


def _flat(node: object, path: str, tree: dict[str, Entry]) -> None:
    if isinstance(node, Entry):
        tree[path] = node
    elif isinstance(node, dict):
        if path:
            tree[path] = Entry("dir", 0o755)
        for name, below in node.items():
            _flat(below, f"{path}/{name}" if path else name, tree)


def trees(
    names: list[str] = NAMES, modes: tuple[int, ...] = (0o644, 0o755, 0o600)
) -> st.SearchStrategy[dict[str, Entry]]:
    """Trees of files, folders and links, up to three levels deep."""
    leaf = st.one_of(
        st.builds(entry, st.sampled_from(CONTENTS), st.sampled_from(modes)),
        st.builds(lambda t: Entry("link", 0o777, target=t), st.sampled_from(["a", "b/c", "../x"])),
    )
    name = st.sampled_from(names)
    nodes: st.SearchStrategy[Any] = st.dictionaries(
        name,
        st.one_of(leaf, leaf, st.dictionaries(name, st.one_of(leaf, st.just({})), max_size=3)),
        max_size=5,
    )

    def flat(node: object) -> dict[str, Entry]:
        tree: dict[str, Entry] = {}
        _flat(node, "", tree)
        return tree

    return nodes.map(flat)


BY_DIGEST = {sha256(data).hexdigest(): data for data in CONTENTS}


def make(folder: Path, tree: Tree) -> None:
    """Make a folder hold exactly ``tree``."""
    folder.mkdir(exist_ok=True)
    with Root(folder, strict=False) as root:
        for name in os.listdir(folder):
            root.delete_tree(name)
        for path, one in sorted(tree.items()):
            if one.kind == "dir":
                root.mkdirs(path)
            elif one.kind == "link":
                root.symlink(path, one.target)
            else:
                root.write(path, BY_DIGEST[one.digest], one.mode)
        for path, one in tree.items():
            if one.kind == "dir":
                root.chmod(path, one.mode)


def edits(old: Tree, new: Tree) -> dict[str, Edit]:
    """What a change of the one tree to the other is made of."""
    return {
        path: Edit(old.get(path), new.get(path))
        for path in {*old, *new}
        if old.get(path) != new.get(path)
    }
