"""Models that ask nobody: recorded replies and written ones."""

from collections.abc import Sequence
from decimal import Decimal

import pydantic
import pytest

from assistant.events import (
    Chunk,
    Event,
    Finished,
    ModelError,
    Notice,
    Replied,
    Reserved,
    Retrying,
    Said,
    Started,
    Usage,
)
from assistant.model.replay import ReplayModel, ScriptedModel
from tests.model.helpers import run, text_of

SYSTEM = Said("You write code.", "system")
FIRST = Replied(
    "```python\n1\n```", Usage(10, 0, 5, cost=Decimal("0.1")), reasoning="hm", seconds=2
)
RECORD: list[Event] = [
    Started("0.1", "gpt-4o"),
    SYSTEM,
    Said("do it"),
    Notice("not the model's"),
    Reserved(12, 100, Decimal("0.5")),
    Notice("the server does not take 'seed'"),
    Retrying(1.5, "busy"),
    FIRST,
    Said("failed in 0.02s at 0x7f00aa", "result"),
    Reserved(30, 90, Decimal("0.6")),
    Replied("done", Usage(25, 0, 1)),
    Finished("done"),
]


def asked(model: ReplayModel | ScriptedModel, *history: Said | Replied) -> tuple[object, Replied]:
    return run(model.reply(history, max_tokens=100, seconds=10))


def test_a_record_is_answered_as_it_was() -> None:
    model = ReplayModel(RECORD)
    assert (model.name, model.max_reply) == ("gpt-4o", 100)
    assert model.count([SYSTEM]) == 12
    assert model.cost(12, 100) == Decimal("0.5")
    happened, replied = run(model.reply([SYSTEM, Said("do it")], max_tokens=1, seconds=1))
    assert replied == FIRST
    assert happened[:2] == [
        Notice("the server does not take 'seed'"),
        Retrying(1.5, "busy"),
    ]
    assert text_of(happened) == FIRST.text
    assert text_of(happened, "reasoning") == "hm"
    assert model.count([]) == 30
    result = Said("failed in 1.7s at 0xdeadbeef", "result")
    _, replied = asked(model, SYSTEM, Said("do it"), FIRST, result)
    assert replied == RECORD[10]


def test_a_price_in_between_is_in_proportion() -> None:
    model = ReplayModel(RECORD)
    assert model.cost(12, 44) == Decimal("0.25")
    assert ReplayModel([Said("x"), Replied("y")]).cost(1, 1) is None


@pytest.mark.parametrize(
    ("history", "where", "shown"),
    [
        ([SYSTEM, Said("do it now")], "message 2 (user)", "+do it now"),
        ([Said("You write.", "system"), Said("do it")], "message 1 (system)", "-You write code."),
        ([SYSTEM], "message 2 (user, now none)", "-do it"),
        ([SYSTEM, Said("do it"), Said("more")], "message 3 (none, now user)", "+more"),
        ([SYSTEM, Replied("do it")], "message 2 (user, now assistant)", "differs"),
    ],
)
def test_another_request_fails_with_a_diff(
    history: Sequence[Said | Replied], where: str, shown: str
) -> None:
    model = ReplayModel(RECORD)
    with pytest.raises(ModelError) as caught:
        asked(model, *history)
    assert caught.value.kind == "replay"
    assert f"request 1 differs from the recorded one in {where}" in caught.value.message
    assert shown in caught.value.message
    assert caught.value.remedy
    assert asked(model, SYSTEM, Said("do it"))[1] == FIRST  # The call may be made again, rightly.


def test_a_diff_stays_small_and_quick() -> None:
    old = "\n".join(f"line {i}" for i in range(200_000))
    record: list[Event] = [Said(old), Replied("ok")]
    new = old.replace("line 100000", "line x") + "\n" + "other\n" * 100_000
    with pytest.raises(ModelError) as caught:
        asked(ReplayModel(record), Said(new))
    assert "-line 100000" in caught.value.message
    assert "+line x" in caught.value.message
    assert "from line 99998" in caught.value.message
    assert len(caught.value.message) < 20_000


def test_a_record_that_is_used_up_says_so() -> None:
    model = ReplayModel([Said("x"), Replied("y")])
    asked(model, Said("x"))
    with pytest.raises(ModelError, match="holds 1 replies") as caught:
        asked(model, Said("x"), Replied("y"))
    assert (caught.value.kind, bool(caught.value.remedy)) == ("replay", True)


def test_a_recorded_refusal_is_raised_again() -> None:
    refused = Replied("", finish="failed", detail="m at h: the server answered 401: no")
    record: list[Event] = [Said("x"), refused, Finished("model-error", f"{refused.detail}\nLook.")]
    with pytest.raises(ModelError) as caught:
        asked(ReplayModel(record), Said("x"))
    assert str(caught.value) == f"{refused.detail}\nLook."


def test_a_reply_that_broke_off_comes_as_it_was() -> None:
    broken = Replied("ha", Usage(5, 0, 1, estimated=True), "broken", detail="dropped")
    _, replied = asked(ReplayModel([Said("x"), broken, Finished("done")]), Said("x"))
    assert replied == broken


def test_another_fold_and_mask_can_be_given() -> None:
    record: list[Event] = [Said("a 1"), Replied("b")]
    model = ReplayModel(
        record,
        fold=lambda events: [e for e in events if isinstance(e, Said)],
        masked=lambda text: text.replace("1", "#").replace("2", "#"),
    )
    assert asked(model, Said("a 2"))[1] == Replied("b")


@pytest.mark.parametrize(
    "model", [ReplayModel([Said("x"), Replied("y" * 500)]), ScriptedModel(["y" * 500])]
)
def test_ctrl_c_leaves_what_was_shown(model: ReplayModel | ScriptedModel) -> None:
    reply = model.reply([Said("x")], max_tokens=1000, seconds=10)
    first = next(reply)
    assert isinstance(first, Chunk)
    with pytest.raises(StopIteration) as end:
        reply.throw(KeyboardInterrupt())
    assert end.value.value.finish == "interrupted"
    assert end.value.value.text == first.text


def test_written_replies_come_in_order_and_in_pieces() -> None:
    model = ScriptedModel(["one " * 30, Replied("two", finish="refused"), ModelError("no")])
    happened, replied = run(model.reply([Said("x")], max_tokens=500, seconds=1))
    assert len(happened) == 3
    assert text_of(happened) == replied.text == "one " * 30
    assert replied.usage == Usage(model.count([Said("x")]), 0, 30)
    assert asked(model, Said("x"))[1].finish == "refused"
    with pytest.raises(ModelError, match="no"):
        asked(model, Said("x"))
    with pytest.raises(ModelError, match="no reply left"):
        asked(model, Said("x"))
    assert model.cost(1, 1) is None


def test_a_function_may_answer() -> None:
    model = ScriptedModel(lambda history: f"{len(history)} messages", name="echo")
    assert asked(model, Said("a"), Replied("b"), Said("c"))[1].text == "3 messages"
    assert model.name == "echo"


def test_a_written_reply_that_is_too_long_is_cut() -> None:
    model = ScriptedModel(["x" * 1000])
    _, replied = run(model.reply([], max_tokens=10, seconds=1))
    assert (replied.text, replied.finish) == ("x" * 40, "length")
    assert replied.usage.completion == 10


def test_a_schema_holds_for_written_replies_too() -> None:
    class Point(pydantic.BaseModel):
        x: int

    model = ScriptedModel(['```json\n{"x": 1}\n```', "nothing"])
    _, replied = run(model.reply([], max_tokens=50, seconds=1, schema=Point))
    assert (replied.text, replied.finish) == ('{"x": 1}', "stop")
    _, replied = run(model.reply([], max_tokens=50, seconds=1, schema=Point))
    assert replied.finish == "broken"
