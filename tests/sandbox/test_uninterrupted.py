import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from assistant.sandbox.uninterrupted import uninterrupted


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """Signals that reached the program's own handlers."""
    got: list[int] = []

    def handler(number: int, frame: FrameType | None) -> None:
        got.append(number)

    before = {n: signal.signal(n, handler) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield got
    for number, old in before.items():
        signal.signal(number, old)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits_until_the_end(number: signal.Signals, heard: list[int]) -> None:
    handler = signal.getsignal(number)
    with uninterrupted():
        signal.raise_signal(number)
        assert heard == []
    assert heard == [number]
    assert signal.getsignal(number) is handler


def test_a_second_one_does_not_wait(heard: list[int]) -> None:
    with uninterrupted():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert heard == [signal.SIGINT]
    assert heard == [signal.SIGINT, signal.SIGINT]


def test_the_work_is_done_before_the_interrupt_shows() -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [1]


def test_errors_pass_and_nesting_waits_for_the_outermost(heard: list[int]) -> None:
    with pytest.raises(ValueError, match="x"), uninterrupted():
        raise ValueError("x")
    with uninterrupted():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
        assert heard == []
    assert heard == [signal.SIGINT]


def test_in_another_thread_it_is_nothing(heard: list[int]) -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]
