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


def copy(folder: Path) -> None:
    bare = timed(lambda: fill(folder / "project"))
    sandbox = DockerSandbox(find_engine(os.environ), SandboxOptions(DEFAULT_IMAGE))
    sandbox.open()
    store = folder / "store"
    with Workspace(sandbox, folder / "project", store, lambda text, _: (text, [])) as work:
        first = timed(lambda: run(work, ""))
        print(
            f"first block, with the copy made: {first:.0f} ms; a plain loop that writes the files"
        )
        print(f"  once: {bare:.0f} ms ({first / bare:.1f} x; the copy is on disk twice)")
        same = statistics.median(timed(lambda: run(work, "")) for _ in range(ROUNDS))
        seen = statistics.median(timed(lambda: look(folder / "project")) for _ in range(ROUNDS))
        print(f"a block that changes nothing: {same:.0f} ms; a plain loop that looks at the files:")
        print(f"  {seen:.0f} ms ({same / seen:.1f} x)")
        change = "open('d1/f1', 'w').write('%s' * 50_000)"
        changed = statistics.median(timed(partial(run, work, change % n)) for n in range(ROUNDS))
        print(f"a block that changes one file, undo point included: {changed:.0f} ms")
        before = size(store)
        run(work, change % "z")
        print(f"the store grows by {size(store) - before} bytes for a change of 50000")
        print(f"the difference, as text: {timed(work.diff):.1f} ms")
        print(f"undo; redo: {timed(work.undo):.0f} ms; {timed(work.redo):.0f} ms")
        print(f"a look for what the user changed: {timed(work.look):.0f} ms")
    print(f"end of that session: {timed(sandbox.close):.0f} ms")


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
    middle = statistics.median(times)
    print(f"first block of a program just started: {middle:.0f} ms, {times[-1]:.0f} ms at most")
    with tempfile.TemporaryDirectory() as folder:
        copy(Path(folder))


if __name__ == "__main__":
    main()
