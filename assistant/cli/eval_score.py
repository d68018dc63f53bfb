"""``assistant eval score FILE DATASET``: samples that were made elsewhere, judged and kept."""

import argparse
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from assistant.cli.eval_images import fitted
from assistant.cli.eval_judges import (
    limits_of,
    open_judges,
    usual_seconds,
    with_places,
    workers_of,
)
from assistant.cli.eval_progress import Progress
from assistant.cli.evaluating import (
    check_ks,
    command_of,
    data_folders,
    exit_code,
    resumed,
    show_figures,
    tell,
    tell_unended,
)
from assistant.cli.setup import data_folder, read_setup
from assistant.evals.beginning import check_same, data_stamp, manifest, narrowed
from assistant.evals.datasets import DataSet, load
from assistant.evals.pipeline import CodeGenerationPipeline
from assistant.evals.problems import Problem
from assistant.evals.replayed import Recording
from assistant.evals.run_reader import Run, Runs, load_run
from assistant.evals.run_writer import RunWriter, encoded
from assistant.evals.running import ActiveRun, Plan, conduct
from assistant.evals.runs import SAMPLES, Key, Manifest, Sample
from assistant.evals.samples import matched, read_samples
from assistant.evals.scoring import Judges
from assistant.events import UsageError
from assistant.purse import UNCAPPED, Purse
from assistant.redact import Redactor


def run(options: argparse.Namespace) -> int:
    setup, file = read_setup(options), Path(options.file)
    runs = Runs(data_folder(setup.settings))
    before = _resumed(runs, options)
    data = load(options.dataset, data_folders(setup))
    given = matched(read_samples(file), data)
    tell(data)
    there = [one.task for one in given if one.task not in data.left_out]
    problems, without = _chosen(data, options, set(there), before)
    setup = fitted(setup, problems)
    names = {problem.task_id for problem in problems}
    given = [one for one in given if one.task in names]
    each = Counter(one.task for one in given)
    most = max(each.values())
    command = command_of(options, before.manifest if before else None)
    check_ks(command.ks, min(each.values()), f"some task in {file} has")
    limits = limits_of(setup.settings, _seconds(options, problems, before))
    model = Recording(file.name, {}).model(("", 0))
    pipeline = CodeGenerationPipeline(model, name=SAMPLES, strategy="complete")
    with open_judges(setup, workers_of(options), problems) as (judges, image):
        stamp = replace(data_stamp(data, problems), without_sample=without)
        first = manifest((stamp, pipeline.stamp), most, image, limits, {})
        first = replace(with_places(first, setup.settings), command=command)
        path = before.path if before else runs.path(first.run)
        with RunWriter(path, setup.redactor) as writer:
            done = {(one.task, one.number): Sample(one) for one in given}
            if before is None:
                writer.begin(first)
                kept = {}
            else:
                kept = _kept(load_run(path), first, done, setup.redactor)
            plan = Plan(pipeline, problems, most, limits, lambda key: model)
            missing = done.keys() - kept.keys()
            active_run = ActiveRun(plan, writer, Purse(UNCAPPED), {**done, **kept}, True, missing)
            _conduct(active_run, judges, ["score", options.file, options.dataset])
            writer.end(active_run.status, active_run.detail)
    summary = show_figures(path, command.ks or None, options.json)
    return exit_code([active_run], [summary], command.fail_under)


def _conduct(active_run: ActiveRun, judges: Judges, command: Sequence[str]) -> None:
    """Score, and where that does not come to its end, say how to go on."""
    try:
        with Progress([active_run]) as progress:
            conduct([active_run], 1, judges, progress.draw)
    finally:
        words = shlex.join([*command, "--resume", active_run.writer.path.parent.name])
        tell_unended([active_run], lambda _: f"assistant eval {words}")


def _resumed(runs: Runs, options: argparse.Namespace) -> Run | None:
    found = resumed(runs, options)
    if found is not None and found.manifest.pipeline.name != SAMPLES:
        raise UsageError(
            f"run {found.id} asks a model, and has no file of samples",
            f"Go on with: assistant eval run --resume {found.id}",
        )
    return found


def _seconds(options: argparse.Namespace, problems: Sequence[Problem], before: Run | None) -> float:
    usual = usual_seconds(problems)
    was = float(before.manifest.limits.get("seconds", usual)) if before else usual
    return float(getattr(options, "task_seconds", was))


def _kept(
    held: Run, wanted: Manifest, given: Mapping[Key, Sample], redactor: Redactor
) -> dict[Key, Sample]:
    """The samples that an earlier process has written, with their verdicts.

    Raises:
        UsageError: the file, or what is asked for, is not what the run was begun with.
    """
    check_same(held, wanted)
    kept = {}
    for sample in held.samples:
        same = given.get(sample.key)
        # What was written has passed the redactor.
        if not same or encoded(same.generated, redactor) != encoded(sample.generated, redactor):
            task, number = sample.key
            raise UsageError(
                f"run {held.id} has another sample {number} of {task} than the file",
                "Give the file that it was begun with, or score this one without --resume.",
            )
        kept[sample.key] = Sample(same.generated, sample.scored)
    return kept


def _chosen(
    data: DataSet, options: argparse.Namespace, there: set[str], before: Run | None
) -> tuple[Sequence[Problem], tuple[str, ...]]:
    """The tasks that are scored, and those that would be if they had a sample.

    With --limit so many tasks with samples are scored; what follows the last is not asked.
    """
    was = list(before.manifest.data.tasks) if before and not hasattr(options, "limit") else []
    wanted = narrowed(data, getattr(options, "tasks", was), None)
    limit = getattr(options, "limit", None)
    problems = [problem for problem in wanted if problem.task_id in there][:limit]
    if not problems:
        raise UsageError(
            f"{options.file} has no sample of the tasks that were asked for",
            "Leave --task out, or name a task that it has samples of.",
        )
    if limit is not None:
        wanted = wanted[: wanted.index(problems[-1]) + 1]
    return problems, tuple(p.task_id for p in wanted if p.task_id not in there)
