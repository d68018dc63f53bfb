"""The words of edits: what a change to a file is, what came of it, why it could not be made."""

from dataclasses import dataclass
from typing import Literal

from assistant.events import AssistantError

EditFault = Literal["malformed", "not-found", "ambiguous", "exists", "no-place", "leftover"]


@dataclass(frozen=True, slots=True)
class Hunk:
    """One place of a file and what becomes of it.

    ``lines`` are (mark, text) pairs: " " is found and stays, "-" is found and goes, "+" is new.
    ``line`` is where it begins in the edit. ``at`` is the line of the file that a diff names, from
    1 (for a hunk that finds nothing: the line that it comes after); a hint, None where there is
    none. ``old_bare`` and ``new_bare`` say that the file's last line has no line end.
    """

    lines: tuple[tuple[str, str], ...]
    line: int
    at: int | None = None
    old_bare: bool = False
    new_bare: bool = False

    @property
    def old(self) -> list[str]:
        return [text for mark, text in self.lines if mark != "+"]


@dataclass(frozen=True, slots=True)
class Edit:
    """The change to one file. ``path`` is the name in the edit itself, None where it has none."""

    path: str | None
    hunks: tuple[Hunk, ...]
    create: bool = False
    delete: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A hunk that was applied in a way that the user and the model should know.

    "spaces": it matched lines ``first`` to ``last`` of the file in all but their white space.
    "number": with nothing to find, it was put behind line ``first`` by its line number alone.
    """

    kind: Literal["spaces", "number"]
    line: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Applied:
    """The file's new text, "" for one that is deleted."""

    text: str
    notes: tuple[Note, ...] = ()


class EditError(AssistantError):
    """An edit that cannot be read or does not fit the file; nothing of it was applied.

    ``line`` counts in the edit, from 1. ``nearest`` are (number, text) of the file's lines that are
    most like those that were looked for; ``places`` the lines where an ambiguous text begins.
    """

    def __init__(
        self,
        fault: EditFault,
        reason: str,
        line: int,
        *,
        nearest: tuple[tuple[int, str], ...] = (),
        places: tuple[int, ...] = (),
    ) -> None:
        super().__init__(f"line {line} of the edit: {reason}")
        self.fault: EditFault = fault
        self.reason = reason
        self.line = line
        self.nearest = nearest
        self.places = places
