"""One task of the real program, to be disturbed; and what must be so afterwards."""

import json
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant.events import EXIT_CODES
from assistant.record import KEPT, load
from tests.cli.conftest import Program

OLD = {"a.py": "x = 1\n", "b.py": "y = 1\n" * 3000}
NEW = {"a.py": "x = 2\n", "b.py": "y = 2\n" * 3000, "c.py": "z = 2\n"}
REPLIES = (
    "I begin.\n```python\nfor name, word in (('a.py', 'x'), ('b.py', 'y'), ('c.py', 'z')):\n"
    "    n = 3000 if word == 'y' else 1\n"
    "    open(name, 'w').write(f'{word} = 2\\n' * n)\nprint('written')\n```\n",
    "It is done.",
)
TASK = ("run", "Make it 2.", "--check", "grep -q 2 a.py", "--apply", "--json-stream")
KNOWN_CODES = {*EXIT_CODES.values(), 129, 130, 143}
_DURABLE = {kind.__name__ for kind, kept in KEPT.items() if kept}


def prepare(folder: Path) -> None:
    for name in NEW:
        (folder / name).unlink(missing_ok=True)
    for name, text in OLD.items():
        (folder / name).write_text(text)


@dataclass
class Running:
    """A run whose lines are taken in as they come: what it has said, it must have kept."""

    process: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)
    complaint: str = ""

    def __post_init__(self) -> None:
        self._threads = [threading.Thread(target=t) for t in (self._read, self._read_errors)]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.endswith("\n"):
                self.lines.append(line)

    def _read_errors(self) -> None:
        assert self.process.stderr
        self.complaint = self.process.stderr.read()

    def wait(self, seconds: float) -> int:
        """Its exit code; AssertionError with what it last said where it hangs."""
        hangs = False
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            hangs = True
            self.process.send_signal(signal.SIGABRT)  # It says where it is.
            self.process.wait()
        for thread in self._threads:
            thread.join(30)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()
        assert not hangs, f"it hangs after {self.lines[-1:]}\n{self.complaint}"
        return self.process.returncode

    @property
    def acknowledged(self) -> list[dict[str, Any]]:
        events = [json.loads(line) for line in self.lines]
        return [event for event in events if event["type"] in _DURABLE]


def begin(program: Program, *arguments: str) -> Running:
    program.variables["PYTHONFAULTHANDLER"] = "1"
    return Running(program.start(*(arguments or TASK)))


def recorded(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a record; a torn last one is none."""
    found = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        event = json.loads(line)
        found.append({k: v for k, v in event.items() if k not in ("seq", "at", "crc")})
    return found


def nothing_lost(run: Running, record: Path | None) -> None:
    """All that was said to have happened is in the record, in order, and the record can be read."""
    if record is None:
        assert run.acknowledged == []
        return
    kept = iter(recorded(record))
    for event in run.acknowledged:
        assert any(event == one for one in kept), f"not kept: {event}"
    assert not load(record).damaged


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.glob("*.py"))}


def each_whole(folder: Path) -> None:
    """No file is half written, whichever of its two states it is in."""
    for name, text in contents(folder).items():
        assert text in (OLD.get(name), NEW[name]), f"half edited: {name}"


def all_or_none(folder: Path) -> None:
    assert contents(folder) in (OLD, NEW)


def containers(client: Any, pid: int | None = None) -> list[str]:
    """Containers of ours on this engine, or those of one process."""
    label = "assistant.owner=1" if pid is None else f"assistant.pid={pid}"
    found = client.api.containers(all=True, filters={"label": label})
    return [row["Names"][0].lstrip("/") for row in found]


def until(condition: Any, seconds: float = 60) -> bool:
    """Whether a condition comes to hold in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
