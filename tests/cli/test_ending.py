"""Signals become exceptions, but none that leaves what is being made broken, or gets lost."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model
from pydantic_core import core_schema

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


def interrupted(action: Callable[[], None]) -> None:
    """Do it, and be interrupted in it or after it."""

    def then_wait() -> None:
        action()
        time.sleep(30)

    with pytest.raises(KeyboardInterrupt):
        then_wait()


def a_module(folder: Path, number: signal.Signals, then: str = "") -> str:
    """The name of a module in whose middle the signal comes."""
    name = f"interrupted_{number.name.lower()}_{len(then)}"
    (folder / f"{name}.py").write_text(f"import signal\nsignal.raise_signal({number:d})\n{then}\n")
    return name


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_one_in_the_middle_of_an_import_lets_it_finish(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    name = a_module(tmp_path, number, "import signal as whole")
    imported = []
    interrupted(lambda: imported.append(import_module(name)))
    assert imported[0].whole is sys.modules.pop(name).whole is signal


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_an_import_that_does_not_finish_is_ended(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(ending, "_PATIENCE", 0.05)
    with pytest.raises(KeyboardInterrupt):
        import_module(a_module(tmp_path, number, "import time; time.sleep(30)"))


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_one_while_a_model_is_made_is_not_an_error_of_its_schema(number: signal.Signals) -> None:
    class Odd:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
            signal.raise_signal(number)
            return core_schema.any_schema()

    made: list[Any] = []
    interrupted(lambda: made.append(create_model("Whole", odd=(Odd, ...))))
    assert made[0](odd=1).model_dump() == {"odd": 1}


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
