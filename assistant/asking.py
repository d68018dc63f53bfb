"""Asking the model within the budget and its window: one whole reply, or an ending that is true."""

from collections.abc import Generator, Sequence
from typing import TypeVar

from assistant.budget import LEAST_REPLY, Left, left, narrower, price_missing, reserve, spent
from assistant.compaction import Situation, compaction, room
from assistant.events import (
    Compacted,
    Event,
    ModelError,
    Notice,
    Replied,
    Reserved,
    Retrying,
    Said,
    Status,
    Summarised,
)
from assistant.files_in_use import Read, nothing
from assistant.prompts import prompt
from assistant.protocols import Model, Terms, window_of
from assistant.transcript import history, this_turn

BROKEN_REPLIES = 3
"""So many replies in a row that break off end the run."""
MORE_TRIES = 2
"""So often a call whose prompt was too long is made again with less in it."""

Run = Generator[Event, None, None]
Kept = TypeVar("Kept", bound=Event)


class Ended(Exception):
    """Raised inside a turn where it ends."""

    def __init__(self, status: Status, detail: str = "") -> None:
        self.status: Status = status
        self.detail = detail


class Asking:
    """The state of one turn: all events so far, and when it began."""

    def __init__(self, past: Sequence[Event], model: Model, terms: Terms) -> None:
        self.events = list(past)
        self.model, self.terms = model, terms
        self.read: Read = nothing
        self.began = terms.clock() - spent(this_turn(self.events)).seconds

    def keep(self, event: Kept) -> Kept:
        self.events.append(event)
        return event

    def left(self) -> Left:
        """What remains for this message, and of the session where that is capped."""
        elapsed = self.terms.clock() - self.began
        remaining = left(self.terms.budget, spent(this_turn(self.events)))
        if self.terms.budget.seconds is not None:
            remaining = remaining._replace(seconds=self.terms.budget.seconds - elapsed)
        if self.terms.session:
            remaining = narrower(remaining, left(self.terms.session, spent(self.events)))
        return remaining

    def ask(self) -> Generator[Event, None, Replied]:
        """One whole reply; those that break off are kept, never run, and asked for again."""
        broken = too_long = 0
        while broken < BROKEN_REPLIES:
            yield from self.fit()
            call = yield from self.reserved()
            try:
                reply = yield from self.model.reply(
                    history(self.events), max_tokens=call.completion, seconds=self.left().seconds
                )
            except ModelError as error:  # The call was refused: it used nothing.
                yield self.keep(Replied("", finish="failed", detail=error.message))
                too_long += error.kind == "context"
                if error.kind != "context" or too_long > MORE_TRIES:
                    raise
                yield from self.shorten(call.prompt * 3 // 5, error)
                continue
            yield self.keep(reply)
            if reply.finish == "interrupted":
                yield self.keep(Said(prompt("interrupted", what="your reply"), "result"))
                raise Ended("interrupted", reply.detail)
            if reply.finish in ("refused", "filtered"):
                raise Ended("refused", reply.detail or reply.text)
            if reply.finish != "broken":
                return reply
            broken += 1
        raise Ended("model-error", f"{BROKEN_REPLIES} replies in a row broke off: {reply.detail}")

    def fit(self) -> Run:
        """Shorten the history where it would leave no room for a reply in the model's window."""
        recorded = getattr(self.model, "shortened", None)
        if recorded:  # A model that answers from a record knows where it was shortened then.
            for event in recorded(self.events):
                yield self.keep(event)
            return
        most = room(self.model)
        if most is not None and self.model.count(history(self.events)) > most:
            yield from self.shorten(most)

    def shorten(self, most: int, refusal: ModelError | None = None) -> Run:
        """Bring the history down to ``most`` tokens; after a refusal, below what it was."""
        if getattr(self.model, "shortened", None):
            return
        check = self.terms.check.command if self.terms.check else ""
        shorter = False
        now = Situation(self.model, self.left, check, self.read)
        for event in compaction(self.events, now, most):
            if isinstance(event, Notice | Retrying):
                yield event
                continue
            yield self.keep(event)
            if isinstance(event, Summarised) and event.finish == "interrupted":
                raise Ended("interrupted", event.detail)
            shorter = isinstance(event, Compacted)
        if refusal and not shorter:
            raise refusal

    def reserved(self) -> Generator[Event, None, Reserved]:
        """The next call's reservation, written down before the call is made."""
        used = self.model.count(history(self.events))
        if self.terms.budget.dollars_required and self.model.cost(used, 1) is None:
            raise price_missing(self.model.name)
        window = window_of(self.model)
        largest = self.model.max_reply
        if window is not None:
            largest = max(min(largest, window - used), min(LEAST_REPLY, largest))
        call = reserve(self.left(), used, largest, self.model.cost)
        yield self.keep(call)
        return call
