"""What a whole run may use, shared by all its threads: no cap is ever overshot."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from assistant.budget import INFINITE, LEAST_REPLY, Budget, Exhausted, Left, at_least, reserve
from assistant.events import Replied, Reserved


class Priced(Protocol):
    """A model, as far as a purse looks at it."""

    def cost(self, prompt: int, completion: int, /) -> Decimal | None: ...


class Stopped(Exception):
    """The run is being ended: no further call is made."""


@dataclass
class Purse:
    """Caps on replies, tokens, dollars and seconds of a run.

    A call is reserved at its largest before it is made. Where what is reserved by calls under way
    leaves no room for a call of full size, it waits for them; only the last ones shrink. A call
    whose outcome is not known for sure counts as reserved.
    """

    budget: Budget
    clock: Callable[[], float] = time.monotonic
    replies: int = 0
    tokens: int = 0
    dollars: Decimal = Decimal(0)
    unpriced: bool = False
    """Some call's price was not known: ``dollars`` holds the others."""
    _began: float = 0.0
    _under_way: list[Reserved] = field(default_factory=list)
    _stopped: bool = False

    def __post_init__(self) -> None:
        self._began = self.clock()
        self._changed = threading.Condition()

    @property
    def seconds_left(self) -> float:
        cap = self.budget.seconds
        return INFINITE if cap is None else cap - (self.clock() - self._began)

    def stop(self) -> None:
        """End all waiting; whoever waits, or asks from now on, gets ``Stopped``."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        return self._stopped

    def reserve(self, model: Priced, prompt: int, largest: int) -> Reserved:
        """Room for one call.

        Raises:
            Exhausted: a cap leaves none, also once all calls under way are back.
            Stopped: the run is being ended.
        """
        with self._changed:
            while True:
                if self._stopped:
                    raise Stopped
                try:
                    call = reserve(self._left(), prompt, largest, model.cost)
                    enough = call.completion == largest or not self._under_way
                except Exhausted:
                    if not self._under_way:
                        raise
                    enough = False
                if enough:
                    self._under_way.append(call)
                    return call
                self._changed.wait(1.0)

    def settle(self, call: Reserved, reply: Replied | None) -> None:
        """What came of a call; None: nothing that is known, so it counts in full."""
        with self._changed:
            self._under_way.remove(call)
            unsure = reply is None or (reply.usage.estimated and reply.finish != "stop")
            if unsure:
                self.add(1, *at_least(call, reply))
            elif reply and reply.finish != "failed":
                # A recorded reply says what it cost then; it costs nothing now.
                cost = call.cost if call.cost == 0 else reply.usage.cost
                self.add(1, reply.usage.total, cost)
            self._changed.notify_all()

    def add(self, replies: int, tokens: int, dollars: Decimal | None) -> None:
        """What was used already, by this process or an earlier one."""
        self.replies += replies
        self.tokens += tokens
        self.dollars += dollars or Decimal(0)
        self.unpriced |= dollars is None and tokens > 0

    def _left(self) -> Left:
        held_tokens = sum(call.prompt + call.completion for call in self._under_way)
        held_dollars = sum((call.cost or Decimal(0) for call in self._under_way), Decimal(0))
        caps = self.budget
        return Left(
            _rest(caps.replies, self.replies + len(self._under_way)),
            _rest(caps.tokens, self.tokens + held_tokens),
            Decimal("Infinity")
            if caps.dollars is None
            else caps.dollars - self.dollars - held_dollars,
            self.seconds_left,
            INFINITE,
        )


def _rest(cap: float | None, used: float) -> float:
    return INFINITE if cap is None else cap - used


UNCAPPED = Budget(None, None, None, None, None)
__all__ = ["LEAST_REPLY", "UNCAPPED", "Exhausted", "Purse", "Stopped"]
