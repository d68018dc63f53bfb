"""A budget that many threads share is never overshot."""

import random
import threading
import time
from decimal import Decimal

import pytest

from assistant.budget import Budget, Exhausted, spent
from assistant.events import Replied, Usage
from assistant.model.replay import ScriptedModel
from assistant.purse import UNCAPPED, Purse, Stopped


class Priced(ScriptedModel):
    """A thousandth of a dollar for each token."""

    def __init__(self) -> None:
        super().__init__([])

    def cost(self, prompt: int, completion: int, /) -> Decimal | None:
        return Decimal(prompt + completion) / 1000


MODEL = Priced()


def reply(prompt: int, completion: int) -> Replied:
    return Replied("x", Usage(prompt, 0, completion, 0, MODEL.cost(prompt, completion)))


@pytest.mark.parametrize(
    "budget",
    [
        Budget(None, 40_000, None, None, None),
        Budget(None, None, Decimal(40), None, None),
        Budget(37, None, None, None, None),
    ],
)
def test_threads_cannot_overshoot(budget: Budget) -> None:
    purse = Purse(budget)
    exhausted: list[str] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        while True:
            try:
                call = purse.reserve(MODEL, 100, 2000)
            except Exhausted as error:
                exhausted.append(str(error))
                return
            time.sleep(chance.random() / 500)
            # As dear as it may get, now and then.
            purse.settle(call, reply(100, chance.choice((call.completion, 300))))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(exhausted) == 8
    if budget.tokens:
        assert 40_000 - 100 - 256 < purse.tokens <= 40_000
    if budget.dollars:
        assert Decimal("39.644") < purse.dollars <= 40
    if budget.replies:
        assert purse.replies == 37


def test_an_unsure_outcome_counts_in_full() -> None:
    purse = Purse(UNCAPPED)
    call = purse.reserve(MODEL, 10, 500)
    purse.settle(call, None)
    assert (purse.replies, purse.tokens, purse.dollars) == (1, 510, Decimal("0.51"))
    purse.settle(purse.reserve(MODEL, 10, 500), Replied("", finish="failed"))
    assert purse.replies == 1
    broken = Replied("x", Usage(10, 0, 1, estimated=True), "broken")
    purse.settle(purse.reserve(MODEL, 10, 500), broken)
    assert purse.tokens == 1020


def test_a_reply_that_ignored_its_cap_counts_as_it_came() -> None:
    """Cut, and without a count of the server's: what came is more than what was reserved."""
    purse = Purse(UNCAPPED)
    call = purse.reserve(MODEL, 10, 500)
    usage = Usage(10, 0, 50_000, 0, MODEL.cost(10, 50_000), estimated=True)
    flood = Replied("x", usage, "length")
    purse.settle(call, flood)
    assert (purse.tokens, purse.dollars) == (50_010, Decimal("50.01"))
    used = spent([call, flood])
    assert (used.tokens, used.dollars) == (50_010, Decimal("50.01"))


def test_a_call_waits_for_room_rather_than_shrink() -> None:
    purse = Purse(Budget(None, 1000, None, None, None))
    first = purse.reserve(MODEL, 100, 500)
    found: list[int] = []
    thread = threading.Thread(
        target=lambda: found.append(purse.reserve(MODEL, 100, 500).completion)
    )
    thread.start()
    time.sleep(0.05)
    assert not found
    purse.settle(first, reply(100, 10))
    thread.join(60)
    assert found == [500]
    purse.settle(purse._under_way[0], reply(100, 10))
    assert purse.reserve(MODEL, 100, 5000).completion == 680  # Nobody else is there: it shrinks.


def test_stopping_ends_all_waiting() -> None:
    purse = Purse(Budget(None, 1000, None, None, None))
    purse.reserve(MODEL, 100, 800)
    stopped: list[bool] = []

    def work() -> None:
        try:
            purse.reserve(MODEL, 100, 800)
        except Stopped:
            stopped.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    purse.stop()
    thread.join(60)
    assert stopped == [True]
    with pytest.raises(Stopped):
        purse.reserve(MODEL, 1, 500)
