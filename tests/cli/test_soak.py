"""The real program for a while: random keys, pastes, resizes, interrupts, a server full of faults.

No crash, no event lost, nothing left running. SOAK_SECONDS makes the long form longer.
"""

import os
import random
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from assistant.events import Finished, Ran, Replied, Reserved, Running, Said, Summarised
from assistant.record import load
from tests.cli.conftest import Program, records, terminal
from tests.cli.test_sessions import wait_for
from tests.terminal.driver import Terminal
from tests.terminal.monkey import KEYS, come_to_rest, keys, paste, resize

TOKEN = f"86421.{os.getpid()}"
"""How long the soak's own sleepers sleep: by it they are known among all processes."""
SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
REPLIES = [
    "A plain word.",
    "# A heading\n\n**Bold**, `code` and a [link](http://x).\n\n| a | b |\n|---|---|\n| 1 | 2 |",
    "```python\nprint(sum(range(10)))\n```\n",
    "```bash\nfor n in $(seq 300); do echo line $n of it; done\n```\n",
    '```python title="m{n}.py"\nx = {n}\n```\n',
    "```bash\nfalse\n```\n",
    "```bash\nsleep TOKEN & sleep 3\n```\n",
    "```python\nimport time\nwhile True:\n    time.sleep(0.1)\n```\n",
    "```python\nprint('\\x1b[2J\\x1b]0;owned\\x07', chr(0x202e))\n```\n",
    "```\nno tag\n```\n",
    "word " * 2000,
    "",
]
COMMANDS = ["/help all", "/diff", "/undo", "/redo", "/rewind", "/budget", "/budget cost", "/fork"]
COMMANDS += ["/compact", "/nonsense", "/model gpt-4o", "/check true", "/check", "/check off"]
COMMANDS += [
    "/export talk{n}.html",
    "/see nothing.png",
    "/resolve",
    "/run",
    "/reset",
    "!ls",
    "!!pwd",
]
COMMANDS += ["!!pwd", "/apply", "/ask all", "/ask never", "/ask apply", "@m1.py", "y"]
PASTES = ["one", "two\nlines", "x" * 4000]


def trouble(server: Any, rng: random.Random) -> None:
    """The next thing that goes wrong at the server; mostly nothing."""
    match rng.randrange(14):
        case 0:
            server.rate_limit(retry_after=0.2)
        case 1:
            server.fail(503)
        case 2:
            server.disconnect(after_chunks=rng.randrange(1, 5))
        case 3:
            server.truncate(after_chunks=rng.randrange(1, 5))
        case 4:
            server.corrupt(after_chunks=rng.randrange(1, 5))
        case 5:
            server.stall(after_chunks=1, seconds=4)
        case 6:
            server.context_overflow()
        case 7:
            server.slow_first_token(1.0)


def act(screen: Terminal, server: Any, rng: random.Random, count: int) -> str:
    """One thing that a user does; what it was."""
    step = rng.randrange(14)
    if step < 4:
        server.reply(rng.choice(REPLIES).replace("TOKEN", TOKEN).replace("{n}", str(count)))
        trouble(server, rng)
        done = f"message {count}\r"
    elif step < 8:
        done = rng.choice(COMMANDS).replace("{n}", str(count)) + "\r"
    elif step < 10:
        done = keys(rng, KEYS)
    elif step == 10:
        done = paste(rng, PASTES)
    elif step == 11:
        resize(screen, rng)
        done = ""
    else:
        # Two within a second on an empty line would leave, as they should.
        screen.type("xx")  # The first may end an escape sequence.
        done = "\x03"
    screen.type(done)
    return done


@pytest.mark.parametrize("seed", [3, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.timeout(7200)
def test_soak(program: Program, llmock: Any, home: Path, seed: int) -> None:
    rng = random.Random(seed if seed == 3 else time.time_ns())
    program.variables |= {"ASSISTANT_SILENCE": "2", "ASSISTANT_WINDOW": "6000"}
    log: list[str] = []
    with terminal(
        program, "--max-reply", "800", "--ask", "never", ASSISTANT_THEME="dark"
    ) as screen:
        screen.expect("sandbox ready")
        end = time.monotonic() + (15.0 if seed == 3 else SECONDS)
        count = 0
        while time.monotonic() < end:
            count += 1
            log.append(act(screen, llmock, rng, count))
            assert screen.read(rng.random() * 0.4), (log[-20:], screen.text[-3000:])
            sound(screen)
        come_to_rest(screen)
        llmock.reset()

        end = time.monotonic() + 240
        alive = True
        while alive and time.monotonic() < end:  # What runs is stopped, what is typed is cleared.
            for keys in ("xx\x03", "\x04"):
                with suppress(OSError):  # It has left in between.
                    screen.type(keys)
                alive = alive and screen.read(0.8)
        assert not alive, (log[-20:], screen.text[-3000:])
        # A Ctrl-C of ours may have come when it had said goodbye already.
        assert screen.leave() in (0, 130), (log[-20:], screen.text[-3000:])
        assert b"go on with it: assistant --resume" in screen.raw
        sound(screen)
    assert not list((home / ".local").rglob("crash-*.log"))
    for record in records(home):
        whole(record)
    wait_for(lambda: not leftovers(), 30)


def sound(screen: Terminal) -> None:
    # Of code that is interrupted there are tracebacks too, after the bar of its output.
    found = re.search(rb"[\r\n]Traceback \(most recent", screen.raw)
    assert not found, screen.raw[max(found.start() - 1500, 0) : found.end() + 1500]
    assert b"a fault of this program" not in screen.raw
    assert b"that key failed" not in screen.raw
    if len(screen.raw) > 2_000_000:
        screen.raw = screen.raw[-100:]


def whole(record: Path) -> None:
    """Nothing of the record is damaged; what was begun has ended, in this order."""
    loaded = load(record)
    assert not loaded.damaged
    assert not loaded.torn
    assert [one.seq for one in loaded.recorded] == list(range(1, len(loaded.recorded) + 1))
    asked = running = turn = False
    for event in loaded.events:
        match event:
            case Reserved():
                assert not asked, record
                asked = True
            case Replied() | Summarised():
                assert asked, record
                asked = False
            case Running():
                assert not running, record
                running = True
            case Ran():
                assert running, record
                running = False
            case Said(role="user"):
                assert not turn, record
                turn = True
            case Finished():
                assert turn, record
                assert not asked or event.status in ("interrupted", "model-error"), record
                running = running and event.status != "sandbox-error"
                asked = turn = False
    assert not turn


def leftovers() -> list[str]:
    """Processes of ours that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if TOKEN in line:
            found.append(line)
    return found


if sys.platform != "linux":
    pytest.skip("looks at /proc", allow_module_level=True)
