"""Golden conversations: replayed through today's loop, every event is as it was recorded."""

from dataclasses import replace
from pathlib import Path

import pytest

from assistant.events import Event, Ran, Replied, Said, Started
from assistant.model.replay import ReplayModel
from assistant.record import load
from assistant.sandbox.replay import ReplaySandbox
from assistant.tasks.replay import Difference, replay

RECORDS = sorted((Path(__file__).parent / "records").glob("*.jsonl"))
CONVERSATIONS = [record for record in RECORDS if record.stem.startswith("demo")]


def events_of(record: Path) -> list[Event]:
    return list(load(record).events)


def again(events: list[Event]) -> Difference | None:
    return replay(events, ReplayModel(events), ReplaySandbox(events))


@pytest.mark.parametrize("record", CONVERSATIONS, ids=lambda record: record.stem)
def test_every_event_is_as_recorded(record: Path) -> None:
    assert again(events_of(record)) is None


@pytest.mark.parametrize("record", CONVERSATIONS, ids=lambda record: record.stem)
def test_a_change_anywhere_is_found(record: Path) -> None:
    events = events_of(record)
    for index, event in enumerate(events):
        changed = list(events)
        if isinstance(event, Ran):
            changed[index] = replace(event, result=replace(event.result, exit_code=7))
        elif (isinstance(event, Replied) and "```" in event.text) or (
            isinstance(event, Said) and event.role == "result"
        ):
            changed[index] = replace(event, text="something else")
        else:
            continue
        assert again(changed), f"event {index}: {event}"


def test_a_record_without_a_beginning_cannot_be_replayed() -> None:
    every = events_of(CONVERSATIONS[0])
    events: list[Event] = [event for event in every if not isinstance(event, Started)]
    with pytest.raises(Exception, match="does not begin"):
        again(events)
