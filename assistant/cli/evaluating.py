"""What the commands of ``assistant eval`` share: data sets, runs, figures, exit codes."""

import argparse
import json
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from assistant.cli.output import say
from assistant.cli.setup import Setup, data_folder
from assistant.evals.commands import Command
from assistant.evals.comparison import wording
from assistant.evals.comparison.as_json import run_figures
from assistant.evals.comparison.from_run import measured
from assistant.evals.comparison.summary import Summary, summarize
from assistant.evals.comparison.wording import tasks_line
from assistant.evals.datasets import DataSet
from assistant.evals.run_reader import Run, Runs, load_run
from assistant.evals.running import ActiveRun
from assistant.evals.runs import Manifest, RunStatus
from assistant.events import UsageError

_STATUS: dict[RunStatus, int] = {"interrupted": 130, "budget": 3, "failed": 2}


def data_folders(setup: Setup) -> list[Path]:
    """Where data sets are looked for by name."""
    given = os.environ.get("ASSISTANT_DATA")
    own = data_folder(setup.settings) / "datasets"
    return [Path(given), own] if given else [own]


def resumed(runs: Runs, options: argparse.Namespace) -> Run | None:
    """The run that is to be gone on with, if one is."""
    name = getattr(options, "resume", None)
    return None if name is None else load_run(runs.find(name))


def tell_unended(
    active_runs: Sequence[ActiveRun], to_go_on: Callable[[Sequence[ActiveRun]], str]
) -> None:
    """Why runs have not come to their end, and the command that goes on with all of them."""
    unended = [active_run for active_run in active_runs if active_run.status != "done"]
    for active_run in unended:
        whose = f"{active_run.plan.pipeline.model.name}: " if len(active_runs) > 1 else ""
        why = active_run.detail or "ended by you"
        say(f"assistant: {whose}{active_run.status}: {why}", error=True)
    if unended:
        say(f"assistant: to go on: {to_go_on(unended)}", error=True)


def command_of(options: argparse.Namespace, was: Manifest | None) -> Command:
    """A new command line: what it does not ask for is as the run was begun that it goes on with."""
    kept = was.command if was else Command()
    ks = tuple(getattr(options, "k", None) or kept.ks)
    return Command(secrets.token_hex(8), 1, ks, getattr(options, "fail_under", kept.fail_under))


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
    active_runs: Sequence[ActiveRun], summaries: Sequence[Summary | None], under: float | None
) -> int:
    """As ``assistant eval run --help`` tells it: the gravest of what holds."""
    codes = [
        _STATUS[active_run.status] for active_run in active_runs if active_run.status in _STATUS
    ]
    results = [sample.result for active_run in active_runs for sample in active_run.done.values()]
    for code, name in ((4, "model_error"), (5, "harness_error"), (5, "undecided")):
        if name in results:
            codes.append(code)
    if any(active_run.status == "faults" for active_run in active_runs):
        codes.append(5 if "harness_error" in results else 4)
    if codes:
        return 130 if 130 in codes else codes[0]
    if under is None:
        return 0
    # Also where --k asked for other figures only.
    firsts = [s if 1 in s.passes else summarize(s.run, [1]) for s in summaries if s]
    return int(any(s.passes[1].value < under for s in firsts))


def tell(data: DataSet) -> None:
    """What one should know of a data set: tasks that are left out or slow, how it is judged."""
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
