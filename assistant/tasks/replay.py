"""Run a record again, offline: the loop must make the same events of the same answers."""

import difflib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from assistant.budget import Budget
from assistant.events import (
    Asked,
    Checked,
    Checking,
    Chunk,
    Event,
    Finished,
    Notice,
    Output,
    RecordError,
    Replied,
    Retrying,
    SandboxError,
    Started,
    UsageError,
)
from assistant.loop import converse, drive
from assistant.protocols import Executor, Model, Terms
from assistant.tasks.suggest import Suggesting
from assistant.transcript import by_user

Sink = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first event that came out otherwise: its number in the record, and a diff."""

    number: int
    diff: str


class RecordedCheck:
    """A check that gives the verdicts of a turn of a record, in order."""

    def __init__(self, verdicts: Sequence[Checked]) -> None:
        self.command = verdicts[0].command
        self._left = list(verdicts)

    def run(self, seconds: float) -> Generator[Checking | Output | Notice, None, Checked]:
        if not self._left:
            raise SandboxError("the record holds no further verdict of the check")
        checked = self._left.pop(0)
        yield Checking(checked.command)
        return checked


class Told:
    """An executor around an executor: ``look`` says what it said in the recorded turn."""

    def __init__(self, executor: Executor) -> None:
        self.run = executor.run
        self.sentences: tuple[str, ...] = ()

    def look(self) -> Sequence[str]:
        return self.sentences


def replay(
    events: Sequence[Event], model: Model, executor: Executor, *sinks: Sink
) -> Difference | None:
    """Say every message of a record again and compare each event that is kept.

    What stands between two turns (an undo, a note) is taken as recorded. The first turn that the
    record does not finish ends the replay. Raises UsageError for a task that needs more than
    its record.
    """
    kind = next((event.task for event in events if isinstance(event, Started)), "")
    if kind not in ("", "suggest"):
        raise UsageError(
            f"this is the record of an {kind} task, which needs its files too",
            "Give the command that made it, in that folder, with --model replay:RECORD",
        )
    turn = Suggesting if kind else None
    told = Told(executor)
    position = 0
    while position < len(events):
        event = events[position]
        position += 1
        for sink in sinks:
            sink(event)
        if not by_user(event):
            continue
        end = _end_of_turn(events, position)
        if end is None:
            return None
        told.sentences = _outside(events[position])
        made: list[Event] = []
        run = converse(events[:position], model, told, _terms(events, position, end), turn)
        drive(run, made.append, *sinks)
        if found := _compare(events[position:end], made, position):
            return found
        position = end
    return None


def _end_of_turn(events: Sequence[Event], start: int) -> int | None:
    for index in range(start, len(events)):
        if isinstance(events[index], Finished):
            return index + 1
    return None


def _outside(first: Event) -> tuple[str, ...]:
    """A turn begins with a notice only where something had changed outside."""
    return (first.text,) if isinstance(first, Notice) else ()


def _terms(events: Sequence[Event], position: int, end: int) -> Terms:
    """What the turn was held to. Time is not: a replay takes none.

    A check can be set and dropped between turns; where it is set, a turn that ends asks it.
    """
    started = next((e for e in events[:position] if isinstance(e, Started)), None)
    if started is None:
        raise RecordError("the record does not begin with how it was started")
    caps: dict[str, Any] = {name: _cap(name, value) for name, value in started.budget.items()}
    budget = replace(Budget(None, None, None, None, None), **{**caps, "seconds": None})
    verdicts = [event for event in events[position:end] if isinstance(event, Checked)]
    return Terms(budget=budget, check=RecordedCheck(verdicts) if verdicts else None)


def _cap(name: str, value: str) -> int | float | Decimal | bool | None:
    if value in ("", "none"):
        return None
    if name == "dollars_required":
        return value == "true"
    if name == "dollars":
        return Decimal(value)
    return float(value) if name == "seconds" else int(value)


def _compare(recorded: Sequence[Event], made: Sequence[Event], offset: int) -> Difference | None:
    now = [event for event in made if not _is_passing(event)]
    then = [(offset + n, e) for n, e in enumerate(recorded, start=1) if not _is_passing(e)]
    for index in range(max(len(then), len(now))):
        number, old = then[index] if index < len(then) else (offset + len(recorded), None)
        new = now[index] if index < len(now) else None
        if _same(old, new):
            continue
        lines = difflib.unified_diff(_lines(old), _lines(new), "recorded", "replayed", lineterm="")
        return Difference(number, "\n".join(lines))
    return None


def _is_passing(event: Event) -> bool:
    """Shown while a turn goes on; not compared, since a replay waits for nothing."""
    return isinstance(event, Chunk | Output | Retrying | Checking | Notice | Asked)


def _same(old: Event | None, new: Event | None) -> bool:
    """Equal, but for how long a reply took."""
    if isinstance(old, Replied) and isinstance(new, Replied):
        return replace(old, seconds=0.0) == replace(new, seconds=0.0)
    return old == new


def _lines(event: Event | None) -> list[str]:
    return [] if event is None else str(event).replace("\\n", "\n").splitlines()
