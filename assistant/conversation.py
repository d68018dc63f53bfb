"""A conversation on its way: its events so far, the parts that answer and run, who listens."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from assistant.asking import Run
from assistant.budget import Left, Spent, left, narrower, spent
from assistant.events import (
    Checked,
    Chunk,
    CodeBlock,
    Event,
    ExecResult,
    Finished,
    Output,
    Ran,
    Retrying,
    Running,
    Said,
    UsageError,
)
from assistant.following import followed
from assistant.loop import MakeTurn, Turn, converse, deliver, drive, said
from assistant.protocols import Executor, Model, Terms
from assistant.transcript import this_turn, under_way

Sink = Callable[[Event], None]


class Conversation:
    """What is said and run, event by event. Every event goes to the sinks, in order; the first
    should be the record.

    ``redacted`` is applied to each event before any sink or the model sees it.
    """

    def __init__(
        self, model: Model, executor: Executor, terms: Terms, past: Sequence[Event] = ()
    ) -> None:
        self.model, self.executor, self.terms = model, executor, terms
        self.events: list[Event] = list(past)
        self.opened = len(self.events)  # So many are from before.
        self.sinks: list[Sink] = []
        self.redacted: Callable[[Event], Event] = lambda event: event
        self.turn: MakeTurn = Turn
        """What makes a turn of this conversation."""

    def say(self, text: str) -> Finished:
        """One turn: the user's message, and all that follows, to its ending."""

        def turn() -> Run:
            return converse(self.events, self.model, self.executor, self.terms, self.turn)

        try:
            return drive(said(text, turn), self.pour)
        except KeyboardInterrupt as landed:  # Between two steps: what began has an ending.
            if under_way(self.events):
                self.pour(Finished("interrupted", str(landed)))
            raise

    def attend(self, sink: Sink) -> None:
        """Give the sink what has happened since the chat was opened, and all that follows."""
        for event in self.events[self.opened :]:
            sink(event)
        self.sinks.append(sink)

    def pour(self, event: Event) -> None:
        """Keep an event and hand it to every sink."""
        event = self.redacted(event)
        if not isinstance(event, Chunk | Output | Retrying):
            self.events.append(event)
        if interrupt := deliver(event, self.sinks):
            raise interrupt

    def run(self, block: CodeBlock) -> ExecResult:
        """Run a block of the user's own; the model does not hear of it."""
        result = ExecResult(130, "", reason="cancelled")
        try:  # What is written down as running is written down as ended.
            with suppress(KeyboardInterrupt):
                self.pour(Running(block))
                result = followed(self.executor.run(block, self.terms.block_seconds), self.pour)
        finally:
            self.pour(Ran(block, result))
        return result

    def run_check(self) -> Checked:
        """Run the acceptance check now, whatever the model says."""
        if self.terms.check is None:
            raise UsageError("there is no check to run", "Set one: /check COMMAND")
        checked = followed(self.terms.check.run(self.terms.check_seconds), self.pour)
        self.pour(checked)
        return checked

    def left(self) -> Left:
        """What remains for the message under way, and of the session where that is capped."""
        remaining = left(self.terms.budget, spent(this_turn(self.events)))
        if self.terms.session:
            remaining = narrower(remaining, left(self.terms.session, self.spent()))
        return remaining

    def spent(self) -> Spent:
        """What the whole conversation used."""
        return spent(self.events)

    def _tell(self, text: str) -> None:
        """The model hears it with the next message."""
        self.pour(Said(text, "result"))
