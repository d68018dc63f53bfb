"""What a verdict costs, next to a bare fork and a bare Python: python benchmarks/verdicts.py

With ASSISTANT_DATA the 164 published answers of HumanEval are judged, else one small task as often.
``--docker`` judges in hardened containers, which are kept from job to job as a pool keeps them;
``--fresh`` makes a new place for every job. ``--workers N`` (2) and ``--rounds N`` (1).
"""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assistant.events import CodeBlock, ExecResult
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import find_engine
from assistant.sandbox.image import DEFAULT_IMAGE
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.options import SAMPLE, SandboxOptions
from assistant.sandbox.running import RunnerSandbox
from assistant.sandbox.tree import Delta
from assistant.verdicts import rows
from assistant.verdicts.task import Candidate, CheckFunction, Task
from assistant.verdicts.verdict import judge, judge_many

SMALL = Task(CheckFunction("def check(f):\n    for n in range(9): assert f(n) == n + 1"), "f")


class BareForks:
    """The least that a verdict can cost: its program in a fork of this process, and no sandbox."""

    image = "none"

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def put(self, delta: Delta, blobs: Any) -> None:
        for path, entry in delta.written.items():
            Path(self._folder, path).write_bytes(blobs.get(entry.digest))

    def run(self, block: CodeBlock, seconds: float) -> Generator[Any, None, ExecResult]:
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            os.dup2(writer, 1)
            os.chdir(self._folder)
            exec(compile(block.code, "<block>", "exec"), {})
        os.close(writer)
        with open(reader, encoding="utf-8") as file:
            output = file.read()
        return ExecResult(os.waitpid(pid, 0)[1], output)
        yield


class KeptLink:
    """A runner's link that outlives the job, as in a pool of warm containers."""

    def __init__(self, link: Any) -> None:
        self._link = link

    def __getattr__(self, name: str) -> Any:
        return getattr(self._link, name)

    def close(self) -> None:
        pass


class KeptPlace:
    def __init__(self, place: Any) -> None:
        self._place, self.warnings = place, ()
        self._link = KeptLink(place.open())

    def open(self) -> Any:
        return self._link

    def close(self) -> None:
        pass

    def obituary(self) -> str:
        return str(self._place.obituary())


def sandbox(arguments: argparse.Namespace) -> RunnerSandbox:
    if arguments.docker:
        options = SandboxOptions(DEFAULT_IMAGE, "fresh", SAMPLE)
        return DockerSandbox(find_engine(os.environ), options)
    return LocalSandbox(LocalOptions(dict(os.environ), "fresh"))


def kept(sandbox: RunnerSandbox, stack: ExitStack) -> RunnerSandbox:
    """The same, whose place is made once."""
    place = sandbox._new_place()
    stack.callback(place.close)
    keeping = KeptPlace(place)
    sandbox._new_place = lambda: keeping
    return sandbox


def tasks() -> list[tuple[Task, Candidate]]:
    folder = os.environ.get("ASSISTANT_DATA")
    if not folder:
        return [(SMALL, Candidate("def f(n): return n + 1\n"))] * 164
    path = Path(folder, "humaneval", "HumanEval.jsonl.gz")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        found = [json.loads(line) for line in file]
    return [(rows.humaneval(r), Candidate(r["prompt"] + r["canonical_solution"])) for r in found]


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docker", action="store_true")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    jobs = tasks() * arguments.rounds
    with ExitStack() as stack:
        places = [stack.enter_context(sandbox(arguments)) for _ in range(arguments.workers)]
        if not arguments.fresh:
            places = [kept(place, stack) for place in places]
        least = BareForks(stack.enter_context(TemporaryDirectory()))
        everyone: list[Any] = [least, *places]
        assert all(judge(place, *jobs[0]).passed for place in everyone)
        began = time.perf_counter()
        assert all(judge(least, *job).passed for job in jobs)
        alone = (time.perf_counter() - began) / len(jobs)
        fork, python = median(bare_fork, 100), median(bare_python, 30)
        one = median(lambda: judge(places[0], *jobs[0]), 50)
        free = list(places)

        def given() -> Any:
            return _Lent(free.pop())

        began = time.perf_counter()
        found = judge_many(given, jobs, arguments.workers, again=True)
        whole = time.perf_counter() - began
    print(f"bare fork {fork * 1000:.2f} ms, bare python -c {python * 1000:.1f} ms")
    print(f"without a sandbox {alone * 1000:.1f} ms each: {alone / fork:.1f} forks")
    print(f"one verdict {one * 1000:.1f} ms: {one / fork:.1f} forks, {one / python:.2f} pythons")
    rate = f"{whole:.2f} s, {len(jobs) / whole:.0f}/s"
    print(f"{len(jobs)} verdicts, {arguments.workers} workers: {rate}")
    print(
        f"that is {whole / len(jobs) / python:.2f} pythons each;",
        *Counter(v.label for v in found).items(),
    )


class _Lent:
    """A sandbox that its lender closes."""

    def __init__(self, place: RunnerSandbox) -> None:
        self._place = place

    def __enter__(self) -> RunnerSandbox:
        return self._place

    def __exit__(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    main()
