"""CPU that showing a reply takes, and how soon a key is echoed while one streams.

10,000 tokens should stay under 0.3 s, twice the text take twice the time, and an echo 5 ms. Every
token is fed on its own, as a stream does, and each time the unfinished line is handed over to be
drawn. Frames are drawn by the prompt, at most 20 a second however fast tokens come; the echo is
measured with all of it at work, in a pseudo-terminal.
"""

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from assistant.events import (
    Chunk,
    CodeBlock,
    ExecResult,
    Finished,
    Output,
    Ran,
    Replied,
    Reserved,
    Running,
    Said,
    Started,
    Usage,
)
from assistant.record import Recorder
from assistant.sessions import Sessions
from assistant.terminal.markdown import Preview
from assistant.terminal.render import Renderer
from assistant.terminal.theme import Line, theme

WORDS = [
    "the",
    "model",
    "writes",
    "a",
    "long",
    "reply",
    "about",
    "files",
    "and",
    "tests",
    "so",
    "that",
    "the",
    "screen",
    "has",
    "work",
]
CODE = '''\
def total(items: list[int], start: int = 0) -> int:
    """The sum of all items, counted from start."""
    for number, item in enumerate(items):
        if item > 100 and number != 7:
            start += item * 2  # twice as much
    return start
'''


class NoScreen:
    """Paints what it is given and throws it away."""

    columns, rich = 100, True

    def __init__(self) -> None:
        self.theme = theme("dark")
        self.characters = 0
        self.preview: Preview | None = None

    def show(self, rows: Iterable[Line], live: Preview | None = None) -> None:
        self.characters += sum(len(self.theme.paint(row)) for row in rows)
        self.preview = live

    def pulse(self, text: str) -> None:
        pass


def prose(tokens: int) -> str:
    rng = random.Random(7)
    text = []
    for number in range(int(tokens * 0.8)):
        word = rng.choice(WORDS)
        text.append(f"**{word}** " if number % 20 == 0 else f"{word} ")
        if number % 60 == 59:
            text.append("\n\n" if number % 120 == 119 else "\n- item with `code` ")
    return "".join(text)


def code(tokens: int) -> str:
    return "```python\n" + CODE * (tokens // 75) + "```\n"


def mixed(tokens: int) -> str:
    part = prose(250) + "\n\n" + code(250) + "\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    return part * (tokens // 500)


def seconds(text: str) -> float:
    """CPU seconds for the text, four characters at a time."""
    screen = NoScreen()
    renderer = Renderer(screen)
    before = time.process_time()
    for at in range(0, len(text), 4):
        renderer(Chunk(text[at : at + 4]))
    renderer(Replied(text))
    return time.process_time() - before


def output(lines: int) -> float:
    """CPU seconds for lines of program output."""
    renderer = Renderer(NoScreen())
    block = CodeBlock("python", "run()")
    renderer(Running(block))
    before = time.process_time()
    for number in range(lines):
        renderer(Output(f"line {number} of what the program prints, as it comes\n"))
    renderer(Ran(block, ExecResult(0, "")))
    return time.process_time() - before


def echoes(keys: int = 60) -> list[float]:
    """Seconds from a key press until its echo, while a reply streams."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from tests.terminal.driver import Terminal  # The checkout's, so only when this file is run.

    took = []
    with Terminal() as terminal:
        terminal.expect("talker")
        terminal.type("slow\r")
        terminal.expect("tick tick")
        for number in range(keys):
            terminal.read(0.07)
            key = "abcdefghij"[number % 10]
            seen = len(terminal.raw)
            began = time.perf_counter()
            terminal.type(key)
            while key.encode() not in terminal.raw[seen:]:
                terminal.read(0.0005)
            took.append(time.perf_counter() - began)
    return took


def long_session(home: Path, turns: int) -> Path:
    """A session of so many turns in a home of its own; the folder that it is about."""
    folder = home / "project"
    folder.mkdir()
    sessions = Sessions(home / "data")
    record = sessions.record(sessions.new().name)
    with Recorder(record) as recorder, unsynced():
        recorder(Started("1", "gpt-4o", str(folder)))
        recorder(Said("You run code. " * 200, "system"))
        block = CodeBlock("python", CODE)
        for turn in range(turns):
            recorder(Said(f"Message {turn}: add up what is in the files, please."))
            recorder(Reserved(2000, 16_384, Decimal("0.01")))
            recorder(Replied(f"{prose(60)}\n\n```python\n{CODE}```\n", Usage(2000, 0, 300)))
            recorder(Running(block))
            recorder(Ran(block, ExecResult(0, "line of output\n" * 40, 0.1)))
            recorder(Said("exit 0\n" + "line of output\n" * 40, "result"))
            recorder(Replied(prose(80), Usage(2500, 0, 100)))
            recorder(Finished("done"))
    return folder


@contextmanager
def unsynced() -> Iterator[None]:
    """Without waiting for the disk: what is measured comes later."""
    real, os.fsync = os.fsync, lambda fd: None
    try:
        yield
    finally:
        os.fsync = real


def opening(home: Path, folder: Path, *flags: str) -> tuple[float, float, float]:
    """Until the session stands: seconds, seconds of CPU, and the most memory held, in MB."""
    from tests.terminal.driver import Terminal

    environment = {
        "HOME": str(home),
        "ASSISTANT_DATA_FOLDER": str(home / "data"),
        "OPENAI_API_KEY": "sk-none-at-all",
        "ASSISTANT_LOCAL": "true",
    }
    command = [sys.executable, "-m", "assistant", "--folder", str(folder), *flags]
    began = time.perf_counter()
    with Terminal(command=command, environment=environment) as terminal:
        terminal.expect(lambda: "gpt-" in terminal.display[-1] or "gpt-" in terminal.text)
        took = time.perf_counter() - began
        status = Path(f"/proc/{terminal.process.pid}/status").read_text()
        peak = next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line)
        used = Path(f"/proc/{terminal.process.pid}/stat").read_text().rpartition(")")[2].split()
        cpu = (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")
        return took, cpu, peak / 1024


def main() -> None:
    seconds(code(200))  # The lexer compiles its patterns once per session.
    for make in (prose, code, mixed):
        text = make(10_000)
        once, twice = seconds(text), seconds(make(20_000))
        tokens = len(text) // 4
        print(f"{make.__name__:6} {tokens:6} tokens: {once:.3f} s CPU; twice: x{twice / once:.2f}")
    once, twice = output(10_000), output(20_000)
    print(f"output  10000 lines:  {once:.3f} s CPU; twice: x{twice / once:.2f}")
    took = sorted(1000 * seconds for seconds in echoes())
    with tempfile.TemporaryDirectory() as name:
        sys.path.insert(0, str(Path(__file__).parent.parent))
        home = Path(name)
        folder = long_session(home, 1000)
        opening(home, folder)  # What is compiled and cached by a first start.
        for what, flags in (("first prompt", ()), ("1,000 turns resumed", ("--resume",))):
            runs = [opening(home, folder, *flags) for _ in range(5)]
            middle, cpu = (statistics.median(run[at] for run in runs) for at in (0, 1))
            least, memory = min(runs)[0], max(run[2] for run in runs)
            print(f"{what}: {middle:.2f} s (best {least:.2f}), {cpu:.2f} s CPU, {memory:.0f} MB")
    print(f"echo while streaming: median {statistics.median(took):.1f} ms, worst {took[-1]:.1f} ms")


if __name__ == "__main__":
    main()
