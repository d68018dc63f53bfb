"""The calls of a cascade of models: kept in a record, and answered by one again."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest

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
from assistant.model.options import Completion
from assistant.tasks.asked import Kept, Recording, calls

ASK = [{"role": "user", "content": "Write f."}]
USED = Usage(14, 0, 6, 0, Decimal("0.02"))


class Server:
    """Gives ``n`` answers, after a wait; then none any more."""

    name, max_reply = "a-model", 100

    def __init__(self) -> None:
        self.asked = 0

    def count(self, history: Sequence[Said | Replied], /) -> int:
        return sum(len(one.text) for one in history)

    def cost(self, prompt: int, completion: int, /) -> Decimal | None:
        return Decimal(prompt + completion) / 1000

    def complete(
        self, messages: Sequence[Any], n: int = 1, *, on_event: Callable[[Event], None], **_: Any
    ) -> Completion:
        self.asked += 1
        if self.asked > 1:
            raise ModelError("the server answered 500", "", "unavailable")
        on_event(Retrying(1.0, "too many requests"))
        on_event(Reserved(1, 1))  # None of a record's own events.
        finishes: Any = ("stop", "length")[:n]
        return Completion(("one", "two")[:n], USED, finishes, ("", "cut")[:n])


def recorded() -> list[Event]:
    """A call of two answers, and one that failed."""
    events: list[Event] = [Started("0", "a-model", task="implement"), Said("Implement f.")]
    heard: list[Event] = []
    model = Kept(Server(), events.append)
    assert model.complete(ASK, 2, on_event=heard.append, max_tokens=50).texts == ("one", "two")
    assert [type(one) for one in heard] == [Retrying, Reserved]
    with pytest.raises(ModelError):
        model.complete(ASK, on_event=heard.append)
    return events


def test_each_call_is_kept_with_what_it_may_cost_and_what_came_of_it() -> None:
    events = recorded()
    assert events[2:5] == [
        Said("Write f.", "result"),
        Reserved(16, 100, Decimal("0.116")),
        Retrying(1.0, "too many requests"),
    ]
    one, two = calls(events)
    assert [(r.text, r.finish, r.detail) for r in one.replies] == [
        ("one", "stop", ""),
        ("two", "length", "cut"),
    ]
    assert [reply.usage for reply in one.replies] == [USED, Usage(cost=Decimal(0))]
    assert two.reserved == Reserved(8, 100, Decimal("0.108"))
    assert [(r.finish, r.detail) for r in two.replies] == [("failed", "the server answered 500")]


def test_a_record_answers_as_it_was_answered() -> None:
    model, none = Recording(recorded(), str), lambda event: None
    assert (model.name, model.count([]), model.max_reply) == ("a-model", 8, 100)
    assert model.cost(16, 100) == Decimal("0.116")
    assert model.cost(8, 50) == Decimal("0.058")
    done = model.complete(ASK, 2, on_event=none)
    assert done == Completion(("one", "two"), USED, ("stop", "length"), ("", "cut"))
    with pytest.raises(ModelError, match="500"):
        model.complete(ASK, on_event=none)
    with pytest.raises(UsageError, match="used up: it holds 2 answered"):
        model.complete(ASK, on_event=none)
    assert (model.count([]), model.cost(1, 1)) == (0, None)


def test_another_request_is_not_answered() -> None:
    """By no other model either: a cascade asks the next one where one fails."""
    model = Recording(recorded(), str)
    with pytest.raises(UsageError, match="request 1 differs") as raised:
        model.complete([{"role": "user", "content": "Write g."}], on_event=lambda event: None)
    assert "+Write g." in raised.value.message


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([], "not the record of an implement task"),
        ([Started("0", "m", task="improve")], "not the record of an implement task"),
        ([Started("0", "m", task="implement"), Notice("cost: $0.1")], "holds no answer"),
        ([Started("0", "m", task="implement"), Said("f"), Reserved(1, 1)], "holds no answer"),
    ],
)
def test_a_record_that_cannot_answer_says_so(events: list[Event], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Recording(events, str)
