"""Nothing is written over the screen by what fails where nobody can catch it."""

import threading
import time

import pytest

from assistant.terminal.faults import caught


class Falls:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __del__(self) -> None:
        raise self.error


def test_threads_and_destructors_are_told_and_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError("in a thread")

    with caught(repr) as told:
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        falls = Falls(KeyError("in a destructor"))
        del falls
    assert told == ["ValueError('in a thread')", "KeyError('in a destructor')"]
    assert capfd.readouterr() == ("", "")


def test_a_ctrl_c_that_landed_in_a_destructor_comes_again(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def lose_it() -> None:
        falls = Falls(KeyboardInterrupt())
        del falls
        end = time.monotonic() + 60
        while time.monotonic() < end:
            time.sleep(0.01)

    with caught(repr) as told, pytest.raises(KeyboardInterrupt):
        lose_it()
    assert told == []
    assert capfd.readouterr() == ("", "")
