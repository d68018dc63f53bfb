"""The fences of a text that arrives in pieces: each line is read once, when it is complete.

CommonMark decides what a fence is. Where it leaves a writer's evident meaning behind, the text is
read another way, on trial: a trial that comes to nothing is undone, and its lines are read again by
CommonMark alone, so that no line is read more than twice. Such other ways are:

* a Markdown document in a fence holds fences of its own, of the same length;
* a heredoc, a triple-quoted string or a search/replace section holds lines like fences;
* a fence is opened at the end of a line of text (``Run this: ```python``);
* code that runs is followed by the opening of another fence, its own end forgotten (no trial: such
  a line is no code).
"""

from dataclasses import dataclass
from typing import Any

from assistant.code.commonmark import FENCE, HTML, NONE, PARAGRAPH, Opener, Place, Structure, skip
from assistant.code.fence import Fence, OpenFence, opener_behind, read_marks
from assistant.code.info import parse_info
from assistant.code.literals import Literal
from assistant.languages import find

__all__ = ["Fence", "FenceScanner"]


@dataclass(slots=True)
class _Trial:
    """Where a reading that is not CommonMark's began, and the lines that were read in it."""

    structure: tuple[Any, ...]
    fence: OpenFence | None
    inside: tuple[Any, ...]
    count: int
    done: int
    lines: list[str]
    literal: bool = False
    """It stands or falls with the literal, not with the fence's end."""


class FenceScanner:
    """Give it text with ``feed`` and get the fences that it closed; ``close`` gives the rest.

    However the text is cut into pieces, the fences are the same. ``repair=False`` reads by
    CommonMark alone.
    """

    def __init__(self, *, repair: bool = True) -> None:
        self._structure = Structure()
        self._fence: OpenFence | None = None
        self._trial: _Trial | None = None
        self._may_try = repair
        self._repair = repair
        self._done: list[Fence] = []
        self._tail: list[str] = []  # an incomplete line
        self._after_cr = False
        self._count = 0
        self._blank = 0  # blank lines up to here; after two, another changes nothing

    @property
    def inside(self) -> Fence | None:
        """The fence that the last complete line is in, its code left out; None in prose."""
        fence = self._fence
        return fence.fence("", self._count, closed=False) if fence else None

    def feed(self, text: str) -> list[Fence]:
        """Go on by a piece of text of any length; the fences that it closed, in order."""
        if self._after_cr and text:
            self._after_cr = False
            if text[0] == "\n":
                text = text[1:]
        if "\r" in text:
            self._after_cr = text[-1] == "\r"
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if "\n" not in text:
            if text:
                self._tail.append(text)
            return []
        lines = text.split("\n")
        last = lines.pop()
        if self._tail:
            self._tail.append(lines[0])
            lines[0] = "".join(self._tail)
            self._tail.clear()
        if last:
            self._tail.append(last)
        self._read(lines)
        return self._take()

    def close(self) -> list[Fence]:
        """The text has ended: the fences that were not handed out yet."""
        if self._tail:
            self._read(["".join(self._tail)])
            self._tail = []
        if self._trial:
            self._reject(self._trial)
        if self._fence:
            self._finish(self._fence, self._count, closed=False)
        return self._take()

    def _take(self) -> list[Fence]:
        """What is certain. A fence that was closed during a trial waits for its verdict."""
        if not self._done:
            return []
        sure = self._trial.done if self._trial else len(self._done)
        taken = self._done[:sure]
        del self._done[:sure]
        if self._trial:
            self._trial.done = 0
        return taken

    def _read(self, lines: list[str]) -> None:
        structure = self._structure
        for line in lines:
            fence = self._fence
            if not line or not line.strip(" \t"):
                self._blank += 1
                if self._blank > 2:
                    self._again(fence, line)
                    continue
            else:
                self._blank = 0
                if structure.stack:
                    pass
                elif fence:
                    if not fence.indent and fence.run not in line:
                        self._plain(fence, line)
                        continue
                elif line[0].isalpha() and "```" not in line and structure.leaf <= PARAGRAPH:
                    self._count += 1
                    structure.leaf = PARAGRAPH
                    continue
            self._line(line)

    def _again(self, fence: OpenFence | None, line: str) -> None:
        """One more blank line after two: whatever it is in, it goes on. No quote is open then."""
        self._count += 1
        if self._trial:
            self._trial.lines.append(line)
        if fence:
            if line:
                line, pos = skip(line, 0, 0, sum(self._structure.stack) + fence.indent)
                line = line[pos:]
            fence.lines.append(line)

    def _plain(self, fence: OpenFence, line: str) -> None:
        """A line that can only be the open fence's own: no mark in it, no indent, no container."""
        self._count += 1
        if self._trial:
            self._trial.lines.append(line)
        fence.lines.append(line)
        if fence.literal:
            self._see(fence, fence.literal, line)

    def _line(self, line: str) -> None:
        """A line of any kind."""
        self._count += 1
        if self._trial:
            self._trial.lines.append(line)
        structure = self._structure
        place = structure.walk(line) if structure.stack else (line, 0, 0, 0)
        goes_on = place[3] == len(structure.stack)
        if self._fence and goes_on:
            self._in_fence(self._fence, place, line)
        elif self._fence and self._trial:
            self._reject(self._trial)
        elif structure.leaf == HTML and goes_on:
            structure.html(place)
        else:
            if self._fence:
                self._finish(self._fence, self._count - 1)
            self._in_prose(place, line)

    def _in_prose(self, place: Place, line: str) -> None:
        before = self._begin(line) if "```" in line and self._may_try else None
        opener = self._structure.open(place)
        if before and not opener and self._structure.leaf == PARAGRAPH:
            opener = opener_behind(line)
            if opener:
                self._trial = before
                self._structure.leaf = FENCE
        if opener:
            self._fence = OpenFence(opener, self._count)

    def _in_fence(self, fence: OpenFence, place: Place, whole: str) -> None:
        line, pos, column, _ = place
        marks = read_marks(fence.run, place) if fence.run in line else None
        if marks and self._at_marks(fence, marks, whole):
            return
        if fence.indent:
            line, pos = skip(line, pos, column, fence.indent)
        text = line[pos:] if pos else line
        fence.lines.append(text)
        if fence.literal:
            self._see(fence, fence.literal, text)

    def _see(self, fence: OpenFence, literal: Literal, text: str) -> None:
        literal.see(text)
        if self._trial and self._trial.literal and not literal.open:
            if fence.inner:  # a fence of the text around ended the literal by chance
                self._reject(self._trial)
            else:
                self._trial = None

    def _at_marks(self, fence: OpenFence, marks: Opener, whole: str) -> bool:
        """A line in the fence looks like the marks of one. False: it is the fence's own text."""
        in_literal = fence.literal is not None and fence.literal.open
        tag = parse_info(marks.info).lang if marks.info else ""
        if fence.inner:
            size, tagged = fence.inner
            if not marks.info and len(marks.run) >= size:
                fence.inner = None
            elif marks.info and not tagged and self._trial:
                self._reject(self._trial)
                return True
        elif (in_literal or (fence.nests and tag)) and self._try(whole, in_literal):
            if not (fence.literal and fence.literal.sure):
                fence.inner = len(marks.run), bool(marks.info)
        elif not marks.info:
            self._finish(fence, self._count)
            self._trial = None
            return True
        elif self._repair and fence.runs and not in_literal and find(tag):
            if self._trial:
                self._reject(self._trial)
            else:
                self._finish(fence, self._count - 1)
                self._fence = OpenFence(marks, self._count)
                self._structure.leaf = FENCE
            return True
        return False

    def _finish(self, fence: OpenFence, end: int, *, closed: bool = True) -> None:
        self._done.append(fence.fence("\n".join(fence.lines), end, closed=closed))
        self._fence = None
        self._structure.leaf = NONE

    # Trials.

    def _begin(self, line: str) -> _Trial:
        """The state before a line that has been counted and has changed nothing yet."""
        fence = self._fence
        inside = fence.save() if fence else ()
        done = len(self._done)
        return _Trial(self._structure.save(), fence, inside, self._count - 1, done, [line])

    def _try(self, line: str, literal: bool) -> bool:
        """Read the line another way, in the trial that is on or in a new one."""
        if not self._trial and self._may_try:
            self._trial = self._begin(line)
            self._trial.literal = literal
        return self._trial is not None

    def _reject(self, trial: _Trial) -> None:
        """Go back to where the trial began and read its lines by CommonMark alone."""
        self._trial = None
        self._structure.restore(trial.structure)
        self._fence = trial.fence
        if trial.fence:
            trial.fence.restore(trial.inside)
        self._count = trial.count
        del self._done[trial.done :]
        self._blank = 0
        self._may_try = False
        self._read(trial.lines)
        self._may_try = True
