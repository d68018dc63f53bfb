"""What a session is made of while it goes on, and how a message goes out."""

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.budget import Left, Spent, left, narrower
from assistant.events import (
    CodeBlock,
    Compacted,
    Event,
    Finished,
    Ran,
    Replied,
    Reserved,
    Reset,
    Rewound,
    Said,
    UsageError,
)
from assistant.feedback import fenced
from assistant.prompts import prompt
from assistant.protocols import window_of
from assistant.terminal import words
from assistant.terminal.approve import Approval, Approving
from assistant.terminal.console import Console, TerminalOptions
from assistant.terminal.gallery import Gallery
from assistant.terminal.render import Renderer
from assistant.terminal.sanitize import one_line
from assistant.transcript import history

if TYPE_CHECKING:
    from assistant.chat import Chat

LARGEST = 200_000
"""Bytes of a file that may go into a message."""
_MENTION = re.compile(r"(?<!\S)@([^\s@][^\s]*)")
_WARNINGS = (0.8, 0.5)


@dataclass
class Session:
    """The parts of a session, for the loop and the commands."""

    chat: "Chat"
    console: Console
    renderer: Renderer
    options: TerminalOptions
    approval: Approval
    attached: list[str] = field(default_factory=list)
    """Texts that go out with the next message."""
    last: Finished | None = None
    _warned: float = 0.0
    _troubled: bool = False
    _asked: bool = False
    """The model was asked something since the session was opened."""

    def __post_init__(self) -> None:
        self.gallery = Gallery(self)
        self.use(self.chat)

    def use(self, chat: "Chat") -> None:
        """Go on with this chat: show its events, ask before its blocks."""
        self.chat = chat
        for sink in (self.renderer, self.watch):
            if sink not in chat.sinks:
                chat.attend(sink)
        if not isinstance(chat.executor, Approving):
            chat.executor = Approving(chat.executor, self.approval)
        chat.terms = replace(chat.terms, clock=self.approval.clock)
        self.tell_status()
        self._recall()

    def _recall(self) -> None:
        """Of a conversation that goes on, the last turn, so that one knows where one was."""
        events = self.chat.events[: self.chat.opened]  # What follows has just been shown.
        asked = [at for at, event in enumerate(events) if _is_message(event)]
        if not asked:
            return
        self.renderer.say(f"the last of {words.count(len(asked), 'message')}:", "class:dim")
        recall = self.renderer.recalling()
        for event in events[asked[-1] :]:
            recall(event)
        recall.close()

    def send(self, text: str) -> None:
        """One turn, with the files that the message names put into it."""
        if self._told_of_trouble():
            return
        parts = [text, *self.attached, *self._mentioned(text)]
        message = "\n\n".join(parts)
        if len(parts) > 1:
            self.renderer.say(f"sent with it: {self.price(message)}", "class:dim")
        if not self._affordable(message):
            return
        self.attached.clear()
        self._warned = 0.0
        self.last = self.chat.say(message)

    def _told_of_trouble(self) -> bool:
        """Before a model is paid for code that cannot run: what is wrong, what to type; once."""
        trouble = self.options.sandbox_trouble()
        if trouble is None or self._troubled or not self.console.interactive:
            return False
        self._troubled = True
        self.renderer.say(f"not sent, since no code can run: {trouble.message}", "class:bad")
        for line in (trouble.remedy, "assistant doctor looks at all that is needed."):
            self.renderer.say(line)
        self.renderer.say("To send it all the same: Up, Enter.", "class:dim")
        return True

    def run(self, block: CodeBlock, *, tell: bool = False) -> None:
        """Run a block of the user's own; with ``tell``, the next message says what came of it."""
        with self.approval.own():
            result = self.chat.run(block)
        if tell:
            self.attached.append(
                prompt(
                    "user_ran",
                    command=block.code,
                    exit_code=result.exit_code,
                    output=fenced(result.output),
                )
            )
            self.renderer.say("the model sees this with your next message")

    def file_text(self, name: str) -> str:
        """A file of the user's as part of a message. Raises UsageError if it cannot be one."""
        path = Path(self.chat.folder or ".", Path(name).expanduser())
        try:
            if not path.is_file():
                raise UsageError(f"no such file: {name}")
            if (size := path.stat().st_size) > LARGEST:
                raise UsageError(
                    f"{name} is too large for a message: {size:,} bytes",
                    f"{LARGEST:,} bytes is the most; code in the sandbox can read all of it.",
                )
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise UsageError(f"{name} is no text, and the model can only be given text") from None
        except OSError as error:
            raise UsageError(f"{name} cannot be read: {error.strerror}") from error
        longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
        mark = "`" * (longest + 1)
        return prompt("attached_file", path=name, text=f"{mark}text\n{text}\n{mark}")

    def _mentioned(self, text: str) -> list[str]:
        """The files that a message names with ``@``; what is no file stays a word."""
        found = dict.fromkeys(match.rstrip(".,;:!?)") for match in _MENTION.findall(text))
        folder = Path(self.chat.folder or ".")
        return [self.file_text(name) for name in found if _is_file(folder / name)]

    def price(self, message: str) -> str:
        """What a message's own text takes, in tokens and money."""
        tokens = self.chat.model.count([Said(message)])
        cost = self.chat.model.cost(tokens, 0)
        return words.joined((words.count(tokens, "token"), words.money(cost)))

    def _affordable(self, message: str) -> bool:
        """Whether the first call is within what the user set, or the user says yes."""
        dearest = self.options.dearest
        if dearest is None:
            return True
        tokens = self.used_context() + self.chat.model.count([Said(message)])
        cost = self.chat.model.cost(tokens, self.chat.model.max_reply)
        if cost is None or cost <= dearest:
            return True
        most = words.money(cost)
        if not self.console.interactive:
            self.renderer.say(f"not sent: it could cost {most}", "class:warn")
            return False
        answer = self.console.ask(f"This message could cost up to {most}. Send it? [y/n]")
        return answer.lower() in ("y", "yes")

    # What remains.

    def watch(self, event: Event) -> None:
        """A sink: keeps the status line true, and warns at half and at four fifths of a cap."""
        if isinstance(event, Ran):
            self.gallery.hang(event.result.files)
        if not isinstance(event, Replied | Finished):
            return
        self._asked = True
        self.tell_status()
        if isinstance(event, Finished):
            return
        share, name = self.most_used()
        for level in _WARNINGS:
            if share >= level > self._warned:
                self._warned = level
                self.renderer.say(f"{share:.0%} of this message's {name} are used", "class:warn")
                return

    def most_used(self) -> tuple[float, str]:
        """The cap that is nearest to its end: the share that is used, and its name."""
        rests, caps = self.chat.left(), self.chat.terms.budget
        shares = [
            (1 - float(rest) / float(cap), name)
            for name, rest in rests._asdict().items()
            if (cap := getattr(caps, name)) is not None and name != "seconds"
        ]
        return max(shares, default=(0.0, ""))

    def _under_way(self) -> bool:
        """Whether a message is being followed; else the next one has all of its caps."""
        for event in reversed(self.chat.events[self.chat.opened :]):
            if isinstance(event, Finished) or _is_message(event):
                return not isinstance(event, Finished)
        return False

    def _next(self) -> Left:
        """What the next message has, of the session's caps too."""
        terms = self.chat.terms
        whole = left(terms.budget, Spent())
        return narrower(whole, left(terms.session, self.chat.spent())) if terms.session else whole

    def tell_status(self) -> None:
        under_way = self._under_way()
        now = self.chat.left() if under_way else self._next()
        capped = now.dollars < Decimal(10**6) and self.priced()
        dollars = words.money(now.dollars) if capped else ""
        rest = words.joined((dollars, f"{now.replies:g} replies", _short(now.tokens)))
        self.console.status(
            words.joined(
                (
                    one_line(self.chat.model.name, 40),
                    f"{'left' if under_way else 'next message'}: {rest}",
                    self._context(),
                )
            )
        )

    def priced(self) -> bool:
        """Whether what the model costs is known. Before the first call nobody has looked."""
        for event in reversed(self.chat.events):
            if isinstance(event, Reserved):
                return event.cost is not None
        return self.chat.terms.budget.dollars_required

    def _context(self) -> str:
        """How full the window is; of an unknown one, what is in it."""
        used = self.used_context()
        if not used:
            return ""
        # Sizes and prices take a while to load: not before the model is asked for the first time.
        window = window_of(self.chat.model) if self._asked else None
        return f"context {_short(used)}" + (f" of {_short(window)}" if window else "")

    def used_context(self) -> int:
        """Tokens of the conversation so far, by the last reply's count."""
        for event in reversed(self.chat.events):
            if isinstance(event, Compacted | Rewound | Reset):
                return 0 if not self._asked else self.chat.model.count(history(self.chat.events))
            if isinstance(event, Replied) and event.usage.total:
                return event.usage.total
        return 0


def _is_message(event: Event) -> bool:
    return isinstance(event, Said) and event.role == "user"


def _short(tokens: float) -> str:
    return f"{tokens / 1000:.0f}k tokens" if tokens >= 10_000 else f"{tokens:g} tokens"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def number(argument: str, example: str) -> int:
    """How many blocks a command is about: one where nothing is said."""
    if not argument:
        return 1
    if not argument.isdecimal() or int(argument) < 1:
        raise UsageError(f"{argument} is no number of blocks", example)
    return int(argument)
