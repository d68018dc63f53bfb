"""Events as text on the screen: what each of them says, and in which style."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from assistant.events import (
    Asked,
    Checked,
    Checking,
    Chunk,
    CodeBlock,
    Compacted,
    Event,
    Finished,
    Notice,
    Output,
    Pictured,
    Ran,
    Replied,
    Reset,
    Restored,
    Retrying,
    Rewound,
    Running,
    Said,
    Started,
    Summarised,
)
from assistant.terminal import words
from assistant.terminal.endings import Turn, ending
from assistant.terminal.screen import Screen
from assistant.terminal.sections import Sections
from assistant.terminal.typed import typed


def output_of(event: Event) -> str:
    """What a program or a check printed, as far as it was kept; empty for all else."""
    if isinstance(event, Ran):
        return "" if _told(event) else event.result.output
    return event.output if isinstance(event, Checked) else ""


def _told(event: Ran) -> bool:
    """Whether the output says only what the line about the result says."""
    return event.block.action != "run" and event.result.ok


class Renderer(Sections):
    """A sink of events.

    ``echo`` shows the user's messages too (for replays); ``hints`` says what to type next;
    ``lines`` of an output are shown at a terminal (0: all), in a pipe (None) it is as it came.
    """

    def __init__(
        self,
        screen: Screen,
        *,
        redact: Callable[[str], str] = str,
        echo: bool = False,
        hints: bool = True,
        lines: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(screen, redact, lines)
        self._echo, self._hints, self._clock = echo, hints, clock
        self._noticed: set[str] = set()
        self._streamed = False  # The reply or output under way came in pieces.
        self._turn, self._began = Turn(), clock()
        self.asks: Callable[[CodeBlock], bool] = lambda block: False
        """Whether a question about the block follows, which says all that a head would say."""
        self._headless = False
        self.declined = False
        """Why the block under way does not run has been said."""

    def __call__(self, event: Event) -> None:
        self._turn.add(event)
        shower = _SHOWERS.get(type(event))
        if shower:
            shower(self, event)
        self.outputs += output_of(event) != ""

    def recall(self, events: Iterable[Event], outputs: int = 0) -> None:
        """Show what happened earlier, after so many outputs: with the user's messages, without
        advice."""
        self._begin("text")
        past = Renderer(
            self._screen, redact=self._redact, echo=True, hints=False, lines=self._lines
        )
        past.outputs, past.shown_by = outputs, self.shown_by
        for event in events:
            past(event)
        past.close()
        self._blank = False

    def user(self, text: str, *, typed_here: bool = False) -> None:
        """A message of the user's; it starts a turn. ``typed_here``: the terminal shows it."""
        self._turn, self._began = Turn(), self._clock()
        if typed_here:
            self._section = "user"
            return
        self._begin("user")
        self._show(typed(self._safe(text)))

    # One method per kind of event.

    def _started(self, event: Started) -> None:
        self.say(words.joined((event.model, event.folder, event.image)))

    def _said(self, event: Said) -> None:
        if self._echo and event.role == "user":
            self.user(event.text)

    def _pictured(self, event: Pictured) -> None:
        if self._echo:
            self.say(event.text)

    def _chunk(self, event: Chunk) -> None:
        self._streamed |= event.kind == "text"
        self._pour("reply" if event.kind == "text" else "reasoning", event.text)

    def _replied(self, event: Replied) -> None:
        if not self._streamed and event.text:
            self._pour("reply", event.text)
        self._streamed = False
        self.close()
        if reason := words.finish(event):
            self.say(reason, "class:warn")
        if used := words.usage(event.usage, event.seconds):
            self.say(used, "class:dim")

    def _retrying(self, event: Retrying) -> None:
        self.say(f"waiting {event.seconds:.0f} s: {event.why}", "class:warn")

    def _notice(self, event: Notice) -> None:
        self._noticed.update(event.text.split("\n"))
        self.say(event.text)

    def _running(self, event: Running) -> None:
        self._noticed.clear()
        self._streamed, self._parts = False, 0
        self.declined = False
        self._headless = self.asks(event.block)
        if not self._headless:
            self.say(words.doing(event.block))

    def _asked(self, event: Asked) -> None:
        self._headless = False

    def _output(self, event: Output) -> None:
        self._streamed = True
        self._pour("output", event.text)

    def _ran(self, event: Ran) -> None:
        result = event.result
        if self._headless:  # It came to no question after all.
            self.say(words.doing(event.block))
        if self.declined and result.reason == "declined":
            self._streamed = False
            return
        if not self._streamed and (output := output_of(event)):
            self._pour("output", output)
        self._ends(result.output, result.cut)
        self._streamed = False
        style = "class:good" if result.ok else "class:bad"
        self.say(words.done(event.block, result), style)
        if result.cut:
            self.say(f"{result.cut:,} bytes of output were left out")
        for note in result.notes:
            if not self._noticed.issuperset(note.split("\n")):
                self.say(note)
        self._noticed.clear()

    def _checking(self, event: Checking) -> None:
        self._streamed, self._parts = False, 0
        self.say(f"checking: {event.command}")

    def _checked(self, event: Checked) -> None:
        if not self._streamed and event.output and not event.passed:
            self._pour("output", event.output)
        self._ends(event.output)
        self._streamed = False
        self.say(words.verdict(event), "class:good" if event.passed else "class:bad")
        for note in event.notes:
            self.say(note)

    def _restored(self, event: Restored) -> None:
        self.say(words.joined((event.detail or "the workspace was restored", event.point)))

    def _summarised(self, event: Summarised) -> None:
        if event.finish not in ("stop", "length"):
            why = event.detail or event.finish
            self.say(f"old messages could not be summed up: {why}", "class:warn")
        elif used := words.usage(event.usage, event.seconds):
            self.say(f"summing up: {used}", "class:dim")

    def _compacted(self, event: Compacted) -> None:
        self.say(f"made shorter for the model: {event.detail}; the record keeps all of it")

    def _rewound(self, event: Rewound) -> None:
        self.say("the conversation goes on from where the files are; the record keeps the rest")

    def _reset(self, event: Reset) -> None:
        self.say("the conversation starts anew; the workspace and what was spent stay")

    def _finished(self, event: Finished) -> None:
        took = self._clock() - self._began
        event = Finished(event.status, self._redact(event.detail))
        self._note(ending(event, self._turn, took, self._hints))
        self._turn, self._began, self._streamed = Turn(), self._clock(), False


_SHOWERS: dict[type, Callable[[Renderer, Any], None]] = {
    Started: Renderer._started,
    Said: Renderer._said,
    Pictured: Renderer._pictured,
    Chunk: Renderer._chunk,
    Replied: Renderer._replied,
    Retrying: Renderer._retrying,
    Notice: Renderer._notice,
    Running: Renderer._running,
    Asked: Renderer._asked,
    Output: Renderer._output,
    Ran: Renderer._ran,
    Checking: Renderer._checking,
    Checked: Renderer._checked,
    Restored: Renderer._restored,
    Summarised: Renderer._summarised,
    Compacted: Renderer._compacted,
    Rewound: Renderer._rewound,
    Reset: Renderer._reset,
    Finished: Renderer._finished,
}
