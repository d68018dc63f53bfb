"""An interrupt waits for what must not be cut in half."""

import os
import signal
import threading
import time

import pytest

from assistant.sandbox.undisturbed import undisturbed


def test_results_and_errors_come_through() -> None:
    assert undisturbed(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        undisturbed(lambda: 1 // 0)


def test_an_interrupt_comes_after_the_work() -> None:
    done = []

    def work() -> None:
        for _ in range(10):
            time.sleep(0.05)
        done.append(True)

    for delay in (0.05, 0.1):
        threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        undisturbed(work)
    assert done


def test_an_interrupt_before_the_work_has_begun_keeps_it_from_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a busy machine, where a thread that was started may run only later."""
    start, late, done = threading.Thread.start, [], []

    def interrupted(thread: threading.Thread) -> None:
        late.append(thread)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        undisturbed(lambda: done.append(True))
    (thread,) = late
    start(thread)
    thread.join()
    assert not done
