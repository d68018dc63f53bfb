"""The budget: caps, what has been spent of them, and what one more call may still take."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from assistant.events import (
    Checked,
    Event,
    ModelError,
    Ran,
    Replied,
    Reserved,
    Running,
    Summarised,
    UsageError,
)

LEAST_REPLY = 256
"""Tokens: a call that could answer less than this is not made."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Caps; None is no cap. ``dollars_required``: an unknown price is an error, not a shrug."""

    replies: int | None = 30
    tokens: int | None = 400_000
    dollars: Decimal | None = Decimal("2.00")
    seconds: float | None = 1800
    blocks: int | None = 60
    dollars_required: bool = False


@dataclass(frozen=True, slots=True)
class Spent:
    """Sums over events. ``dollars`` holds what is known; ``unpriced`` says some price was not."""

    replies: int = 0
    tokens: int = 0
    dollars: Decimal = Decimal(0)
    seconds: float = 0.0
    blocks: int = 0
    unpriced: bool = False


class Left(NamedTuple):
    """What remains of a budget; infinity where there is no cap."""

    replies: float
    tokens: float
    dollars: Decimal
    seconds: float
    blocks: float


INFINITE = float("inf")


def at_least(call: Reserved, reply: Replied | Summarised | None) -> tuple[int, Decimal | None]:
    """Tokens and dollars of a call whose outcome is not known for sure: all that was reserved, or
    what came where that is more, since a server may ignore the cap on its reply."""
    tokens, cost = call.prompt + call.completion, call.cost
    if reply is None:
        return tokens, cost
    if cost and reply.usage.cost is not None:  # What is replayed is free, whatever it cost then.
        cost = max(cost, reply.usage.cost)
    return max(tokens, reply.usage.total), cost


class _Tally:
    """Adds events up; a call whose outcome is not known for sure counts as reserved."""

    def __init__(self) -> None:
        self.replies = self.tokens = self.blocks = 0
        self.dollars, self.seconds, self.unpriced = Decimal(0), 0.0, False
        self.open: Reserved | None = None

    def settle(self, reply: Replied | Summarised | None) -> None:
        call, self.open = self.open, None
        if reply is not None and reply.finish == "failed":
            return
        unsure = reply is None or (reply.usage.estimated and reply.finish != "stop")
        if call and unsure:
            tokens, cost = at_least(call, reply)
        elif reply:
            used = reply.usage
            tokens, cost = max(used.prompt, 0) + max(used.completion, 0), used.cost
        else:
            return
        self.replies += 1
        self.tokens += max(tokens, 0)  # A record may say anything, but gives nothing back.
        self.dollars += max(cost or Decimal(0), Decimal(0))
        self.unpriced |= cost is None and tokens > 0

    def add(self, event: Event) -> None:
        match event:
            case Reserved():
                self.settle(None)
                self.open = event
            case Replied() | Summarised():
                self.settle(event)
                self.seconds += event.seconds
            case Running(block):
                self.blocks += block.action == "run"
            case Ran(_, result):
                self.seconds += result.seconds
            case Checked():
                self.seconds += event.seconds


def spent(events: Iterable[Event]) -> Spent:
    """What the events used. A reservation without a reply (a crash) counts in full.

    So does a reply that broke off or was interrupted before the server said what it used.
    """
    tally = _Tally()
    for event in events:
        tally.add(event)
    tally.settle(None)
    return Spent(
        tally.replies, tally.tokens, tally.dollars, tally.seconds, tally.blocks, tally.unpriced
    )


def left(budget: Budget, used: Spent) -> Left:
    """What remains; negative where a cap was passed."""

    def rest(cap: float | None, amount: float) -> float:
        return INFINITE if cap is None else cap - amount

    dollars = Decimal("Infinity") if budget.dollars is None else budget.dollars - used.dollars
    return Left(
        rest(budget.replies, used.replies),
        rest(budget.tokens, used.tokens),
        dollars,
        rest(budget.seconds, used.seconds),
        rest(budget.blocks, used.blocks),
    )


def narrower(one: Left, other: Left) -> Left:
    return Left(
        min(one.replies, other.replies),
        min(one.tokens, other.tokens),
        min(one.dollars, other.dollars),
        min(one.seconds, other.seconds),
        min(one.blocks, other.blocks),
    )


_UNPRICED = "the price of {} is unknown, so a dollar cap cannot be kept"
_PRICE_IT = "Give its price in a price table (setting prices), or cap tokens instead."


def price_needed(model: str) -> UsageError:
    """A cap on dollars was set by the user, and what ``model`` costs is not known."""
    return UsageError(_UNPRICED.format(model), _PRICE_IT)


def price_missing(model: str) -> ModelError:
    """The same, where it shows in the middle of a run."""
    return ModelError(_UNPRICED.format(model), _PRICE_IT, "unsupported")


class Exhausted(Exception):
    """No further call fits; the message names the cap."""


def reserve(
    remaining: Left,
    prompt: int,
    largest: int,
    cost: Callable[[int, int], Decimal | None],
) -> Reserved:
    """The largest call that cannot overshoot any cap: ``prompt`` tokens in, at most so many out.

    Raises:
        Exhausted: a cap leaves no room for a reply of LEAST_REPLY tokens.
    """
    if remaining.replies < 1:
        raise Exhausted("all replies of the budget are used")
    if remaining.seconds <= 0:
        raise Exhausted("the time of the budget is over")
    completion = int(min(largest, max(remaining.tokens - prompt, 0)))
    if completion < min(LEAST_REPLY, largest):
        raise Exhausted(
            f"the next call needs {prompt:,} tokens and room for a reply;"
            f" the budget has {max(int(remaining.tokens), 0):,} left"
        )
    completion = _affordable(remaining.dollars, prompt, completion, cost)
    if completion < min(LEAST_REPLY, largest):
        raise Exhausted(
            f"the next call could cost more than the ${remaining.dollars:.4f} that are left"
        )
    return Reserved(prompt, completion, cost(prompt, completion))


def _affordable(
    dollars: Decimal, prompt: int, most: int, cost: Callable[[int, int], Decimal | None]
) -> int:
    """The most reply tokens, up to ``most``, that ``dollars`` pay for; 0 when not even one."""

    def fits(completion: int) -> bool:
        price = cost(prompt, completion)
        return price is None or price <= dollars

    if fits(most):
        return most
    low, high = 0, most  # Prices only grow with the reply, so halving finds the border.
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
