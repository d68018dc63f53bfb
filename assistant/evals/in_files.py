"""Tests that run in the answer's own process, in files beside it: other languages, exercises.

What decides is the last line of such a program, so an answer could forge it: sets with tests of
this kind are marked ``in-process`` wherever their figures are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assistant.verdicts.task import TaskLimits

MARK = "$mark"
"""In a file: where the line stands that only a program that came to its end prints."""


@dataclass(frozen=True, slots=True)
class Files:
    """Files of a task, one of which holds the answer, and the command that runs its tests."""

    answer: str
    """The path of the answer's file."""
    files: Mapping[str, str]
    command: str
    before: str = ""
    """What stands before the answer in its file, and after it."""
    after: str = ""
    seconds: float = 10.0
    """How long its tests may take, unless the user says otherwise."""
    beginning: Mapping[str, str] = field(default_factory=dict)
    """What there is before the answer, for one that edits its file; empty: it is written anew."""
    needs: str = ""
    """The program that the command starts, which the sandbox must have."""
    toolchain: str = ""
    """What else there must be, as ``toolchains`` names it."""

    def written(self, code: str, mark: str) -> dict[str, str]:
        """All files, with the answer and with the line that tells the end.

        In the answer itself nothing is replaced: it could ask for that line.
        """
        around = {path: text.replace(MARK, mark) for path, text in self.files.items()}
        before, after = (text.replace(MARK, mark) for text in (self.before, self.after))
        return {**around, self.answer: before + code + after}


@dataclass(frozen=True, slots=True)
class InFiles:
    """What is judged: the files of a task, and its limits."""

    files: Files
    limits: TaskLimits
