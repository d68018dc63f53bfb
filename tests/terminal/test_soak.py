"""Random keys, pastes, resizes and interrupts for a while: no crash, no lost session."""

import os
import random
import time

import pytest

from tests.terminal.driver import Terminal
from tests.terminal.monkey import WILD, come_to_rest, keys, paste, resize

MESSAGES = ["hello", "code", "wide", "table", "hostile", "lines", "slow", "sleep", "fail", "emit"]
MESSAGES += ["retry", "crash", "/help", "/diff", "/budget", "/undo", "/nonsense", "!ls", "!!pwd"]
SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
PASTES = ["one", "a\nb", "x" * 5000]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_soak(seed: int) -> None:
    """The first is short; the other goes on for SOAK_SECONDS (60)."""
    seconds = 4.0 if seed == 1 else SECONDS
    rng = random.Random(seed if seed == 1 else time.time_ns())
    log: list[str] = []
    with Terminal({"ask": "all"} if seed == 2 else {}, rows=24) as terminal:
        terminal.expect("talker")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            step = rng.randrange(12)
            if step < 5:
                typed = f"{rng.choice(MESSAGES)}\r"
            elif step < 9:
                typed = keys(rng, WILD)
            elif step == 9:
                typed = paste(rng, PASTES)
            elif step == 10:
                resize(terminal, rng)
                typed = ""
            else:
                # Two within a second on an empty line would leave, as they should.
                terminal.type("x")
                typed = "\x03"
            log.append(typed)
            terminal.type(typed)
            alive = terminal.read(rng.random() * 0.2)
            assert alive, (log[-20:], terminal.text)
        come_to_rest(terminal)
        for _ in range(4):
            terminal.type("x\x03")
            terminal.read(0.5)
        terminal.type("\x15hello soak-end\r")
        terminal.expect("soak-end")
        assert b"Traceback (most recent call last)" not in terminal.raw
        assert "a fault of this program" not in terminal.text
        assert "that key failed" not in terminal.text
