"""Signals at random points in a pseudo-terminal: the session ends, or goes on, as it says."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.record import load
from tests.cli.conftest import Program, records
from tests.faults.runs import containers
from tests.terminal.driver import Terminal

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
Replies = Callable[..., None]
SLOW = (
    "Look:\n```python\nimport time\nfor n in range(4):\n"
    "    print('at', n)\n    time.sleep(0.3)\n```\n"
)


def opened(program: Program) -> Terminal:
    command = [sys.executable, "-m", "assistant", "--folder", str(program.folder)]
    return Terminal(
        columns=100,
        environment={**_variables(), **program.variables, "PYTHONFAULTHANDLER": "1"},
        command=command,
    )


def _variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(("XDG", "DOCKER"))}


def disturbed(
    program: Program, llmock: Any, replies: Replies, home: Path, client: Any, points: int, seed: int
) -> None:
    chance = random.Random(seed)
    for point in range(points):
        number = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)[point % 3]
        llmock.reset()
        replies(SLOW, "All done.", "Good bye.", "x", "x")
        before = set(records(home))
        with opened(program) as terminal:
            terminal.expect("next message:")
            terminal.type("Go.\r")
            terminal.read(chance.uniform(0.0, 2.5))
            terminal.process.send_signal(number)
            if number == signal.SIGINT:  # It ends what runs; the session goes on.
                terminal.settle(1.0)
                terminal.type("\x15/help\r")
                terminal.expect("/undo")
                terminal.type("\x04")
            try:
                code = terminal.leave()
            except subprocess.TimeoutExpired:
                terminal.process.send_signal(signal.SIGABRT)
                terminal.settle()
                raise AssertionError(f"{number.name}: {terminal.text}") from None
            assert code in (0, 128 + number), terminal.text
            assert "a fault of this program" not in terminal.text
        assert containers(client, terminal.process.pid) == []
        for record in set(records(home)) - before:
            assert not load(record).damaged


def test_signals_at_some_points(
    contained: Program, llmock: Any, replies: Replies, home: Path, client: Any
) -> None:
    disturbed(contained, llmock, replies, home, client, 4, 5)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_signals_at_many_points(
    contained: Program, llmock: Any, replies: Replies, home: Path, client: Any
) -> None:
    disturbed(contained, llmock, replies, home, client, 100, time.time_ns())
