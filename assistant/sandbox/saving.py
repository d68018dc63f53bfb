"""Writing the file that a block names into a copy: a new text, or an edit of what is there."""

from collections.abc import Callable, Sequence

from assistant.events import AssistantError, CodeBlock
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.names import FileRefused, check_name, shown
from assistant.sandbox.overlay import ancestors
from assistant.sandbox.texts import as_before, bytes_of, text_of
from assistant.sandbox.tree import Entry, Tree

EditText = Callable[[str | None, str], tuple[str | None, Sequence[str]]]
"""(a file's text or None, an edit) -> (the new text, or None to delete the file; notes).

Raises ValueError or AssistantError, saying why, where the edit does not fit.
"""


class NotSaved(Exception):
    """The file was not written, and why."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(why)
        self.path, self.why = path, why


def with_file(
    tree: Tree, block: CodeBlock, blobs: Blobs, edit: EditText
) -> tuple[Tree, Sequence[str]]:
    """The tree with the block's file in it, and what the edit has to say. Raises NotSaved."""
    path = (block.path or "").removeprefix("./")
    entry = _place(tree, path)
    try:
        old = blobs.get(entry.digest) if entry else None
        notes: Sequence[str] = ()
        if block.action == "edit":
            text, notes = edit(text_of(old) if old is not None else None, block.code)
        else:
            text = as_before(block.code, old.decode("utf-8", "replace") if old else "")
        data = None if text is None else bytes_of(text)
    except AssistantError as error:
        raise NotSaved(path, error.message) from error
    except ValueError as error:
        raise NotSaved(path, str(error)) from error
    if data is None:
        return {name: one for name, one in tree.items() if name != path}, notes
    return with_bytes(tree, path, data, blobs), notes


def with_bytes(tree: Tree, path: str, data: bytes, blobs: Blobs) -> Tree:
    """The tree with these very bytes at ``path``; a file that is there keeps its mode.

    Raises NotSaved.
    """
    entry = _place(tree, path)
    new = dict(tree)
    for above in ancestors(path):
        new.setdefault(above, Entry("dir", 0o755))
    new[path] = Entry("file", entry.mode if entry else 0o644, len(data), blobs.put(data))
    return new


def _place(tree: Tree, path: str) -> Entry | None:
    """The file at ``path``, None where there is none; raises NotSaved where none can be."""
    try:
        check_name(path)
    except FileRefused as error:
        raise NotSaved(path, error.message.rpartition(": ")[2]) from error
    for above in ancestors(path):
        entry = tree.get(above)
        if entry and entry.kind != "dir":
            raise NotSaved(path, f"{shown(above)} is no folder")
    entry = tree.get(path)
    if entry and entry.kind != "file":
        what = "a folder" if entry.kind == "dir" else "a symbolic link"
        raise NotSaved(path, f"{what} has that name")
    return entry
