"""The models in the real loop: what they record is what a replay gives again."""

import pytest

from assistant.budget import Budget
from assistant.events import (
    Chunk,
    Event,
    ExecResult,
    Finished,
    Notice,
    Ran,
    Replied,
    Retrying,
    Said,
)
from assistant.loop import converse, drive
from assistant.model.replay import ReplayModel, ScriptedModel
from assistant.protocols import Model, Terms
from tests.fakes import ListExecutor
from tests.model.helpers import model_of, piece, refusal, stream_of, usage

RUN = "Now:\n\n```python\nprint(1)\n```\n"
PAST: list[Event] = [Said("You write code.", "system"), Said("do it")]


def play(model: Model, output: str = "1\n") -> list[Event]:
    events: list[Event] = []
    executor = ListExecutor(ExecResult(0, output))
    drive(converse(PAST, model, executor, Terms(Budget())), events.append)
    return events


def kept(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Chunk)]


def models() -> dict[str, Model]:
    busy, no_key = refusal(503, "busy"), refusal(401, "no")
    cut = stream_of(piece("```python\nrm()\n"))
    done = stream_of(piece("Done.", "stop"), usage(40, 2))
    run = stream_of(piece(reasoning="hm"), piece(RUN, "stop"), usage(20, 9))
    seed = refusal(400, "Unsupported parameter: 'seed'", param="seed")
    return {
        "scripted": ScriptedModel([RUN, "Done."]),
        "served": model_of(run, done)[0],
        "busy and odd": model_of(busy, seed, run, busy, done, seed=1)[0],
        "broken first": model_of(cut, run, done)[0],
        "always broken": model_of(cut)[0],
        "refused": model_of(stream_of(piece(refusal="No.", finish="stop")))[0],
        "no key": model_of(no_key)[0],
        "no key later": model_of(run, no_key)[0],
        "used up": ScriptedModel([RUN]),
    }


ENDINGS = {
    "scripted": "done",
    "served": "done",
    "busy and odd": "done",
    "broken first": "done",
    "always broken": "model-error",
    "refused": "refused",
    "no key": "model-error",
    "no key later": "model-error",
    "used up": "model-error",
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_replayed_run_is_the_recorded_one(name: str) -> None:
    recorded = play(models()[name])
    ending = recorded[-1]
    assert isinstance(ending, Finished)
    assert ending.status == ENDINGS[name]
    replayed = play(ReplayModel([*PAST, *kept(recorded)]))
    assert kept(replayed) == kept(recorded)


def test_waits_and_notices_reach_the_user() -> None:
    events = play(models()["busy and odd"])
    assert len([event for event in events if isinstance(event, Retrying)]) == 2
    assert len([event for event in events if isinstance(event, Notice)]) == 1


def test_code_of_a_reply_that_broke_off_never_runs() -> None:
    events = play(models()["broken first"])
    assert next(event.finish for event in events if isinstance(event, Replied)) == "broken"
    assert [event.block.code for event in events if isinstance(event, Ran)] == ["print(1)\n"]


def test_code_that_now_prints_something_else_ends_the_replay_with_a_diff() -> None:
    recorded = kept(play(models()["served"]))
    ending = play(ReplayModel([*PAST, *recorded]), output="2\n")[-1]
    assert isinstance(ending, Finished)
    assert ending.status == "model-error"
    assert "request 2 differs" in ending.detail
    assert "-1\n+2" in ending.detail


def test_code_that_takes_another_time_does_not() -> None:
    model = models()["served"]
    recorded = kept(play(model, "1 passed in 0.02s at 0x7f00aa11\n"))
    ending = play(ReplayModel([*PAST, *recorded]), "1 passed in 1.7s at 0x55aa\n")[-1]
    assert ending == Finished("done")
