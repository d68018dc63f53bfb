"""Asking before code runs: an executor around an executor, and the rules of when to ask."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from assistant.events import Asked, CodeBlock, ExecResult, Notice, Output
from assistant.prompts import prompt
from assistant.terminal.console import Ask, Console, TerminalOptions
from assistant.terminal.highlight import Highlighter
from assistant.terminal.render import Renderer
from assistant.terminal.sanitize import one_line, visible
from assistant.terminal.words import code_lines, count

if TYPE_CHECKING:
    from assistant.protocols import Executor

Run = Generator[Output | Notice | Asked, None, ExecResult]
_SHELLS = ("bash", "sh")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user said to a block; ``sentence`` is for the model, where it is a no."""

    yes: bool
    sentence: str = ""


class Approving:
    """An executor that asks before each block; a block that is declined comes back as a result.

    Everything else that the inner executor can do is still there.
    """

    def __init__(
        self,
        executor: "Executor",
        ask: Callable[[CodeBlock], Answer],
        asks: Callable[[CodeBlock], bool] = lambda block: False,
    ) -> None:
        self._executor, self._ask, self._asks = executor, ask, asks

    def look(self) -> Sequence[str]:
        return self._executor.look()

    def run(self, block: CodeBlock, seconds: float) -> Run:
        """Ask, then run; the time that the answer takes is not the block's."""
        if asks := self._asks(block):
            yield Asked()
        try:
            answer = self._ask(block)
        except KeyboardInterrupt:
            return ExecResult(130, "", reason="cancelled")
        if asks:
            yield Asked("yes" if answer.yes else "no")
        if not answer.yes:
            notes = (answer.sentence,) if answer.sentence else ()
            return ExecResult(126, "", reason="declined", notes=notes)
        return (yield from self._executor.run(block, seconds))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._executor, name)


_MARKS = (";", "&", "|", "<", ">", "`", "$(", "\\")
"""What joins commands to each other or to files, or a line to the next one."""


class Approval:
    """When to ask, and the asking. ``mode`` may change while the session goes on.

    ``allow`` and ``deny`` are fnmatch patterns of lines: a block with a line that is denied never
    runs; a shell block whose every line is allowed runs unasked. A pattern allows no line that
    joins a command to another one, or to a file, unless the pattern does so itself or is ``*``.
    """

    def __init__(self, console: Console, renderer: Renderer, options: TerminalOptions) -> None:
        self.mode: Ask = options.ask
        self._console, self._renderer = console, renderer
        self._allow, self._deny = options.allow, options.deny
        self._kinds: set[tuple[str, str]] = set()
        self._own = False
        self._waited = 0.0
        renderer.asks = self.asks

    def clock(self) -> float:
        """A clock that stands still while the user is asked: thinking is not working time."""
        return time.monotonic() - self._waited

    def _answer(self, question: str) -> str:
        before = time.monotonic()
        try:
            return self._console.ask(question)
        finally:
            self._waited += time.monotonic() - before

    @contextmanager
    def own(self) -> Iterator[None]:
        """Blocks inside are the user's own: typed by hand, so neither asked about nor denied."""
        self._own = True
        try:
            yield
        finally:
            self._own = False

    def __call__(self, block: CodeBlock) -> Answer:
        """Whether a block may run."""
        if self._own:
            return Answer(True)
        if pattern := self._denied(block):
            self._declined(f"a rule forbids it: {pattern}")
            return Answer(False, prompt("declined_by_rule", pattern=pattern))
        if self._settled(block):
            return Answer(True)
        return self._asked(block, (block.action, block.lang))

    def asks(self, block: CodeBlock) -> bool:
        """Whether someone is asked about the block, and shown all of it."""
        known = self._own or self._denied(block) or self._settled(block)
        return self._console.interactive and not known

    def _denied(self, block: CodeBlock) -> str:
        """The first pattern that forbids a line of the block."""
        lines = _lines(block)
        found = (p for p in self._deny if any(fnmatchcase(line, p) for line in lines))
        return next(found, "")

    def _settled(self, block: CodeBlock) -> bool:
        """Whether the block needs no question."""
        if self.mode != "all" or (block.action, block.lang) in self._kinds:
            return True
        lines = _lines(block)
        shell = block.lang in _SHELLS and block.action == "run"
        return shell and bool(lines) and self._allowed(lines)

    def confirm(self, question: str) -> bool:
        """Before the user's own folder is written to; always yes where nothing is asked."""
        if self.mode == "never":
            return True
        if not self._console.interactive:
            self._renderer.say("not done: nobody is there to ask (--ask never does it unasked)")
            return False
        return self._answer(f"{question} [y/n]").lower() in ("y", "yes")

    def _allowed(self, lines: Sequence[str]) -> bool:
        return all(any(_fits(line, pattern) for pattern in self._allow) for line in lines)

    def _asked(self, block: CodeBlock, kind: tuple[str, str]) -> Answer:
        if not self._console.interactive:
            self._declined("nobody is there to ask (--ask never runs it unasked)")
            return Answer(False)
        self._show(block)
        name = f"{block.action} {one_line(block.lang, 30)}".strip()
        question = f"{block.action} it? y: yes, a: yes to every “{name}”, n: no, or say why not"
        said = self._answer(question)
        while len(said) == 1 and said.lower() not in "yan":  # One key is no reason: it was missed.
            said = self._answer(question)
        word, _, rest = said.partition(" ")
        if said.lower() in ("a", "always", "all"):
            self._kinds.add(kind)
            return Answer(True)
        if said.lower() in ("y", "yes"):
            return Answer(True)
        return Answer(False, rest.strip() if word.lower().rstrip(",.") in ("n", "no") else said)

    def _declined(self, why: str) -> None:
        self._renderer.declined = True
        self._renderer.say(f"not run: {why}", "class:warn")

    def _show(self, block: CodeBlock) -> None:
        """Exactly what will run, with every hidden character visible."""
        colours = Highlighter(block.lang)
        lines = code_lines(block.code)
        name = f" ({one_line(block.path)})" if block.path else ""
        what = f"{one_line(block.lang, 30)}, {count(len(lines), 'line')}".removeprefix(", ")
        self._renderer.say(f"to {block.action}: {what}{name}", "class:warn")
        self._renderer.text(
            [("class:bar", "┃ "), *colours.line(visible(line, strict=True))] for line in lines
        )


def _fits(line: str, pattern: str) -> bool:
    """Whether a pattern means a line: its ``*`` stands for words, not for a second command."""
    strange = any(mark in line and mark not in pattern for mark in _MARKS)
    return pattern == "*" or (not strange and fnmatchcase(line, pattern))


def _lines(block: CodeBlock) -> list[str]:
    return [line.strip() for line in block.code.splitlines() if line.strip()]
