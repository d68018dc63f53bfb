"""A conversation: events reach every sink in order, and the user's own actions are told."""

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

import pytest

from assistant.budget import Budget
from assistant.chat import Chat, Openers
from assistant.events import (
    Chunk,
    CodeBlock,
    Event,
    ExecResult,
    Finished,
    Notice,
    Output,
    Ran,
    Replied,
    Running,
    Said,
    UsageError,
)
from assistant.protocols import Terms
from assistant.transcript import history
from tests.fakes import ListCheck, ListExecutor, ListFolder, ListModel


class Folder(ListFolder):
    """A workspace that only remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def diff(self, paths: Sequence[str] = ()) -> str:
        return "the diff"

    def apply(self, paths: Sequence[str] | None = None) -> str:
        self.asked.append("apply")
        return "2 files written"

    def undo(self, count: int = 1) -> str:
        return f"back by {count}"

    def redo(self, count: int = 1) -> str:
        return f"forward by {count}"

    def discard(self) -> str:
        return "as at the start"


def chat(*replies: str, terms: Terms | None = None) -> tuple[Chat, list[Event]]:
    seen: list[Event] = []
    made = Chat(
        ListModel(*replies),
        ListExecutor(),
        terms or Terms(),
        workspace=Folder(),
        openers=Openers(lambda name: ListModel("from " + name), lambda command: ListCheck(True)),
        past=[Said("system", "system")],
    )
    made.sinks.append(seen.append)
    return made, seen


def test_a_turn_reaches_the_sinks_and_the_transcript() -> None:
    made, seen = chat("hello")
    assert made.say("hi") == Finished("done")
    assert Chunk("hello") in seen
    assert not any(isinstance(event, Chunk) for event in made.events)
    assert made.events[1:] == [event for event in seen if not isinstance(event, Chunk)]


def test_a_late_sink_gets_what_happened_since_the_chat_was_opened() -> None:
    made, seen = chat("hello")
    made.pour(Notice("first"))
    late: list[Event] = []
    made.attend(late.append)
    made.say("hi")
    assert late == seen


def test_the_second_turn_sees_the_first() -> None:
    made, _ = chat("one", "two")
    made.say("a")
    made.say("b")
    model = made.model
    assert isinstance(model, ListModel)
    assert [message.text for message in model.seen[1]] == ["system", "a", "one", "b"]


def test_caps_are_for_each_message_and_for_the_session() -> None:
    made, _ = chat(*"abcdef", terms=Terms(Budget(replies=1), session=Budget(replies=2)))
    assert [made.say("x").status for _ in range(3)] == ["done", "done", "budget"]
    assert made.spent().replies == 2


def test_code_of_the_users_own_runs_and_is_shown() -> None:
    made, seen = chat()
    made.executor = ListExecutor(ExecResult(0, "out"))
    block = CodeBlock("bash", "ls")
    assert made.run(block).output == "out"
    assert seen == [Running(block), Output("out"), Ran(block, ExecResult(0, "out"))]


def test_undo_is_told_to_the_model() -> None:
    made, _ = chat("ok")
    assert made.undo(2).detail == "back by 2"
    made.say("go on")
    model = made.model
    assert isinstance(model, ListModel)
    assert "back by 2" in model.seen[0][-1].text


def test_apply_is_kept_in_the_record() -> None:
    made, seen = chat()
    assert made.apply() == "2 files written"
    assert seen == [Notice("2 files written")]


def test_another_model_and_another_check() -> None:
    made, _ = chat("unused")
    made.set_model("other")
    made.set_check("true")
    assert made.say("hi").status == "done"
    assert Replied in {type(event) for event in made.events}
    assert made.terms.check is not None
    made.set_check("")
    assert made.terms.check is None
    with pytest.raises(UsageError, match="no check"):
        made.run_check()


def test_caps_can_be_changed_and_a_dollar_cap_of_the_users_is_strict() -> None:
    made, _ = chat()
    budget = made.set_budget(replies=3, dollars=Decimal("0.5"))
    assert (budget.replies, budget.dollars, budget.dollars_required) == (3, Decimal("0.5"), True)
    with pytest.raises(UsageError, match="above 0"):
        made.set_budget(tokens=0)


def test_reset_forgets_all_but_the_system_message() -> None:
    made, _ = chat("one")
    made.say("a")
    made.reset()
    assert history(made.events) == [Said("system", "system")]
    assert made.spent().replies == 1


def test_every_event_is_redacted_before_anyone_sees_it() -> None:
    made, seen = chat("the key is KEY")

    def redacted(event: Event) -> Event:
        if isinstance(event, Said | Replied | Chunk):
            return replace(event, text=event.text.replace("KEY", "[redacted]"))
        return event

    made.redacted = redacted
    made.say("my KEY")
    model = made.model
    assert isinstance(model, ListModel)
    assert "KEY" not in str(model.seen)
    assert "KEY" not in str(seen)


def test_an_interrupt_in_one_sink_is_seen_by_the_others_too() -> None:
    made, seen = chat("hello")
    early: list[Event] = []

    def touchy(event: Event) -> None:
        early.append(event)
        if isinstance(event, Chunk):
            raise KeyboardInterrupt

    made.sinks.insert(0, touchy)
    assert made.say("hi").status == "interrupted"
    assert early == seen


def test_a_ctrl_c_in_a_sink_ends_a_command_of_the_users_and_nothing_is_lost() -> None:
    class Heard(ListExecutor):
        def run(self, block: CodeBlock, seconds: float) -> Generator[Output, None, ExecResult]:
            try:
                yield Output("begun")
                yield Output("never")
            except KeyboardInterrupt:
                return ExecResult(130, "begun", reason="cancelled")
            return ExecResult(0, "begun never")

    for at in (Running, Output):
        chat = Chat(ListModel(), Heard(), Terms())

        def sink(event: Event, at: type = at) -> None:
            if isinstance(event, at):
                raise KeyboardInterrupt

        chat.attend(sink)
        result = chat.run(CodeBlock("bash", "x"))
        assert result.reason == "cancelled"
        assert [type(event) for event in chat.events] == [Running, Ran]


@pytest.mark.parametrize("at", range(6))
def test_a_turn_has_one_ending_however_often_it_is_interrupted(at: int) -> None:
    made, seen = chat("```python\n1\n```\n", "fine")

    def touchy(event: Event) -> None:
        if len(made.events) > at:
            raise KeyboardInterrupt

    made.attend(touchy)
    with suppress(KeyboardInterrupt):
        made.say("hi")
    kinds = [type(event) for event in seen]
    assert kinds.count(Finished) == 1
    assert kinds[-1] is Finished
    assert made.events[-1] == seen[-1]
