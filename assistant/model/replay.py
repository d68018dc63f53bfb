"""Models that ask nobody: the replies of a record, or replies written by hand."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from assistant.events import (
    AssistantError,
    Chunk,
    Compacted,
    Event,
    Finished,
    ModelError,
    Notice,
    Replied,
    Reserved,
    Retrying,
    Said,
    Started,
    Summarised,
    Usage,
)
from assistant.model.difference import difference
from assistant.model.structured import Schema, settled
from assistant.model.tokens import BYTES_PER_TOKEN, PER_MESSAGE, PER_PROMPT, by_bytes
from assistant.transcript import history as seen_by_model
from assistant.transcript import steady

MAX_REPLY = 16_384
PIECE = 48
"""Characters per Chunk."""

History = Sequence[Said | Replied]
Streaming = Generator[Chunk | Retrying | Notice, None, Replied]


@dataclass(frozen=True, slots=True)
class Turn:
    """One recorded call: what the model saw, what came before the reply, what it ended with."""

    seen: tuple[Said | Replied, ...]
    before: tuple[Retrying | Notice, ...]
    reserved: Reserved | None
    reply: Replied
    error: ModelError | None = None
    """Raised in place of the reply: the recorded call was refused."""


def turns(events: Sequence[Event], fold: Callable[[Sequence[Event]], History]) -> Iterator[Turn]:
    """The calls of a record, in order. ``fold`` gives what the model sees of some events."""
    reserved: Reserved | None = None
    before: list[Retrying | Notice] = []
    for index, event in enumerate(events):
        match event:
            case Reserved():
                reserved, before = event, []
            case Retrying() | Notice() if reserved:
                before.append(event)
            case Replied():
                after = events[index + 1] if index + 1 < len(events) else None
                seen = tuple(fold(events[:index]))
                yield Turn(seen, tuple(before), reserved, event, _refusal(event, after))
                reserved, before = None, []


def _refusal(reply: Replied, after: Event | None) -> ModelError | None:
    """The error behind a reply that is none: the loop records it so, and ends with its words.

    Where it went on with a shorter history instead, the prompt had been too long.
    """
    if reply.finish != "failed":
        return None
    if isinstance(after, Reserved | Compacted):
        return ModelError(reply.detail, "", "context")
    if not isinstance(after, Finished) or not after.detail.startswith(reply.detail):
        return None
    return ModelError(reply.detail, after.detail.removeprefix(reply.detail).lstrip("\n"), "replay")


def shortenings(events: Sequence[Event]) -> Iterator[tuple[int, tuple[Event, ...]]]:
    """Where a record's history was made shorter: after so many replies, by these events."""
    replies, group = 0, list[Event]()
    for event in events:
        match event:
            case Reserved():
                group = [event]
            case Summarised():
                group.append(event)
            case Compacted():
                yield replies, (*group, event)
                group = []
            case Replied():
                replies, group = replies + 1, []


class ReplayModel:
    """Answers from a record as long as it is asked what was asked then.

    Each call compares the messages it is given with those of the recorded call, both with their
    volatile parts masked (``masked``; see ``transcript.steady``). Tokens, prices and waits are the
    recorded ones; nothing is waited for.
    """

    def __init__(
        self,
        events: Sequence[Event],
        *,
        fold: Callable[[Sequence[Event]], History] = seen_by_model,
        masked: Callable[[str], str] = steady,
    ) -> None:
        self._turns = list(turns(events, fold))
        self._shortenings = list(shortenings(events))
        self._masked = masked
        self._next = 0
        started = next((event for event in events if isinstance(event, Started)), None)
        self.name = started.model if started else "replay"
        largest = [turn.reserved.completion for turn in self._turns if turn.reserved]
        self.max_reply = max(largest, default=MAX_REPLY)

    def shortened(self, events: Sequence[Event], /) -> Sequence[Event]:
        """How the history was made shorter where ``events`` now are; mostly not at all."""
        done = sum(isinstance(event, Compacted) for event in events)
        replies = sum(isinstance(event, Replied) for event in events)
        if done < len(self._shortenings) and self._shortenings[done][0] == replies:
            return self._shortenings[done][1]
        return ()

    def _reserved(self) -> Reserved | None:
        return self._turns[self._next].reserved if self._next < len(self._turns) else None

    def count(self, history: History, /) -> int:
        """Prompt tokens as they were reserved for the recorded call."""
        reserved = self._reserved()
        return reserved.prompt if reserved else _rough_count(history)

    def cost(self, prompt: int, completion: int, /) -> Decimal | None:
        """Dollars as they were reserved, in proportion where the tokens differ."""
        reserved = self._reserved()
        if reserved is None or reserved.cost is None:
            return None
        recorded = reserved.prompt + reserved.completion
        if prompt + completion == recorded or not recorded:
            return reserved.cost
        return reserved.cost * (prompt + completion) / recorded

    def reply(
        self,
        history: History,
        /,
        *,
        max_tokens: int,
        seconds: float,
        schema: type[Schema] | None = None,
    ) -> Streaming:
        """The next recorded reply, as it was recorded.

        Raises:
            ModelError: the request differs (with a diff), the record is used up, or the recorded
                call was refused.
        """
        held = len(self._turns)
        if self._next == held:
            raise ModelError(
                f"the record is used up: it holds {held} replies, one more is asked for",
                "Record the conversation anew, or end it where the record ends.",
                "replay",
            )
        turn = self._turns[self._next]
        if where := difference(turn.seen, history, self._masked):
            raise ModelError(
                f"request {self._next + 1} differs from the recorded one {where}",
                "- is the recorded request, + is this one. Undo what changed, or record anew.",
                "replay",
            )
        self._next += 1
        yield from turn.before
        if turn.error:
            raise turn.error
        return (yield from _streamed(turn.reply))


Written = str | Replied | AssistantError


class ScriptedModel:
    """Answers with replies written by hand: a list in order, or a function of the history.

    An error in the list is raised. Tokens are counted by bytes and cost nothing is known of, so a
    reply that is longer than ``max_tokens`` is cut as a server would cut it.
    """

    def __init__(
        self,
        replies: Sequence[Written] | Callable[[History], Written],
        *,
        name: str = "scripted",
        max_reply: int = MAX_REPLY,
        piece: int = PIECE,
    ) -> None:
        self.name, self.max_reply = name, max_reply
        self._piece = piece
        self._left = None if callable(replies) else list(replies)
        self._answer = replies if callable(replies) else self._listed

    def _listed(self, history: History) -> Written:
        if not self._left:
            raise ModelError(
                f"{self.name} has no reply left, and one more is asked for",
                "Add a reply to the list, or end the conversation earlier.",
                "replay",
            )
        return self._left.pop(0)

    def count(self, history: History, /) -> int:
        return _rough_count(history)

    def cost(self, prompt: int, completion: int, /) -> Decimal | None:
        return None

    def reply(
        self,
        history: History,
        /,
        *,
        max_tokens: int,
        seconds: float,
        schema: type[Schema] | None = None,
    ) -> Streaming:
        """The next reply, streamed in pieces.

        Raises:
            ModelError: the list is used up, or holds an error here.
        """
        written = self._answer(history)
        if isinstance(written, AssistantError):
            raise written
        if isinstance(written, str):
            written = self._replied(written, history, max_tokens, schema)
        return (yield from _streamed(written, self._piece))

    def _replied(
        self, text: str, history: History, max_tokens: int, schema: type[Schema] | None
    ) -> Replied:
        whole = by_bytes(text) <= max_tokens
        text = text if whole else text[: max_tokens * BYTES_PER_TOKEN]
        usage = Usage(self.count(history), 0, by_bytes(text))
        if not whole:
            return Replied(text, usage, "length", detail="the reply reached its length limit")
        if schema is None:
            return Replied(text, usage)
        text, finish, detail = settled(text, schema)
        return Replied(text, usage, finish, detail=detail)


def _rough_count(history: History) -> int:
    return PER_PROMPT + sum(PER_MESSAGE + by_bytes(message.text) for message in history)


def _streamed(reply: Replied, piece: int = PIECE) -> Streaming:
    """The reply in pieces; a Ctrl-C between two of them leaves what was shown."""
    shown: list[str] = []
    try:
        for start in range(0, len(reply.reasoning), piece):
            yield Chunk(reply.reasoning[start : start + piece], "reasoning")
        for start in range(0, len(reply.text), piece):
            shown.append(reply.text[start : start + piece])
            yield Chunk(shown[-1])
    except KeyboardInterrupt:
        detail = "stopped by the user"
        return replace(reply, text="".join(shown), finish="interrupted", detail=detail)
    return reply
