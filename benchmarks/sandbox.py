"""What running a block costs, beside other ways to run one, in one sitting.

    python benchmarks/sandbox.py [ROUNDS]

Milliseconds for a trivial program, median and 95th percentile, and each median as a share of
``docker exec`` through the engine's own library. Below: how many jobs two workers do in a second
(with ASSISTANT_DATA the 164 published answers of HumanEval with their tests), and what ending,
flooding and files cost.
"""

import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from assistant.events import CodeBlock, ExecResult
from assistant.following import followed
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine, connect, find_engine
from assistant.sandbox.image import DEFAULT_IMAGE
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.options import SAMPLE, SandboxOptions
from assistant.sandbox.running import RunnerSandbox
from assistant.sandbox.tree import Delta, Entry
from tests.sandbox.contract import Store

ROUNDS, PAIRS = 200, 7
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
        command = ["python3", "-c", "print(1)"]
        start = partial(client.containers.run, DEFAULT_IMAGE, command, remove=True)
        rows["docker run"] = measured(partial(start, network_mode="none"), few)
    rows["bare python3 -c"] = measured(
        lambda: subprocess.run([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE), rounds
    )
    rows["bare fork"] = measured(bare_fork, rounds)
    return rows


STUBBORN = CodeBlock(
    "python",
    "import signal, os, time\nfor n in (2, 15): signal.signal(n, signal.SIG_IGN)\n"
    "if os.fork() == 0: os.setsid()\nwhile True: time.sleep(1)",
)


def over(sandbox: RunnerSandbox) -> str:
    """How long after its limit a program is gone that ignores signals and has left its session."""
    sandbox.open()
    return f"{timed(lambda: go(sandbox, STUBBORN, 1)) - 1000:.0f} ms"


def idle(engine: Engine) -> dict[str, str]:
    """What an open session costs while nobody asks anything of it, and its end."""
    sandbox = DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE))
    facts = {"open a session": f"{timed(sandbox.open):.0f} ms"}
    read = "cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || cat /sys/fs/cgroup/cpu.stat"
    first, began = go(sandbox, CodeBlock("bash", read)).output.split(), time.monotonic()
    time.sleep(5)
    last, seconds = go(sandbox, CodeBlock("bash", read)).output.split(), time.monotonic() - began
    spent = int(last[-1 if len(last) == 1 else 1]) - int(first[-1 if len(first) == 1 else 1])
    share = spent / (1e9 if len(last) == 1 else 1e6) / seconds
    facts["processor of an idle session, two blocks included"] = f"{share:.2%}"
    facts["end of a session"] = f"{timed(sandbox.close):.0f} ms"
    return facts


def ends(engine: Engine) -> dict[str, str]:
    facts = idle(engine)
    for life in ("pooled", "fresh"):
        with DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE, life, SAMPLE)) as sample:
            facts[f"{life}: a deaf program is gone after its limit +"] = over(sample)
    sandbox = DockerSandbox(engine, SandboxOptions(DEFAULT_IMAGE))
    facts["session: likewise, with a grace of 1000 ms"] = over(sandbox)
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
    facts["end of a session with 200 MB of files"] = f"{timed(sandbox.close):.0f} ms"
    return facts


def programs() -> list[str]:
    """What a scorer runs: answers with their tests."""
    folder = os.environ.get("ASSISTANT_DATA")
    if not folder:
        return ["print(1)"] * 164
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
    took = timed(lambda: [subprocess.run([sys.executable, "-c", c], check=True) for c in some])
    return len(some) / took * 1000


def files(sandbox: RunnerSandbox) -> dict[str, str]:
    blobs = Store()
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
    codes = programs()
    pairs = [(pooled(engine, codes), forked(codes)) for _ in range(PAIRS)]
    done, most = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{len(codes)} programs, 2 workers: pooled {done:.0f}/s, bare forks {most:.0f}/s")
    shares = sorted(ours / bare for ours, bare in pairs)
    told = f"{statistics.median(shares):.2f}, from {shares[0]:.2f} to {shares[-1]:.2f}"
    print(f"share of the limit, {PAIRS} times in turn: {told}")
    print(f"bare python3, one worker: {started(codes):.0f}/s")
    for name, fact in ends(engine).items():
        print(f"{name}: {fact}")


if __name__ == "__main__":
    main()
