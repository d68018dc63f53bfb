"""A sandbox that is only a folder: it runs shell blocks there and reports what changed."""

import os
import subprocess
from collections.abc import Generator
from hashlib import sha256
from pathlib import Path

from assistant.events import CodeBlock, ExecResult, Notice, Output
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.safe_files import Root
from assistant.sandbox.tree import Delta, Entry, Tree, difference


def tree_of(folder: Path) -> dict[str, Entry]:
    """What a folder holds, contents by their digest; for tests to compare."""
    tree: dict[str, Entry] = {}
    for above, folders, files in os.walk(folder):
        for name in folders + files:
            path = Path(above, name)
            key, mode = str(path.relative_to(folder)), path.lstat().st_mode & 0o777
            if path.is_symlink():
                tree[key] = Entry("link", 0o777, target=os.readlink(path))
            elif path.is_dir():
                tree[key] = Entry("dir", mode)
            else:
                data = path.read_bytes()
                tree[key] = Entry("file", mode, len(data), sha256(data).hexdigest())
    return tree


class PlainSandbox:
    """``run`` executes bash; Python code given in ``calls`` runs instead, with the folder."""

    image = "plain"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.agreed: Tree = {}
        self.puts = 0

    def put(self, delta: Delta, blobs: Blobs) -> None:
        self.puts += 1
        with Root(self.folder, strict=False) as root:
            for path in delta.removed:
                if root.stat(path):
                    root.delete_tree(path)
            for path, entry in sorted(delta.written.items()):
                if entry.kind == "dir":
                    root.mkdirs(path)
                    root.chmod(path, entry.mode)
                elif entry.kind == "link":
                    root.delete_tree(path)
                    root.symlink(path, entry.target)
                else:
                    root.write(path, blobs.get(entry.digest), entry.mode)
        self.agreed = tree_of(self.folder)

    def pull(self, blobs: Blobs) -> Delta:
        now = tree_of(self.folder)
        delta, self.agreed = difference(self.agreed, now), now
        for path, entry in delta.written.items():
            if entry.kind == "file":
                assert blobs.put((self.folder / path).read_bytes()) == entry.digest
        return delta

    def run(self, block: CodeBlock, seconds: float) -> Generator[Output | Notice, None, ExecResult]:
        done = subprocess.run(
            ["bash", "-c", block.code],
            cwd=self.folder,
            timeout=seconds,
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        if output:
            yield Output(output)
        return ExecResult(done.returncode, output, image=self.image)
