"""The calls of a cascade of models: as they go into a record, and answered by one again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Unpack

from assistant.code.fences import content_str
from assistant.events import (
    Event,
    ModelError,
    Notice,
    Replied,
    Reserved,
    Retrying,
    Said,
    Started,
    Usage,
    UsageError,
)
from assistant.functions.paying import Completing
from assistant.model.difference import difference
from assistant.model.options import Completion, Params

Pour = Callable[[Event], None]
Messages = Sequence[Any]


def _text(messages: Messages) -> str:
    return "\n\n".join(content_str(message.get("content")) for message in messages)


class Kept:
    """A model each of whose calls is poured: what it is asked, what that may cost, each answer."""

    def __init__(self, model: Completing, pour: Pour) -> None:
        self._model, self._pour = model, pour
        self.name, self.max_reply = model.name, model.max_reply

    def count(self, history: Sequence[Said | Replied], /) -> int:
        return self._model.count(history)

    def cost(self, prompt: int, completion: int, /) -> Decimal | None:
        return self._model.cost(prompt, completion)

    def complete(
        self, messages: Messages, n: int = 1, *, on_event: Pour, **params: Unpack[Params]
    ) -> Completion:
        """As the model does; its first answer in the record has the tokens of all."""
        text = _text(messages)
        prompt = self.count([Said(text)]) * n
        most = (params.get("max_tokens") or self.max_reply) * n
        self._pour(Said(text, "result"))
        self._pour(Reserved(prompt, most, self.cost(prompt, most)))
        began = time.monotonic()

        def hear(event: Event) -> None:
            if isinstance(event, Retrying | Notice):
                self._pour(event)
            on_event(event)

        try:
            done = self._model.complete(messages, n, on_event=hear, **params)
        except ModelError as error:
            self._pour(Replied("", finish="failed", detail=error.message))
            raise
        usage, seconds = done.usage, time.monotonic() - began
        details = done.details or ("",) * len(done.texts)
        for answer, finish, detail in zip(done.texts, done.finishes, details, strict=True):
            self._pour(Replied(answer, usage, finish, detail=detail, seconds=seconds))
            usage, seconds = Usage(cost=Decimal(0)), 0.0
        return done


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a record: what was asked, and what came of it."""

    said: Said
    reserved: Reserved
    replies: tuple[Replied, ...] = ()

    @property
    def each(self) -> tuple[int, int]:
        """Tokens of the prompt, and of the largest reply, for each of the answers."""
        answers = len(self.replies) or 1
        return self.reserved.prompt // answers, self.reserved.completion // answers


def calls(events: Sequence[Event]) -> list[Call]:
    """The calls of an implement task's record, in order."""
    found: list[Call] = []
    said = Said("")
    for event in events:
        if isinstance(event, Said):
            said = event
        elif isinstance(event, Reserved):
            found.append(Call(said, event))
        elif isinstance(event, Replied) and found:
            found[-1] = replace(found[-1], replies=(*found[-1].replies, event))
    return found


class Recording:
    """Answers as an implement task's record was answered, as long as it is asked what was asked
    then. Tokens and prices are the recorded ones; nothing is waited for.

    What does not fit is a UsageError, so that no other model of the cascade is asked instead.
    """

    def __init__(self, events: Sequence[Event], masked: Callable[[str], str]) -> None:
        """Raises UsageError where ``events`` are of another task, or hold no answers."""
        started = next((event for event in events if isinstance(event, Started)), None)
        if started is None or started.task != "implement":
            raise UsageError("this is not the record of an implement task")
        self._calls, self._masked, self._next = calls(events), masked, 0
        if not any(call.replies for call in self._calls):
            raise UsageError(
                "the record holds no answer: none came, or it was made by an earlier version"
            )
        self.name = started.model
        self.max_reply = max(call.each[1] for call in self._calls)

    @property
    def _call(self) -> Call | None:
        return self._calls[self._next] if self._next < len(self._calls) else None

    def count(self, history: Sequence[Said | Replied], /) -> int:
        """Prompt tokens as they were reserved for the recorded call."""
        return self._call.each[0] if self._call else 0

    def cost(self, prompt: int, completion: int, /) -> Decimal | None:
        """Dollars as they were reserved, in proportion where the tokens differ."""
        reserved = self._call.reserved if self._call else None
        if reserved is None or reserved.cost is None:
            return None
        return reserved.cost * (prompt + completion) / (reserved.prompt + reserved.completion)

    def complete(
        self, messages: Messages, n: int = 1, *, on_event: Pour, **params: Unpack[Params]
    ) -> Completion:
        """The next recorded answers.

        Raises:
            UsageError: there is none, or it answers another request (with a diff).
            ModelError: the recorded call failed so.
        """
        call = self._call
        if call is None or not call.replies:
            held = f"it holds {self._next} answered calls, one more is asked for"
            raise UsageError(f"the record is used up: {held}")
        if where := difference([call.said], [Said(_text(messages), "result")], self._masked):
            raise UsageError(
                f"request {self._next + 1} differs from the recorded one {where}",
                "- is the recorded request, + is this one. Undo what changed, or record anew.",
            )
        self._next += 1
        if call.replies[0].finish == "failed":
            raise ModelError(call.replies[0].detail, "", "replay")
        first, replies = call.replies[0], call.replies
        return Completion(
            tuple(reply.text for reply in replies),
            first.usage,
            tuple(reply.finish for reply in replies),
            tuple(reply.detail for reply in replies),
        )
