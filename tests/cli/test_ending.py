"""Signals become exceptions, but never one that would leave the lock of all imports behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.cli import ending

ENDING = [signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def listening() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDING)}
    ending.listen()
    yield
    ending.RECEIVED.clear()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
def test_those_that_end_the_program_are_kept(number: signal.Signals) -> None:
    with pytest.raises(ending.Signalled, match=number.name):
        signal.raise_signal(number)
    assert [number] == ending.RECEIVED


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_one_in_the_import_systems_own_code_comes_a_moment_later(number: signal.Signals) -> None:
    names = {"signal": signal, "number": number, "done": []}
    there = compile(
        "signal.raise_signal(number); done.append(1)", "<frozen importlib._bootstrap>", "exec"
    )
    exec(there, names)
    assert names["done"] == [1]
    with pytest.raises(KeyboardInterrupt):
        time.sleep(30)
    assert ([] if number == signal.SIGINT else [number]) == ending.RECEIVED


class Freed:
    """A signal comes while it is freed, where nothing can be raised."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def __del__(self) -> None:
        signal.raise_signal(self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_one_where_nothing_can_be_raised_comes_a_moment_later(number: signal.Signals) -> None:
    freed = [Freed(number)]
    freed.clear()
    with pytest.raises(KeyboardInterrupt):
        time.sleep(30)
    assert set(ending.RECEIVED) == (set() if number == signal.SIGINT else {number})


def test_a_ctrl_c_that_is_ignored_stays_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ending.listen()
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


LATE = """
import atexit, os, signal, sys
from assistant.cli import main
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    atexit.register(os.kill, os.getpid(), number)
sys.argv = ["assistant", "man"]
sys.exit(main())
"""


def test_one_that_comes_when_all_is_over_changes_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(".")
    assert len(done.stdout) > 3000


CAUGHT = """
import sys
from assistant.cli.ending import over
try:
    exec("raise KeyboardInterrupt")
except KeyboardInterrupt:
    pass
over(3)
sys.exit(3)
"""


def test_one_that_was_caught_in_code_made_from_a_string_is_over(tmp_path: Path) -> None:
    (tmp_path / "caught.py").write_text(CAUGHT)
    done = subprocess.run([sys.executable, "-m", "caught"], cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stderr) == (3, b"")
