"""The program is killed, or told to end, at random points: nothing acknowledged is lost."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Program, records
from tests.faults.runs import (
    REPLIES,
    Running,
    all_or_none,
    begin,
    containers,
    each_whole,
    nothing_lost,
    prepare,
)

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
LONGEST = 3.0
"""Seconds after which a run is over on most machines."""
ENDING = 60.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Replies = Callable[..., None]


class Disturbed:
    """Runs one task again and again, each time with a signal at a point of its own."""

    def __init__(self, program: Program, llmock: Any, replies: Replies, home: Path) -> None:
        self.program, self.llmock, self.replies, self.home = program, llmock, replies, home

    def run(self, number: signal.Signals, when: float) -> tuple[int, Running]:
        """The exit code, and the run that it was."""
        self.llmock.reset()
        self.replies(*REPLIES)
        prepare(self.program.folder)
        before = set(records(self.home))
        run = begin(self.program)
        time.sleep(when)
        run.process.send_signal(number)
        code = run.wait(ENDING)
        new = [path for path in records(self.home) if path not in before]
        nothing_lost(run, new[0] if new else None)
        each_whole(self.program.folder)
        assert not run.lines or "Traceback" not in run.complaint, run.complaint
        return code, run

    def go_on(self) -> None:
        """The next start works, says what it mends, and leaves all files in one state."""
        self.llmock.reset()
        self.replies("We go on.")
        resumed = self.program("--resume", given="And now?\n")
        assert resumed.returncode == 0, resumed.stdout + resumed.stderr
        assert "We go on." in resumed.stdout
        all_or_none(self.program.folder)


@pytest.fixture
def disturbed(contained: Program, llmock: Any, replies: Replies, home: Path) -> Disturbed:
    return Disturbed(contained, llmock, replies, home)


def killed(disturbed: Disturbed, client: Any, points: int, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(points):
        code, run = disturbed.run(signal.SIGKILL, chance.uniform(0.3, LONGEST))
        assert code in (0, -signal.SIGKILL)
        # Before the task was taken there is nothing to go on with.
        if any(event.get("role") == "user" for event in run.acknowledged):
            disturbed.go_on()
            left = containers(client, run.process.pid)
            assert left == [], f"an orphan after the next start; killed after {run.lines[-1:]}"


def test_killed_at_some_points(disturbed: Disturbed, client: Any) -> None:
    killed(disturbed, client, 8, 1)


def test_killed_at_some_points_without_a_container(
    program: Program, llmock: Any, replies: Replies, home: Path, client: Any
) -> None:
    killed(Disturbed(program, llmock, replies, home), client, 12, 2)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_at_many_points(disturbed: Disturbed, client: Any) -> None:
    killed(disturbed, client, 200, time.time_ns())


def ended(disturbed: Disturbed, client: Any, points: int, seed: int) -> None:
    """After a signal that asks, no container is there any more when the program is gone."""
    chance = random.Random(seed)
    for point in range(points):
        number = SIGNALS[point % len(SIGNALS)]
        code, run = disturbed.run(number, chance.uniform(0.05, LONGEST))
        assert code in (0, 128 + number, -number), run.complaint
        left = containers(client, run.process.pid)
        assert left == [], f"{number.name} left it, exit {code}, after {run.lines[-1:]}"


def test_ended_at_some_points(disturbed: Disturbed, client: Any) -> None:
    ended(disturbed, client, 9, 3)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_ended_at_many_points(disturbed: Disturbed, client: Any) -> None:
    ended(disturbed, client, 200, time.time_ns())
