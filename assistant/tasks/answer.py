"""A model's answer to an improve task: which files it changes, and what their text is then."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from assistant.code.blocks import blocks
from assistant.code.changes import Edit, EditError
from assistant.code.edit_reports import edit_failed, edit_notes
from assistant.code.edits import apply_edit, parse_edits
from assistant.code.fences import fences
from assistant.code.functions import fault, find_function, kept_to
from assistant.code.whole import left_out, whole_text
from assistant.events import CodeBlock
from assistant.feedback import one_line
from assistant.prompts import prompt
from assistant.sandbox.linediff import changed_blocks
from assistant.sandbox.protect import guarded


@dataclass(frozen=True, slots=True)
class Scope:
    """What may change: ``files``, of the first only ``function`` where one is named; and tests."""

    files: tuple[str, ...]
    function: str = ""

    def allows(self, path: str) -> bool:
        return path in self.files or guarded(path)


@dataclass(frozen=True, slots=True)
class Answer:
    """The new text of each file that changes, the blocks that say so, and what was tolerated."""

    texts: Mapping[str, str] = field(default_factory=dict)
    blocks: tuple[CodeBlock, ...] = ()
    notes: tuple[str, ...] = ()


class Refused(Exception):
    """An answer of which nothing is taken: what the model is told, and for which block."""

    def __init__(self, told: str, block: CodeBlock) -> None:
        super().__init__(told)
        self.told, self.block = told, block


Read = Callable[[str], str]
"""A file's text by its path, without byte order mark; "" for one that is not there."""


def read_answer(reply: str, scope: Scope, read: Read, before: Read) -> Answer:
    """The changes of a whole reply, all of them or none.

    ``read`` gives a file as it is now, ``before`` as the user has it: to that ``scope`` is held.
    Raises Refused.
    """
    found = [block for block in blocks(reply) if _is_change(block)]
    if not found:
        return Answer()
    if any(not fence.closed for fence in fences(reply)):
        raise Refused(prompt("change_unclosed"), found[-1])
    reading = _Reading(read, scope)
    for block in found:
        reading.take(block)
    changed = {path: text for path, text in reading.now.items() if text != read(path)}
    for path, text in changed.items():
        if told := _objection(path, text, before(path), scope):
            raise Refused(told, reading.by[path])
    if not changed:
        raise Refused(prompt("change_same"), found[-1])
    return Answer(changed, tuple(reading.by[path] for path in changed), tuple(reading.notes))


def _is_change(block: CodeBlock) -> bool:
    """Blocks that would run are asked for by name; what is only shown is talk, but for diffs."""
    return block.action != "show" or block.lang.lower() in ("diff", "patch", "udiff")


class _Reading:
    """The files while the blocks of one reply are taken, one after the other."""

    def __init__(self, read: Read, scope: Scope) -> None:
        self.read, self.scope = read, scope
        self.now: dict[str, str] = {}
        self.by: dict[str, CodeBlock] = {}
        self.notes: list[str] = []

    def take(self, block: CodeBlock) -> None:
        if block.action == "edit" or block.action == "show":
            self.edits(block)
        elif block.path:
            self.whole(block, self.place(block.path, block))
        else:
            raise Refused(prompt("change_unnamed", files=_names(self.scope.files)), block)

    def place(self, name: str, block: CodeBlock) -> str:
        """The file that a block means; one of ours may be named by its last part alone."""
        path = name.removeprefix("./")
        if path not in self.scope.files:
            ends = [known for known in self.scope.files if ("/" + known).endswith("/" + path)]
            path = ends[0] if len(ends) == 1 and not guarded(path) else path
        if not self.scope.allows(path):
            told = prompt("change_other", path=one_line(name), files=_names(self.scope.files))
            raise Refused(told, block)
        self.now.setdefault(path, self.read(path))
        return path

    def whole(self, block: CodeBlock, path: str) -> None:
        if not block.code.strip():
            raise Refused(prompt("change_empty", path=path), block)
        before = self.now[path]
        if line := left_out(before, block.code):
            raise Refused(prompt("change_left_out", path=path, line=line), block)
        self.now[path] = whole_text(before, block.code, changed_blocks)
        self.by[path] = block

    def edits(self, block: CodeBlock) -> None:
        try:
            edits = parse_edits(block.code)
        except EditError as error:
            raise Refused(edit_failed(error, block.path or "the file"), block) from error
        for edit in edits:
            name = block.path if block.path and len(edits) == 1 else edit.path or block.path
            if name is None and len(self.scope.files) == 1:
                name = self.scope.files[0]
            if name is None:
                raise Refused(prompt("change_unnamed", files=_names(self.scope.files)), block)
            self.edit(edit, self.place(name, block), block)

    def edit(self, edit: Edit, path: str, block: CodeBlock) -> None:
        if edit.delete:
            raise Refused(prompt("change_deleted", path=path), block)
        try:
            applied = apply_edit(self.now[path], edit)
        except EditError as error:
            raise Refused(edit_failed(error, path), block) from error
        if not applied.text.strip():
            raise Refused(prompt("change_empty", path=path), block)
        self.now[path] = applied.text
        self.by[path] = block
        self.notes += edit_notes(applied.notes, path)


def _objection(path: str, text: str, before: str, scope: Scope) -> str:
    """What the model hears where a file may not be changed so, "" where it may."""
    if scope.function and path == scope.files[0] and (why := kept_to(before, text, scope.function)):
        span = find_function(before, scope.function)
        return prompt(
            "change_outside",
            path=path,
            function=scope.function,
            first=span.first,
            last=span.last,
            why=why,
        )
    if path.endswith((".py", ".pyi")) and not fault(before) and (why := fault(text)):
        return prompt("change_syntax", path=path, why=why)
    return ""


def _names(files: Sequence[str]) -> str:
    return ", ".join(one_line(name) for name in files)
