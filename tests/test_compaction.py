"""Histories that outgrow the window: they fit again, what matters stays, a replay sees the same."""

import random
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from assistant.budget import Budget, left, spent
from assistant.chat import Chat
from assistant.compaction import Situation, compaction, room
from assistant.events import (
    Chunk,
    CodeBlock,
    Compacted,
    Event,
    ExecResult,
    Finished,
    ModelError,
    Notice,
    Ran,
    Replied,
    Reserved,
    Retrying,
    Said,
    Started,
    Summarised,
)
from assistant.feedback import fenced
from assistant.loop import converse, drive
from assistant.model.replay import ReplayModel
from assistant.protocols import Terms
from assistant.record import Recorder, load
from assistant.sandbox.replay import ReplaySandbox
from assistant.tasks.replay import replay
from assistant.transcript import history, messages, outputs_cut
from tests.fakes import ListCheck, ListExecutor, ListModel

CAPS = Budget(200, 10**9, None, None, 200)
RUN = "Step {}:\n\n```python\nprint({})\n```\n"

Reply = Generator[Chunk | Retrying | Notice, None, Replied]


class SmallModel(ListModel):
    """Counts a token for each four characters; refuses what its window cannot hold."""

    def __init__(self, *replies: str | Replied | BaseException, window: int | None = 4000) -> None:
        super().__init__(*replies, max_reply=600)
        self.window, self.largest = window, 0

    def count(self, messages: Sequence[Said | Replied]) -> int:
        return sum(len(message.text) // 4 + 4 for message in messages)

    def reply(self, messages: Sequence[Said | Replied], **more: Any) -> Reply:
        self.largest = max(self.largest, self.count(messages) + more["max_tokens"])
        if "sum up" in messages[0].text:
            self.replies.insert(0, "Goal: the summary of it.")
        return (yield from super().reply(messages, **more))


def talk(
    model: ListModel, outputs: int = 3000, turns: int = 12, check: bool = False
) -> list[Event]:
    """One turn of many blocks, each with a long output."""
    model.replies += [RUN.format(n, n) for n in range(turns)] + ["Done."]
    results = [
        ExecResult(0, f"out {n} " + "x" * outputs, files=(f"f{n}.py",)) for n in range(turns)
    ]
    events: list[Event] = [Said("You run code.", "system"), Said("Count the beans, all of them.")]
    verdicts = ListCheck(True) if check else None
    run = converse(events, model, ListExecutor(*results), Terms(budget=CAPS, check=verdicts))
    assert drive(run, events.append).status == "done"
    return events


def test_small_outputs_come_first_and_no_call_is_larger_than_the_window() -> None:
    model = SmallModel()
    events = talk(model, outputs=4000, turns=4)
    steps = [event for event in events if isinstance(event, Compacted)]
    assert steps
    assert not steps[0].note
    assert steps[0].detail.startswith("about ")
    assert model.largest <= 4000
    last = model.seen[-1][-1].text
    assert "x" * 3000 in last  # The last results are whole.
    assert "characters left out" in model.seen[-1][-5].text


def test_then_old_messages_become_a_note_and_the_task_stays_word_for_word() -> None:
    model = SmallModel()
    events = talk(model, outputs=2500, turns=70, check=True)
    noted = [event for event in events if isinstance(event, Compacted) and event.note]
    assert len(noted) >= 2
    for event in noted:
        assert "Count the beans, all of them." in event.note
        assert "the check" in event.note
        assert "replies" in event.note
        assert "Goal: the summary of it." in event.note
    assert "f0.py" in noted[-1].note
    assert model.largest <= 4000
    for seen in model.seen:
        if "sum up" not in seen[0].text:
            assert seen[0].text == "You run code."
            assert any("Count the beans, all of them." in message.text for message in seen)
    # What it took counts: the summaries are calls like others.
    calls = sum(isinstance(event, Reserved) for event in events)
    assert spent(events).replies == calls


def test_without_a_summary_shrinking_goes_on_alone() -> None:
    class Mute(SmallModel):
        def reply(self, messages: Sequence[Said | Replied], **more: Any) -> Reply:
            if "sum up" in messages[0].text:
                raise ModelError("no summaries today")
            return (yield from super().reply(messages, **more))

    model = Mute()
    events = talk(model, outputs=2500, turns=25)
    notes = [event.note for event in events if isinstance(event, Compacted) and event.note]
    assert notes
    assert all("Count the beans" in note and "left out here" in note for note in notes)
    failed = [event for event in events if isinstance(event, Summarised)]
    assert {event.finish for event in failed} == {"failed"}
    assert model.largest <= 4000


def test_a_budget_that_is_nearly_spent_pays_for_no_summary() -> None:
    events: list[Event] = [Said("s", "system"), Said("do it")]
    for n in range(20):
        events += [Replied(f"reply {n} " + "y" * 400), Said("z" * 400, "result")]
    model = SmallModel(window=2000)
    broke = left(Budget(replies=0), spent([]))
    steps = list(compaction(events, Situation(model, lambda: broke), 1000))
    assert [type(step) for step in steps] == [Compacted]
    assert model.seen == []


def test_ctrl_c_during_the_summary_ends_the_turn() -> None:
    class Stopped(SmallModel):
        def reply(self, messages: Sequence[Said | Replied], **more: Any) -> Reply:
            if "sum up" in messages[0].text:
                yield from ()
                return Replied("half", finish="interrupted", detail="stopped by the user")
            return (yield from super().reply(messages, **more))

    model = Stopped(*[RUN.format(n, n) for n in range(25)])
    results = [ExecResult(0, "x" * 2500) for _ in range(25)]
    events: list[Event] = [Said("s", "system"), Said("do it")]
    run = converse(events, model, ListExecutor(*results), Terms(budget=CAPS))
    assert drive(run, events.append) == Finished("interrupted", "stopped by the user")
    assert not [event for event in events if isinstance(event, Compacted) and event.note]


def test_a_message_that_is_itself_too_large_is_an_error_that_says_so() -> None:
    model = SmallModel("never asked")
    events: list[Event] = [Said("s", "system"), Said("w" * 20_000)]
    run = converse(events, model, ListExecutor(), Terms())
    ending = drive(run, events.append)
    assert ending.status == "model-error"
    assert "cannot be made to fit" in ending.detail
    assert model.seen == []


def test_a_refusal_for_length_leads_to_a_shorter_try() -> None:
    model = SmallModel(window=None)
    model.replies = [RUN.format(1, 1), RUN.format(2, 2), RUN.format(3, 3)]
    model.replies += [ModelError("maximum context length", kind="context"), "Done."]
    results = [ExecResult(0, "x" * 9000) for _ in range(3)]
    events: list[Event] = [Started("1", "list"), Said("s", "system"), Said("do it")]
    run = converse(events, model, ListExecutor(*results), Terms(budget=CAPS))
    assert drive(run, events.append).status == "done"
    assert sum(isinstance(event, Compacted) for event in events) == 1
    assert model.count(model.seen[-1]) < model.count(model.seen[-2])


def test_a_refusal_that_nothing_can_cure_ends_the_turn() -> None:
    model = SmallModel(ModelError("maximum context length", kind="context"), window=None)
    events: list[Event] = [Said("s", "system"), Said("do it")]
    ending = drive(converse(events, model, ListExecutor(), Terms()), events.append)
    assert ending.status == "model-error"


def test_the_record_replays_and_resumes_with_the_same_view(tmp_path: Path) -> None:
    model = SmallModel()
    made = talk(model, outputs=2500, turns=25)
    events = [Started("1", "list", budget={"replies": "200", "blocks": "200"}), *made]
    with Recorder(tmp_path / "record.jsonl") as recorder:
        for event in events:
            recorder(event)
    again = load(tmp_path / "record.jsonl").events
    assert history(again) == history(events)
    difference = replay(again, ReplayModel(again), ReplaySandbox(again))
    assert difference is None, difference


def test_compact_by_hand_sums_up_and_a_second_time_there_is_nothing_left() -> None:
    past: list[Event] = [Said("s", "system")]
    for n in range(8):
        past += [Said(f"wish {n}"), Replied(f"reply {n} " + "y" * 2000), Finished("done")]
    chat = Chat(SmallModel(window=100_000), ListExecutor(), Terms(), past=past)
    before = chat.model.count(history(chat.events))
    done = chat.compact()
    assert done is not None
    assert "Goal: the summary" in done.note
    assert all(f"wish {n}" in done.note for n in range(done.dropped // 2))
    assert chat.model.count(history(chat.events)) < before // 2
    assert Chat(SmallModel(), ListExecutor(), Terms(), past=[Said("hi")]).compact() is None


@pytest.mark.parametrize("seed", range(30))
def test_any_history_fits_or_is_refused_with_a_reason(seed: int) -> None:
    rng = random.Random(seed)
    window = rng.choice([1500, 3000, 8000])
    model = SmallModel(window=window)
    events: list[Event] = [Said("system", "system"), Said("the task: " + "t" * rng.randrange(900))]
    for n in range(rng.randrange(1, 60)):
        kind = rng.randrange(4)
        if kind == 0:
            events.append(Said(f"wish {n} " + "w" * rng.randrange(600)))
        elif kind == 1:
            output = fenced("o" * rng.randrange(30_000))
            events += [Replied(f"r{n}" * rng.randrange(1, 300)), Said(output, "result")]
        elif kind == 2:
            events.append(saved(n, rng))
        else:
            events.append(Replied("p" * rng.randrange(4000)))
    most = room(model)
    assert most
    free = left(CAPS, spent([]))
    refusal = None
    try:
        for event in compaction(list(events), Situation(model, lambda: free), most):
            events.append(event)
    except ModelError as error:
        refusal = error
    if refusal:  # Something that stays whole is of the window's order.
        assert refusal.kind == "context"
        assert max(len(e.text) for e in events if isinstance(e, Said | Replied)) > most
    else:
        assert model.count(history(events)) <= most
    assert model.largest <= window


def saved(n: int, rng: random.Random) -> Ran:

    code = "c" * rng.randrange(2000)
    return Ran(
        CodeBlock("python", code, f"m{n}.py", "save"), ExecResult(0, "", files=(f"m{n}.py",))
    )


def test_outputs_are_cut_and_nothing_else() -> None:
    text = "Block 1 of 1: exit 0\n" + fenced("a" * 500 + "```output\n" + "b" * 500) + "\nend"
    cut = outputs_cut(text, 10)
    assert cut.startswith("Block 1 of 1: exit 0\n````output\naaaaaaaaaa\n[... ")
    assert cut.endswith("bbbbbbbbbb\n````\nend")
    assert outputs_cut("```output\nno end", 1) == "```output\nno end"
    assert outputs_cut("```python\n" + "x" * 99 + "\n```", 1).count("x") == 99


def test_messages_are_numbered_over_the_whole_record() -> None:
    events: list[Event] = [Said("s", "system"), Said("a"), Replied("", finish="failed")]
    assert messages(events) == 3
    events += [Replied("b"), Compacted("note", 4)]
    assert history(events) == [Said("s", "system"), Said("note", "result")]
