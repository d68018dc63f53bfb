"""What working on a copy costs, with 10,000 files of 20 kB, and when the first block has run.

    python benchmarks/workspace.py

Milliseconds. After a block the workspace is searched for what changed, and an undo point is made.
What the file system itself takes for so many files stands beside: it differs much from hour to
hour, and where many files were deleted a moment ago.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from assistant.events import CodeBlock, ExecResult
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import find_engine
from assistant.sandbox.image import DEFAULT_IMAGE
from assistant.sandbox.options import SandboxOptions
from assistant.sandbox.workspace import Workspace

FILES, EACH, ROUNDS = 10_000, 20_000, 9


def timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def run(work: Workspace, code: str) -> None:
    going = work.run(CodeBlock("python", code), 60)
    try:
        while True:
            next(going)
    except StopIteration as end:
        result: ExecResult = end.value
    assert result.ok, result.output


def fill(folder: Path) -> None:
    for number in range(FILES):
        path = folder / f"d{number % 100}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(number.to_bytes(4, "big") * (EACH // 4))


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def look(folder: Path) -> None:
    for below in os.listdir(folder):
        with os.scandir(folder / below) as entries:
            for entry in entries:
                entry.stat(follow_symlinks=False)


@dataclass(frozen=True)
class Copied:
    """Milliseconds, but for ``grown``."""

    loop: float
    """A plain loop that writes the files once."""
    first: float
    """The first block, with the copy made; its files are on disk twice then."""
    seen: float
    """A plain loop that looks at all files."""
    same: float
    """A block that changes nothing."""
    changed: float
    """A block that changes one file, undo point included."""
    grown: int
    """Bytes of the store for a change of 50,000."""
    diff: float
    undo: float
    redo: float
    look: float
    """For what the user has changed."""
    end: float
    """Of the session."""


def copied(folder: Path) -> Copied:
    loop = timed(lambda: fill(folder / "project"))
    sandbox = DockerSandbox(find_engine(os.environ), SandboxOptions(DEFAULT_IMAGE))
    sandbox.open()
    store, change = folder / "store", "open('d1/f1', 'w').write('%s' * 50_000)"
    with Workspace(sandbox, folder / "project", store, lambda text, _: (text, [])) as work:
        first = timed(lambda: run(work, ""))
        same = middle(lambda _: run(work, ""))
        seen = middle(lambda _: look(folder / "project"))
        changed = middle(lambda number: run(work, change % number))
        before = size(store)
        run(work, change % "z")
        grown = size(store) - before
        diff, undo, redo = timed(work.diff), timed(work.undo), timed(work.redo)
        looked = timed(work.look)
    end = timed(sandbox.close)
    return Copied(loop, first, seen, same, changed, grown, diff, undo, redo, looked, end)


def middle(act: Callable[[int], Any]) -> float:
    return statistics.median(timed(partial(act, number)) for number in range(ROUNDS))


def first_block() -> float:
    """From the start of the program until what its block prints has come."""
    command = [sys.executable, "-m", "assistant", "exec", "-", "--lang", "python"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"print(1)")
        process.stdin.close()
        assert process.stdout.readline() == b"1\n"
        took = (time.perf_counter() - began) * 1000
        process.stdout.read()
    return took


def main() -> None:
    times = sorted(first_block() for _ in range(ROUNDS))
    print(f"first block of a program just started: {statistics.median(times):.0f} ms", end=", ")
    print(f"{times[-1]:.0f} ms at most")
    with tempfile.TemporaryDirectory() as folder:
        found = copied(Path(folder))
    print(f"first block, with the copy made: {found.first:.0f} ms")
    print(f"a plain loop that writes the files once: {found.loop:.0f} ms")
    print(f"a block that changes nothing: {found.same:.0f} ms")
    print(f"a plain loop that looks at the files: {found.seen:.0f} ms")
    print(f"a block that changes one file, undo point included: {found.changed:.0f} ms")
    print(f"the store grows by {found.grown} bytes for a change of 50000")
    print(f"the difference, as text: {found.diff:.1f} ms")
    print(f"undo; redo: {found.undo:.0f} ms; {found.redo:.0f} ms")
    print(f"a look for what the user changed: {found.look:.0f} ms")
    print(f"end of that session: {found.end:.0f} ms")


if __name__ == "__main__":
    main()
