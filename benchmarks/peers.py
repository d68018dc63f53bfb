"""A session of the sandbox beside other ways to run blocks in a container, in turn, in one sitting.

    python benchmarks/peers.py PYTHON [ROUNDS]

PYTHON is an interpreter that has ``autogen-ext[docker]`` and ``llm-sandbox``; what it lacks is left
out and said. All run the same programs in the same image. Milliseconds, medians.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from assistant.events import CodeBlock, ExecResult
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine, find_engine
from assistant.sandbox.image import DEFAULT_IMAGE
from assistant.sandbox.options import SandboxOptions

ROUNDS, TURNS = 20, 3
ROWS = ("start", "python", "shell", "end")
BLOCKS = (("python", "python", "print(1)"), ("shell", "bash", "echo 1"))

AUTOGEN = """
import asyncio, json, os, sys, tempfile, time
from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_ext.code_executors.docker import DockerCommandLineCodeExecutor

image, rounds, blocks = json.loads(sys.argv[1])
now = time.perf_counter
times = {}

async def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        executor = DockerCommandLineCodeExecutor(image=image, work_dir=folder)
        began = now()
        await executor.start()
        times["start"] = [now() - began]
        for row, language, code in blocks:
            block, times[row] = CodeBlock(code=code, language=language), []
            for _ in range(rounds):
                began = now()
                done = await executor.execute_code_blocks([block], CancellationToken())
                times[row].append(now() - began)
                assert done.exit_code == 0 and done.output.strip() == "1", done
        began = now()
        await executor.stop()
        times["end"] = [now() - began]

asyncio.run(main())
print(json.dumps(times))
"""

LLM_SANDBOX = """
import json, sys, time
from llm_sandbox import SandboxSession

image, rounds, blocks = json.loads(sys.argv[1])
now = time.perf_counter
times = {"python": []}
began = now()
session = SandboxSession(
    lang="python", image=image, keep_template=True, skip_environment_setup=True
)
with session:
    times["start"] = [now() - began]
    for _ in range(rounds):
        began = now()
        done = session.run(blocks[0][2])
        times["python"].append(now() - began)
        assert done.exit_code == 0 and done.stdout.strip() == "1", done
    began = now()
times["end"] = [now() - began]
print(json.dumps(times))
"""
PEERS = {"autogen-ext": AUTOGEN, "llm-sandbox": LLM_SANDBOX}

Times = dict[str, list[float]]


def peer(python: str, program: str, rounds: int) -> Times | str:
    """Seconds by row, or the last words of a peer that is not there or does not work."""
    asked = json.dumps([DEFAULT_IMAGE, rounds, BLOCKS])
    done = subprocess.run(
        [python, "-c", program, asked], capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no word"])[-1]
    found: Times = json.loads(done.stdout.splitlines()[-1])
    return found


def go(sandbox: DockerSandbox, block: CodeBlock) -> ExecResult:
    run = sandbox.run(block, 60)
    try:
        while True:
            next(run)
    except StopIteration as end:
        result: ExecResult = end.value
        return result


def timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def ours(engine: Engine, rounds: int) -> Times:
    sandbox = DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE))
    times = {"start": [timed(sandbox.open)]}
    for row, language, code in BLOCKS:
        block = CodeBlock(language, code)
        assert go(sandbox, block).output == "1\n"
        times[row] = [timed(partial(go, sandbox, block)) for _ in range(rounds)]
    times["end"] = [timed(sandbox.close)]
    return times


def main() -> None:
    if len(sys.argv) < 2:
        print("no interpreter with autogen-ext or llm-sandbox was named: nothing to compare with")
        return
    python, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    engine = find_engine(os.environ)
    found: dict[str, Times] = {}
    for _ in range(TURNS):
        turn: dict[str, Times | str] = {"a session of ours": ours(engine, rounds)}
        turn |= {name: peer(python, program, rounds) for name, program in PEERS.items()}
        for name, times in turn.items():
            if isinstance(times, str):
                print(f"{name} is left out: {times}")
                continue
            for row, values in times.items():
                found.setdefault(name, {}).setdefault(row, []).extend(values)
    print(f"{'':20}" + "".join(f"{row:>12}" for row in ROWS))
    for name, rows in found.items():
        cells = (f"{statistics.median(rows[r]) * 1000:.2f} ms" if r in rows else "-" for r in ROWS)
        print(f"{name:20}" + "".join(f"{cell:>12}" for cell in cells))


if __name__ == "__main__":
    main()
