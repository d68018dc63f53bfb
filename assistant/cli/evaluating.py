"""What the commands of ``assistant eval`` share: data folders, judges, figures, exit codes."""

import argparse
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from assistant.cli.eval_images import check_toolchains
from assistant.cli.output import say
from assistant.cli.sandboxes import choose_image
from assistant.cli.setup import Setup, data_folder
from assistant.evals.comparison import wording
from assistant.evals.comparison.as_json import run_figures
from assistant.evals.comparison.from_run import measured
from assistant.evals.comparison.summary import Summary, summarize
from assistant.evals.comparison.wording import tasks_line
from assistant.evals.datasets import DataSet
from assistant.evals.file_judges import BothJudges, FileJudges
from assistant.evals.in_files import Files
from assistant.evals.problems import Problem
from assistant.evals.run_reader import load_run
from assistant.evals.running import Course
from assistant.evals.runs import Manifest, RunStatus
from assistant.events import SandboxError, UsageError
from assistant.sandbox.options import SAMPLE
from assistant.settings import Settings
from assistant.verdicts.pool import JudgePool
from assistant.verdicts.task import Candidate, Cases, CheckFunction, Task, TaskLimits

_PROBE = Task(CheckFunction("def check(f):\n    assert f() == 1\n"), "f")
SECONDS, SECONDS_OF_CASES = 10.0, 60.0
"""The limit of a task's tests; sets with thousands of inputs, which their reference answers in the
same time, get more."""
_STATUS: dict[RunStatus, int] = {"interrupted": 130, "budget": 3, "failed": 2}


def data_folders(setup: Setup) -> list[Path]:
    """Where data sets are looked for by name."""
    given = os.environ.get("ASSISTANT_DATA")
    own = data_folder(setup.settings) / "datasets"
    return [Path(given), own] if given else [own]


@contextmanager
def open_judges(
    setup: Setup, workers: int, problems: Sequence[Problem]
) -> Iterator[tuple[BothJudges, str]]:
    """A pool of sandboxes that stand ready, and the image that they were made of.

    Raises:
        SandboxError: there is none to be had, or it lacks what the tasks need, which is known
            before a model is paid.
    """
    images: set[str] = set()
    opener = _opener(setup)

    def opened() -> Any:
        sandbox = opener()
        return _Watched(sandbox, images)

    with JudgePool(opened, workers) as pool, FileJudges(opener, workers) as in_files:
        verdict = pool.judge(_PROBE, Candidate("def f():\n    return 1\n"))
        if not verdict.passed:
            raise SandboxError(
                f"the sandbox cannot judge: {verdict.label} {verdict.detail[-300:]}",
                "See: assistant sandbox check",
            )
        check_toolchains(in_files, problems)
        yield BothJudges(pool, in_files), next(iter(images), "")


class _Watched:
    """A sandbox's context that tells which image it came to be made of."""

    def __init__(self, sandbox: Any, images: set[str]) -> None:
        self._sandbox, self._images = sandbox, images

    def __enter__(self) -> Any:
        self._entered = self._sandbox.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._sandbox.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entered, name)

    def open(self) -> None:
        self._entered.open()
        self._images.add(self._entered.image)


def limits_of(settings: Settings, seconds: float) -> TaskLimits:
    return TaskLimits(seconds, settings.eval_memory)


def with_places(first: Manifest, settings: Settings) -> Manifest:
    """A manifest that tells the limits of its containers where they are not the usual ones."""
    own = {"processes": settings.eval_processes, "processors": settings.eval_processors}
    usual = {"processes": SAMPLE.processes, "processors": SAMPLE.cpus}
    other = {name: f"{value:g}" for name, value in own.items() if value != usual[name]}
    return replace(first, limits={**first.limits, **other})


def _opener(setup: Setup) -> Callable[[], AbstractContextManager[Any]]:
    settings = setup.settings
    if settings.local:
        from assistant.sandbox.local import LocalOptions, LocalSandbox

        return lambda: LocalSandbox(LocalOptions(dict(os.environ), "pooled", values=False))
    from assistant.sandbox.docker_sandbox import DockerSandbox
    from assistant.sandbox.engine import connect, find_engine
    from assistant.sandbox.options import SandboxOptions
    from assistant.sandbox.owners import reap

    engine = find_engine(os.environ)
    with connect(engine.endpoint) as client:
        reap(client)  # What an assistant that was killed has left.
    limits = replace(
        SAMPLE,
        memory=settings.eval_memory,
        processes=settings.eval_processes,
        cpus=settings.eval_processors,
    )
    options = SandboxOptions(
        choose_image(setup), "pooled", limits, runtime=settings.runtime or None, values=False
    )
    return lambda: DockerSandbox(engine, options)


def check_ks(ks: Sequence[int] | None, samples: int, who: str) -> None:
    """No k of pass@k may ask for more samples of a task than there will be.

    Raises:
        UsageError: one does; known before a model is paid or a sandbox is opened.
    """
    if ks and max(ks) > samples:
        raise UsageError(
            f"pass@{max(ks)} needs {max(ks)} samples of each task, and {who} {samples}",
            f"Give more samples of each task, or a --k of at most {samples}.",
        )


def show_figures(path: Path, ks: Sequence[int] | None, as_json: bool) -> Summary | None:
    """The figures of a run; None where it has no sample yet.

    A k that a run which was cut short has too few samples for is told and left out.
    """
    run = load_run(path)
    if not run.samples:
        return None
    summary = summarize(measured(run))
    if ks is not None:
        fewest = summary.samples_each[0]
        for k in ks:
            if k > fewest > 0:
                there = wording.count(fewest, "verdict")
                say(f"assistant: {run.id}: no pass@{k}: some task has {there}", error=True)
        summary = summarize(summary.run, [k for k in ks if k <= fewest])
    if as_json:
        without = list(run.manifest.data.without_sample)
        head = {"run": run.id, "path": str(path), "tasks_without_sample": without}
        say(json.dumps({**head, **run_figures(summary)}))
        return summary
    say(f"{run.id}  {summary.run.name}, {wording.size(summary)}")
    for k, found in summary.passes.items():
        say(f"  pass@{k:<5}{wording.interval(found)}")
    if summary.bounds:
        low, high = map(wording.percent, summary.bounds)
        missing = wording.count(summary.undecided, "sample")
        say(f"  {missing} without a verdict: with them pass@1 lies from {low} to {high}")
    classes = ", ".join(f"{name} {n:,}" for name, n in summary.outcomes.items())
    say(f"  {classes}")
    if summary.prompt or summary.completion or summary.latencies:
        say(f"  {_used(summary)}")
    for note in summary.run.notes:
        say(f"  note: {note}")
    return summary


def _used(summary: Summary) -> str:
    used = f"{wording.short(summary.prompt)} tokens in, {wording.short(summary.completion)} out"
    cost = wording.dollars(summary.cost, summary.unpriced)
    times = f"median {wording.duration(summary.median)}, p95 {wording.duration(summary.p95)}"
    return f"{used}, cost {cost}, {times}"


def exit_code(
    courses: Sequence[Course], summaries: Sequence[Summary | None], under: float | None
) -> int:
    """As ``assistant eval run --help`` tells it: the gravest of what holds."""
    codes = [_STATUS[course.status] for course in courses if course.status in _STATUS]
    results = [sample.result for course in courses for sample in course.done.values()]
    for code, name in ((4, "model_error"), (5, "harness_error"), (5, "undecided")):
        if name in results:
            codes.append(code)
    if any(course.status == "faults" for course in courses):
        codes.append(5 if "harness_error" in results else 4)
    if codes:
        return 130 if 130 in codes else codes[0]
    rates = [s.passes[1].value for s in summaries if s and 1 in s.passes]
    return int(under is not None and any(rate < under for rate in rates))


def workers_of(options: argparse.Namespace) -> int:
    """As many sandboxes as asked for, else as the machine has processors."""
    return int(getattr(options, "workers", 0)) or max(1, min(8, os.cpu_count() or 1))


def usual_seconds(problems: Sequence[Problem]) -> float:
    """The limit of a task's tests where none was asked for."""
    cases = any(isinstance(problem.tests, Cases) for problem in problems)
    in_files = [p.tests.seconds for p in problems if isinstance(p.tests, Files)]
    return max([SECONDS_OF_CASES if cases else SECONDS, *in_files])


def tell(data: DataSet) -> None:
    reasons: dict[str, list[str]] = {}
    for task, why in data.left_out.items():
        reasons.setdefault(why, []).append(task)
    for why, tasks in reasons.items():
        say(f"assistant: {data.name}: {tasks_line(tasks)} left out: {why}", error=True)
    for task, why in data.slow.items():
        say(f"assistant: {data.name}: {task}: {why}", error=True)
    if data.verdict == "in-process":
        say(
            f"assistant: {data.name}: its tests run in the solution's own process, which could"
            " forge a verdict",
            error=True,
        )
