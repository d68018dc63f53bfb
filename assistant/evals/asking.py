"""One sample's calls of its model: within the budget, written down, traced, gentle on limits."""

import hashlib
import json
import random
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from assistant.budget import Exhausted, price_missing
from assistant.evals.runs import Attempt, Call, Key
from assistant.evals.trace import Trace
from assistant.events import Chunk, ModelError, Notice, Replied, Reserved, Retrying, Said
from assistant.following import followed
from assistant.protocols import Model
from assistant.purse import Purse, Stopped

Messages = Sequence[Said | Replied]
CALL_SECONDS = 900.0
"""The longest that one call may take, waits included."""


class Gate:
    """A server that asked one call to wait has asked all of them."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._until = 0.0
        self._changed = threading.Condition()

    def shut(self, seconds: float) -> None:
        with self._changed:
            self._until = max(self._until, self._clock() + seconds)

    def wait(self, purse: Purse) -> None:
        """Until it is open. Raises Stopped where the run is being ended."""
        self._wait(lambda: self._until, purse)

    def pause(self, seconds: float, purse: Purse) -> None:
        """One caller waits by itself, up to a quarter longer."""
        until = self._clock() + seconds * (1 + random.random() / 4)
        self._wait(lambda: until, purse)

    def _wait(self, until: Callable[[], float], purse: Purse) -> None:
        with self._changed:
            while (left := until() - self._clock()) > 0:
                if purse.stopped:
                    raise Stopped
                self._changed.wait(min(left, 0.2))


def digest(messages: Messages) -> str:
    """The SHA-256 of what a model is asked."""
    said = [[getattr(one, "role", "assistant"), one.text] for one in messages]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@dataclass
class SampleModel:
    """A model around a model, for one sample: what the loop and the strategies call.

    Each call is reserved in the purse and told to ``note`` before it is made. ``attempts`` holds
    every reply; a strategy adds the code.
    """

    key: Key
    model: Model
    purse: Purse
    gate: Gate
    trace: Trace
    note: Callable[[Call], None]
    attempts: list[Attempt] = field(default_factory=list)
    error: ModelError | None = None
    """The last that the model has raised."""

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def max_reply(self) -> int:
        return self.model.max_reply

    def count(self, messages: Messages, /) -> int:
        return self.model.count(messages)

    def cost(self, prompt: int, completion: int, /) -> Decimal | None:
        return self.model.cost(prompt, completion)

    def reply(
        self,
        messages: Messages,
        /,
        *,
        max_tokens: int,
        seconds: float,
        schema: Any = None,
    ) -> Generator[Chunk | Retrying | Notice, None, Replied]:
        """One reply, kept as an attempt.

        Raises:
            ModelError: as the model does; and where a dollar cap meets a price that is unknown.
            Exhausted, Stopped: see ``Purse.reserve``; and where a reply was cut since the budget
                had no room for a longer one, which says nothing about the model.
        """
        self.gate.wait(self.purse)
        call = self._reserved(messages, max_tokens)
        replied = yield from self._traced(messages, call, seconds, schema)
        if replied.finish == "length" and call.completion < min(max_tokens, self.max_reply):
            raise Exhausted(f"what was left had no room for a reply of {call.completion:,} tokens")
        self.attempts.append(
            Attempt(
                replied.text,
                replied.finish,
                digest(messages),
                replied.usage,
                replied.seconds,
                detail=replied.detail,
            )
        )
        return replied

    def ask(self, messages: Messages, schema: Any = None) -> Replied:
        """The same without its pieces."""
        return followed(
            self.reply(messages, max_tokens=self.max_reply, seconds=CALL_SECONDS, schema=schema)
        )

    def _reserved(self, messages: Messages, max_tokens: int) -> Reserved:
        prompt = self.model.count(messages)
        if self.purse.budget.dollars_required and self.model.cost(prompt, 1) is None:
            raise price_missing(self.name)
        call = self.purse.reserve(self.model, prompt, min(max_tokens, self.max_reply))
        self.note(Call(*self.key, call.prompt, call.completion, call.cost))
        return call

    def _traced(
        self, messages: Messages, call: Reserved, seconds: float, schema: Any
    ) -> Generator[Chunk | Retrying | Notice, None, Replied]:
        """The reply within a span of the trace; what it took is settled with the purse."""
        replied: Replied | None = None
        asked = {"messages": _shown(messages), "max_tokens": str(call.completion)}
        with self.trace.span("model", self.key, asked) as span:
            try:
                replied = yield from self._followed(messages, call, seconds, schema)
            except ModelError as error:
                self.error = error
                replied = Replied("", finish="failed", detail=error.message)
                raise
            finally:
                self.purse.settle(call, replied)
            span.outputs.update(reply=replied.text, finish=replied.finish, detail=replied.detail)
            span.usage = replied.usage
        return replied

    def _followed(
        self, messages: Messages, call: Reserved, seconds: float, schema: Any
    ) -> Generator[Chunk | Retrying | Notice, None, Replied]:
        """The reply's pieces; a run that is being ended breaks it off."""
        left = max(1.0, min(seconds, self.purse.seconds_left))
        began = time.monotonic()
        run = self.model.reply(messages, max_tokens=call.completion, seconds=left, schema=schema)
        try:
            event = next(run)
            while True:
                if isinstance(event, Retrying):
                    self.gate.shut(event.seconds)
                yield event
                event = run.throw(KeyboardInterrupt()) if self.purse.stopped else next(run)
        except StopIteration as end:
            replied: Replied = end.value
        if not replied.seconds:
            replied = _timed(replied, time.monotonic() - began)
        if replied.finish == "interrupted":
            raise Stopped
        return replied


def _timed(reply: Replied, seconds: float) -> Replied:
    return Replied(
        reply.text, reply.usage, reply.finish, reply.reasoning, reply.detail, round(seconds, 6)
    )


def _shown(messages: Messages) -> str:
    said = [{"role": getattr(m, "role", "assistant"), "content": m.text} for m in messages]
    return json.dumps(said, ensure_ascii=False)
