"""``assistant eval score FILE DATASET``: samples that were made elsewhere, judged and kept."""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from assistant.cli.eval_progress import Progress
from assistant.cli.eval_run import SAMPLES, SECONDS, SECONDS_OF_CASES, tell
from assistant.cli.evaluating import (
    check_ks,
    data_folders,
    exit_code,
    open_judges,
    show_figures,
    workers_of,
)
from assistant.cli.setup import data_folder
from assistant.cli.wiring import read_setup
from assistant.evals.beginning import data_stamp, manifest, narrowed
from assistant.evals.datasets import DataSet, load
from assistant.evals.pipeline import CodeGenerationPipeline
from assistant.evals.problems import Problem
from assistant.evals.replayed import Recording
from assistant.evals.run_reader import Runs
from assistant.evals.run_writer import RunWriter
from assistant.evals.running import Course, Plan, conduct
from assistant.evals.runs import Sample
from assistant.evals.samples import matched, read_samples
from assistant.events import UsageError
from assistant.purse import UNCAPPED, Purse
from assistant.verdicts.task import Cases, TaskLimits


def run(options: argparse.Namespace) -> int:
    setup, file = read_setup(options), Path(options.file)
    data = load(options.dataset, data_folders(setup))
    given = matched(read_samples(file), data)
    tell(data)
    there = [one.task for one in given if one.task not in data.left_out]
    problems, without = _chosen(data, options, set(there))
    names = {problem.task_id for problem in problems}
    given = [one for one in given if one.task in names]
    each = Counter(one.task for one in given)
    most = max(each.values())
    check_ks(getattr(options, "k", None), min(each.values()), f"some task in {file} has")
    cases = any(isinstance(problem.tests, Cases) for problem in problems)
    limits = TaskLimits(
        seconds=getattr(options, "task_seconds", SECONDS_OF_CASES if cases else SECONDS)
    )
    model = Recording(file.name, {}).model(("", 0))
    pipeline = CodeGenerationPipeline(model, name=SAMPLES, strategy="complete")
    with open_judges(setup, workers_of(options), problems) as (judges, image):
        stamp = replace(data_stamp(data, problems), without_sample=without)
        first = manifest((stamp, pipeline.stamp), most, image, limits, {})
        path = Runs(data_folder(setup.settings)).path(first.run)
        with RunWriter(path, setup.redactor) as writer:
            writer.begin(first)
            writer.add(*given)
            purse = Purse(UNCAPPED)
            done = {(one.task, one.number): Sample(one) for one in given}
            plan = Plan(pipeline, problems, most, limits, lambda key: model)
            course = Course(plan, writer, purse, done, only_given=True)
            with Progress([course], purse) as progress:
                conduct([course], 1, judges, progress.draw)
            writer.end(course.status, course.detail)
    summary = show_figures(path, getattr(options, "k", None), options.json)
    return exit_code([course], [summary], getattr(options, "fail_under", None))


def _chosen(
    data: DataSet, options: argparse.Namespace, there: set[str]
) -> tuple[Sequence[Problem], tuple[str, ...]]:
    """The tasks that are scored, and those that would be if they had a sample.

    With --limit so many tasks with samples are scored; what follows the last is not asked.
    """
    wanted = narrowed(data, getattr(options, "tasks", []), None)
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
