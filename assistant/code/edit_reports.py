"""What the model hears about an edit: why it failed and what helps, or what was tolerated."""

from collections.abc import Iterable

from assistant.code.changes import EditError, Note
from assistant.prompts import prompt


def edit_failed(error: EditError, path: str) -> str:
    """The message about an edit that was not applied to ``path``."""
    return prompt("edit_failed", path=path, reason=error.message, advice=_advice(error))


def edit_notes(notes: Iterable[Note], path: str) -> tuple[str, ...]:
    """A sentence for each thing that was tolerated when an edit was applied to ``path``."""
    return tuple(
        prompt("edit_spaces", path=path, line=note.line, first=note.first, last=note.last)
        if note.kind == "spaces"
        else prompt("edit_number", path=path, line=note.line, first=note.first)
        for note in notes
    )


def _advice(error: EditError) -> str:
    if error.fault == "not-found":
        if not error.nearest:
            return prompt("edit_nothing_like_it")
        width = len(str(error.nearest[-1][0]))
        lines = "\n".join(f"{number:>{width}}| {text}" for number, text in error.nearest)
        return prompt("edit_not_found", lines=lines)
    if error.fault == "ambiguous":
        return prompt("edit_ambiguous", places=", ".join(map(str, error.places)))
    return prompt(f"edit_{error.fault.replace('-', '_')}")
