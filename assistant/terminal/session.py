"""What a session is made of while it goes on, and how a message goes out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from assistant.events import (
    CodeBlock,
    Compacted,
    Event,
    Finished,
    Ran,
    Replied,
    Reset,
    Rewound,
    UsageError,
)
from assistant.feedback import fenced
from assistant.prompts import prompt
from assistant.terminal import words
from assistant.terminal.approve import Approval, Approving
from assistant.terminal.attaching import mentioned
from assistant.terminal.console import Console, TerminalOptions
from assistant.terminal.gallery import Gallery
from assistant.terminal.render import Renderer, output_of
from assistant.terminal.standing import Standing
from assistant.transcript import by_user

if TYPE_CHECKING:
    from assistant.chat import Chat

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
    applied: bool = False
    """The folder was written to in this sitting."""
    last: Finished | None = None
    _warned: float = 0.0
    _troubled: bool = False

    def __post_init__(self) -> None:
        self.gallery, self.standing = Gallery(self), Standing(self)
        self.use(self.chat)

    def use(self, chat: "Chat") -> None:
        """Go on with this chat: show its events, ask before its blocks."""
        self.chat = chat
        for sink in (self.renderer, self.watch):
            if sink not in chat.sinks:
                chat.attend(sink)
        if not isinstance(chat.executor, Approving):
            chat.executor = Approving(chat.executor, self.approval, self.approval.asks)
        chat.terms = replace(chat.terms, clock=self.approval.clock)
        self.tell_status()
        self._recall()

    def _recall(self) -> None:
        """Of a conversation that goes on, the last turn, so that one knows where one was."""
        events = self.chat.events[: self.chat.opened]  # What follows has just been shown.
        self.renderer.outputs = _outputs(self.chat.events)
        asked = [at for at, event in enumerate(events) if by_user(event)]
        if not asked:
            return
        self.renderer.say(f"the last of {words.count(len(asked), 'message')}:", "class:dim")
        self.renderer.recall(events[asked[-1] :], _outputs(events[: asked[-1]]))

    def send(self, text: str) -> None:
        """One turn, with the files that the message names put into it."""
        if self._told_of_trouble():
            return
        files, hints = mentioned(self.chat, text)
        parts = [text, *self.attached, *files]
        message = "\n\n".join(parts)
        if len(parts) > 1:
            price = self.standing.price("\n\n".join(parts[1:]))
            self.renderer.say(f"sent with it: {price}", "class:dim")
        for hint in hints:
            self.renderer.say(hint, "class:warn")
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

    def _affordable(self, message: str) -> bool:
        """Whether the first call is within what the user set, or the user says yes."""
        dearest = self.options.dearest
        if dearest is None:
            return True
        cost = self.standing.dearest(message)
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
        if isinstance(event, Compacted | Reset | Rewound):
            self.tell_status()
        if not isinstance(event, Replied | Finished):
            return
        self.standing.asked = True
        self.tell_status()
        if isinstance(event, Finished):
            return
        share, name = self.standing.most_used()
        for level in _WARNINGS:
            if share >= level > self._warned:
                self._warned = level
                self.renderer.say(f"{share:.0%} of this message's {name} are used", "class:warn")
                return

    def tell_status(self) -> None:
        self.console.status(self.standing.line())


def _outputs(events: Sequence[Event]) -> int:
    return sum(output_of(event) != "" for event in events)


def number(argument: str, example: str, of: str = "blocks") -> int:
    """How many blocks a command is about: one where nothing is said."""
    if not argument:
        return 1
    if not argument.isdecimal() or int(argument) < 1:
        raise UsageError(f"{argument} is no number of {of}", example)
    return int(argument)
