"""What running a block costs, beside other ways to run one, in one sitting.

    python benchmarks/sandbox.py [ROUNDS]

Milliseconds for a trivial program, median and 95th percentile, and each median as a share of
``docker exec`` through the engine's own library. Below: what ending, flooding and files cost.
"""

import hashlib
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from assistant.events import CodeBlock, ExecResult
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine, connect, find_engine
from assistant.sandbox.image import DEFAULT_IMAGE
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.options import SAMPLE, SandboxOptions
from assistant.sandbox.running import RunnerSandbox
from assistant.sandbox.tree import Delta, Entry

ROUNDS = 200
PYTHON, SHELL = CodeBlock("python", "print(1)"), CodeBlock("bash", "echo 1")


class Blobs(dict[str, bytes]):
    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self[digest] = data
        return digest

    def get(self, digest: str) -> bytes:  # type: ignore[override]
        return self[digest]


def go(sandbox: RunnerSandbox, block: CodeBlock, seconds: float = 60) -> ExecResult:
    run = sandbox.run(block, seconds)
    try:
        while True:
            next(run)
    except StopIteration as end:
        result: ExecResult = end.value
        return result


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


def ways(engine: Engine, rounds: int) -> dict[str, list[float]]:
    few = max(3, rounds // 20)
    rows: dict[str, list[float]] = {}
    options = SandboxOptions(DEFAULT_IMAGE)
    with DockerSandbox(engine, options) as sandbox:
        rows["session, Python block"] = measured(lambda: go(sandbox, PYTHON), rounds)
        rows["session, shell block"] = measured(lambda: go(sandbox, SHELL), rounds)
    with DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE, "fresh")) as sandbox:
        rows["fresh, Python block"] = measured(lambda: go(sandbox, PYTHON), few)
    with DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE, "pooled", SAMPLE)) as sandbox:
        rows["pooled, Python block"] = measured(lambda: go(sandbox, PYTHON), rounds)
    with LocalSandbox(LocalOptions(dict(os.environ))) as sandbox:
        rows["local session, Python block"] = measured(lambda: go(sandbox, PYTHON), rounds)
    with connect(engine.endpoint) as client:
        with plain_container(client) as container:
            act = lambda: container.exec_run(["python3", "-c", "print(1)"])  # noqa: E731
            rows["docker exec"] = measured(act, max(3, rounds // 5))
        act = lambda: client.containers.run(  # noqa: E731
            DEFAULT_IMAGE, ["python3", "-c", "print(1)"], remove=True, network_mode="none"
        )
        rows["docker run"] = measured(act, few)
    rows["bare python3 -c"] = measured(
        lambda: subprocess.run([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE), rounds
    )
    rows["bare fork"] = measured(bare_fork, rounds)
    return rows


def ends(engine: Engine) -> dict[str, str]:
    facts: dict[str, str] = {}
    sandbox = DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE))
    facts["open a session"] = f"{timed(sandbox.open):.0f} ms"
    go(sandbox, PYTHON)
    stubborn = (
        "import signal, os, time\nfor n in (2, 15): signal.signal(n, signal.SIG_IGN)\n"
        "if os.fork() == 0: os.setsid()\nwhile True: time.sleep(1)"
    )
    took = timed(lambda: go(sandbox, CodeBlock("python", stubborn), 1)) - 1000
    facts["timeout of a deaf program returns after limit +"] = f"{took:.0f} ms (grace 1000)"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    flood = CodeBlock("python", "import os\nfor _ in range(1000): os.write(1, b'x' * 1000000)")
    took = timed(lambda: go(sandbox, flood))
    growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    facts["1 GB of output"] = f"{took:.0f} ms, the host grows by {growth:.1f} MiB"
    usage = "cat /sys/fs/cgroup/memory/memory.usage_in_bytes /sys/fs/cgroup/memory.current"
    go(sandbox, CodeBlock("bash", ":"))
    output = go(sandbox, CodeBlock("bash", f"{usage} 2>/dev/null")).output.split()
    facts["memory of an idle session"] = f"{int(output[0]) / (1 << 20):.0f} MiB" if output else "?"
    facts.update(files(sandbox))
    facts["end of a session"] = f"{timed(sandbox.close):.0f} ms"
    return facts


def throughput(
    work: Callable[[], AbstractContextManager[Callable[[], Any]]], jobs: int = 164, workers: int = 2
) -> str:
    """``work()`` opens a place and gives what runs one job in it."""
    gate = threading.Barrier(workers + 1)

    def worker() -> None:
        with work() as job:
            job()
            gate.wait()
            for _ in range(jobs):
                job()
            gate.wait()

    threads = [threading.Thread(target=worker) for _ in range(workers)]
    for thread in threads:
        thread.start()
    gate.wait()
    began = time.perf_counter()
    gate.wait()
    took = time.perf_counter() - began
    for thread in threads:
        thread.join()
    return f"{workers * jobs / took:.0f} jobs/s"


@contextmanager
def pooled(engine: Engine) -> Iterator[Callable[[], Any]]:
    with DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE, "pooled", SAMPLE)) as sandbox:
        yield lambda: go(sandbox, PYTHON)


@contextmanager
def bare() -> Iterator[Callable[[], Any]]:
    yield lambda: subprocess.run([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE)


def files(sandbox: RunnerSandbox) -> dict[str, str]:
    blobs = Blobs()
    written = {}
    for number in range(10_000):
        data = number.to_bytes(4, "big") * 5000
        path = f"d{number % 100}/f{number}"
        written[path] = Entry("file", 0o644, len(data), blobs.put(data))
    put = timed(lambda: sandbox.put(Delta(written), blobs))
    first = timed(lambda: sandbox.pull(blobs))
    go(sandbox, CodeBlock("python", "open('d1/f1', 'w').write('new')"))
    second = timed(lambda: sandbox.pull(blobs))
    return {
        "put 10,000 files of 20 kB": f"{put:.0f} ms",
        "pull when nothing has changed": f"{first:.0f} ms",
        "pull when one file has": f"{second:.0f} ms",
    }


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    engine = find_engine(os.environ)
    rows = ways(engine, rounds)
    base = statistics.median(rows["docker exec"])
    print(f"{'way':30} {'median':>9} {'p95':>9} {'of docker exec':>15}")
    for name, times in rows.items():
        ordered = sorted(times)
        median, late = statistics.median(ordered), ordered[int(len(ordered) * 0.95)]
        print(f"{name:30} {median:6.2f} ms {late:6.2f} ms {median / base:15.3f}")
    print(f"pooled, 2 workers: {throughput(lambda: pooled(engine))}")
    print(f"bare python3 -c, 2 workers: {throughput(bare)}")
    for name, fact in ends(engine).items():
        print(f"{name}: {fact}")


if __name__ == "__main__":
    main()
