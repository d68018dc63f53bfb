"""Ways to run a block of code, and how long each takes."""

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from assistant.events import CodeBlock, ExecResult
from assistant.following import followed
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.image import DEFAULT_IMAGE
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.options import SAMPLE, SandboxOptions
from assistant.sandbox.running import RunnerSandbox

PYTHON, SHELL = CodeBlock("python", "print(1)"), CodeBlock("bash", "echo 1")


def go(sandbox: RunnerSandbox, block: CodeBlock, seconds: float = 60) -> ExecResult:
    return followed(sandbox.run(block, seconds))


def timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def measured(act: Callable[[], Any], rounds: int) -> list[float]:
    for _ in range(min(5, rounds)):
        act()
    return [timed(act) for _ in range(rounds)]


def bare_fork() -> None:
    pid = os.fork()
    if pid == 0:
        exec(compile("x = 1", "block", "exec"), {})
        os._exit(0)
    os.waitpid(pid, 0)


@contextmanager
def plain_container(client: Any) -> Iterator[Any]:
    container = client.containers.run(
        DEFAULT_IMAGE, ["sleep", "600"], detach=True, network_mode="none", stop_signal="SIGKILL"
    )
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def from_stock(engine: Engine, rounds: int) -> list[float]:
    """Each block in a container of its own, as long as there are any that stand ready."""
    times: list[float] = []
    options = SandboxOptions(DEFAULT_IMAGE, "fresh", SAMPLE, spares=6)
    with DockerSandbox(engine, options) as sandbox:
        sandbox.open()
        while len(times) < rounds:
            stock = sandbox._stock
            assert stock is not None
            while len(stock._ready) < options.spares or stock._worn:
                time.sleep(0.05)
            times += [timed(lambda: go(sandbox, PYTHON)) for _ in range(options.spares)]
    return times


def ways(engine: Engine, rounds: int) -> dict[str, list[float]]:
    few = max(3, rounds // 20)
    rows: dict[str, list[float]] = {}
    options = SandboxOptions(DEFAULT_IMAGE)
    with DockerSandbox(engine, options) as sandbox:
        rows["session, Python block"] = measured(lambda: go(sandbox, PYTHON), rounds)
        rows["session, shell block"] = measured(lambda: go(sandbox, SHELL), rounds)
    with DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE, "fresh")) as sandbox:
        rows["fresh, Python block"] = measured(lambda: go(sandbox, PYTHON), few)
    rows["fresh, from a stock"] = from_stock(engine, max(12, few))
    with DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE, "pooled", SAMPLE)) as sandbox:
        rows["pooled, Python block"] = measured(lambda: go(sandbox, PYTHON), rounds)
    with LocalSandbox(LocalOptions(dict(os.environ))) as sandbox:
        rows["local session, Python block"] = measured(lambda: go(sandbox, PYTHON), rounds)
    with connect(engine.endpoint) as client:
        with plain_container(client) as container:
            execute = partial(container.exec_run, ["python3", "-c", "print(1)"])
            rows["docker exec"] = measured(execute, max(3, rounds // 5))
            shell = partial(container.exec_run, ["bash", "-c", "echo 1"])
            rows["docker exec, shell"] = measured(shell, max(3, rounds // 5))
        command = ["python3", "-c", "print(1)"]
        start = partial(client.containers.run, DEFAULT_IMAGE, command, remove=True)
        rows["docker run"] = measured(partial(start, network_mode="none"), few)
    rows["bare python3 -c"] = measured(
        lambda: subprocess.run([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE), rounds
    )
    rows["bare fork"] = measured(bare_fork, rounds)
    return rows


def programs() -> list[str]:
    """What a scorer runs: answers with their tests."""
    folder = os.environ.get("ASSISTANT_DATA")
    if not folder:
        return ["x = 1"] * 164
    path = Path(folder, "humaneval", "HumanEval.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    parts = ("prompt", "canonical_solution", "test")
    return [
        "\n".join([*(row[part] for part in parts), f"check({row['entry_point']})"]) for row in rows
    ]


def pooled(engine: Engine, codes: list[str], workers: int = 2) -> float:
    """Jobs per second in as many pooled containers."""
    gate = threading.Barrier(workers + 1)

    def worker(number: int) -> None:
        options = SandboxOptions(DEFAULT_IMAGE, "pooled", SAMPLE)
        with DockerSandbox(engine, options) as sandbox:
            go(sandbox, PYTHON)
            gate.wait()
            for code in codes[number::workers]:
                assert go(sandbox, CodeBlock("python", code)).ok
            gate.wait()

    threads = [threading.Thread(target=worker, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    gate.wait()
    took = timed(gate.wait) / 1000
    for thread in threads:
        thread.join()
    return len(codes) / took


def forked(codes: list[str], workers: int = 2) -> float:
    """The limit: the same in bare forks of warm interpreters, with no sandbox at all. This process
    is as warm as the forker inside: it has loaded what the answers import."""

    def work() -> None:
        children = []
        for number in range(workers):
            child = os.fork()
            if child == 0:
                for code in codes[number::workers]:
                    pid = os.fork()
                    if pid == 0:
                        exec(compile(code, "block", "exec"), {"__name__": "__main__"})
                        os._exit(0)
                    assert os.waitpid(pid, 0)[1] == 0
                os._exit(0)
            children.append(child)
        assert all(os.waitpid(child, 0)[1] == 0 for child in children)

    return len(codes) / timed(work) * 1000


def started(codes: list[str]) -> float:
    """The same by a new Python each, one after the other."""
    some = codes[::8]
    start = partial(subprocess.run, check=True, stdout=subprocess.DEVNULL)
    took = timed(lambda: [start([sys.executable, "-c", code]) for code in some])
    return len(some) / took * 1000
