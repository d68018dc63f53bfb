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
