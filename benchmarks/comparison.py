"""Two stored runs of 100,000 samples: to load, to compare, to draw, and how large that gets.

.venv/bin/python benchmarks/comparison.py [SAMPLES]
"""

import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TypeVar

from assistant.cli.eval_compare import highlight
from assistant.evals.comparison.compared import compare_runs
from assistant.evals.comparison.from_run import measured
from assistant.evals.comparison.page.document import page
from assistant.evals.comparison.text import lines
from assistant.evals.export import FORMATS
from assistant.evals.run_reader import Runs, count, load_run
from assistant.evals.run_writer import RunWriter
from assistant.evals.runs import (
    Attempt,
    DataStamp,
    Generated,
    Judged,
    Manifest,
    PipelineStamp,
    Scored,
    Span,
)
from assistant.events import Usage
from assistant.verdicts.task import Verdict

T = TypeVar("T")
CODE = "def add(a, b):\n" + "".join(f"    x{n} = a + b * {n}  # a line\n" for n in range(25))


def store(root: Path, name: str, tasks: int, samples: int, rate: float) -> Path:
    names = tuple(f"task/{n}" for n in range(tasks))
    data = DataStamp("made-up", "made-up.jsonl", "0" * 64, names)
    pipeline = PipelineStamp("fence", "0" * 16, name, "fence", "$prompt", "1" * 64, "")
    drawn, path = random.Random(name), Runs(root).path(name)
    with RunWriter(path) as writer:
        writer.begin(Manifest(name, "2026-01-01T00:00:00Z", data, pipeline, samples, "image"))
        for task in names:
            for number in range(1, samples + 1):
                passed = drawn.random() < rate
                usage = Usage(200, 0, 300, 0, Decimal("0.001"))
                seconds = drawn.lognormvariate(0.5, 0.5)
                attempt = Attempt(CODE, "stop", "2" * 64, usage, seconds, CODE)
                failed = Verdict("wrong_answer", "assert add(1, 2) == 3", input="add(1, 2) -> 4")
                judged = Judged(Verdict("passed") if passed else failed)
                writer.add(
                    Generated(task, number, (attempt,)),
                    Scored(task, number, (judged,), 0.01),
                    Span(f"{task}-{number}", "", "model", task, number, 1.0, seconds, usage=usage),
                )
    return path


def timed(what: str, act: Callable[[], T]) -> T:
    began = time.perf_counter()
    result = act()
    print(f"{what:<34}{time.perf_counter() - began:>8.2f} s")
    return result


def steps(folder: Path, tasks: int, samples: int) -> None:
    paths = [store(folder, name, tasks, samples, r) for name, r in (("a", 0.7), ("b", 0.72))]
    timed("list both", lambda: [count(path) for path in paths])
    runs = timed("load both", lambda: [load_run(path) for path in paths])
    seen = timed("figures of samples", lambda: [measured(run) for run in runs])
    comparison = timed("compare", lambda: compare_runs(seen))
    timed("text", lambda: list(lines(comparison)))
    html = timed("page", lambda: page(comparison, highlight))
    print(f"{'size of the page':<34}{len(html.encode()) / 1e6:>8.2f} MB")
    for name, write in FORMATS.items():
        with open(folder / f"run.{name}", "wb") as file:
            timed(f"export {name}", partial(write, runs[0], file))


def main() -> None:
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for tasks in (164, total // 10):
        samples = max(1, total // tasks)
        print(f"{tasks:,} tasks, {samples:,} samples of each, in each of two runs")
        with tempfile.TemporaryDirectory() as folder:
            steps(Path(folder), tasks, samples)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'largest memory':<34}{peak:>8.0f} MB")


if __name__ == "__main__":
    main()
