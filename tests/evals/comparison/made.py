"""Runs made up for tests: by a few numbers in memory, or written to a store like real ones."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from assistant.evals.comparison.measured import Key, Measured, Sampled, Shown
from assistant.evals.run_reader import Runs
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

CODE = 'def add(a, b):\n    """Their sum."""\n    return a {sign} b  # </script><b>&\n'
WRONG = ("wrong_answer", "runtime_error(TypeError)", "timeout", "no_code_in_reply")


def verdicts(*shares: str, name: str = "a", **more: Any) -> Measured:
    """A run of tasks t0, t1, ... from texts such as "1" or "101": samples that passed or not, and
    "?" for those without a verdict."""
    samples = [
        Sampled(
            f"t{task}",
            number,
            {"1": "passed", "0": "wrong_answer", "?": "model_error"}[mark],
            mark == "1",
            mark != "?",
        )
        for task, marks in enumerate(shares)
        for number, mark in enumerate(marks, 1)
    ]
    return replace(Measured(f"run-{name}", name, samples=samples), **more)


def drawn(
    name: str, rate: float, tasks: int, samples: int = 1, turns: int = 1, seed: int = 1
) -> Measured:
    """A run whose samples pass at about that rate; 0 and 1 are exact."""
    random_, made = random.Random(f"{name} {seed}"), []
    for task in range(tasks):
        for number in range(1, samples + 1):
            passed = random_.random() < rate
            made.append(
                Sampled(
                    f"set/{task}",
                    number,
                    "passed" if passed else random_.choice(WRONG),
                    passed,
                    seconds=random_.lognormvariate(0.5, 0.6),
                    turns=random_.randint(1, turns),
                    prompt=random_.randint(100, 300),
                    completion=random_.randint(50, 400),
                    cost=Decimal(random_.randint(1, 900)) / 100_000,
                )
            )
    facts = {"model": name, "temperature": "0.2"}
    conditions = {"data": "set 1234", "prompt": "77", "limits": "10 s", "image": "sha256:12"}
    return Measured(f"run-{name}", name, facts, conditions, made, show=texts)


def texts(keys: Sequence[Key]) -> dict[Key, Shown]:
    return {key: Shown(CODE.format(sign="+"), detail="assert add(1, 2) == 3") for key in keys}


MANIFEST = Manifest(
    "20260101-000000-a",
    "2026-01-01T00:00:00.000Z",
    DataStamp("small", "small.jsonl", "ab" * 32, ("s/0", "s/1", "s/2", "s/3")),
    PipelineStamp("code", "0" * 16, "model-a", "fence", "$prompt", "cd" * 32, ""),
    1,
    "image@sha256:2",
    {"seconds": "10", "memory": "2 GiB"},
)
Change = Callable[[Manifest], Manifest]


def stored(root: Path, run: str, passes: str, model: str, change: Change = lambda m: m) -> Path:
    """A run in the store below ``root``; ``passes`` has a mark for each task, "1", "0", or "?"
    for a model error."""
    manifest = replace(MANIFEST, run=run, pipeline=replace(MANIFEST.pipeline, model=model))
    path = Runs(root).path(run)
    with RunWriter(path) as writer:
        writer.begin(change(manifest))
        for number, mark in enumerate(passes):
            writer.add(*_sample(f"s/{number}", mark, float(number)))
        writer.end("done")
    return path


def _sample(task: str, mark: str, at: float) -> list[Generated | Scored | Span]:
    if mark == "?":
        return [Generated(task, 1, (), "no answer in time")]
    code = CODE.format(sign="+" if mark == "1" else "-")
    usage = Usage(100, 0, 50, 0, Decimal("0.002"))
    attempt = Attempt(f"```python\n{code}```", "stop", "ef" * 32, usage, 1.5, code)
    failed = Verdict("wrong_answer", "assert add(1, 2) == 3", input="add(1, 2) -> -1")
    verdict = Verdict("passed") if mark == "1" else failed
    return [
        Generated(task, 1, (attempt,)),
        Span(f"{task}m", f"{task}p", "model", task, 1, at, 1.5, usage=usage),
        Scored(task, 1, (Judged(verdict),), 0.1),
        Span(f"{task}s", f"{task}p", "score", task, 1, at + 1.5, 0.1, outputs={"r": mark}),
        Span(f"{task}p", "", "predict", task, 1, at, 1.6),
    ]
