"""``assistant eval score FILE DATASET``: samples that were made elsewhere, judged and kept."""

import argparse
from pathlib import Path

from assistant.cli.eval_progress import Progress
from assistant.cli.eval_run import SAMPLES, SECONDS, SECONDS_OF_CASES, tell
from assistant.cli.evaluating import data_folders, exit_code, open_judges, show_figures, workers_of
from assistant.cli.setup import data_folder
from assistant.cli.wiring import read_setup
from assistant.evals.beginning import data_stamp, manifest, narrowed
from assistant.evals.datasets import load
from assistant.evals.pipeline import CodeGenerationPipeline
from assistant.evals.replayed import Recording
from assistant.evals.run_reader import Runs
from assistant.evals.run_writer import RunWriter
from assistant.evals.running import Course, Plan, conduct
from assistant.evals.runs import Sample
from assistant.evals.samples import matched, read_samples
from assistant.purse import UNCAPPED, Purse
from assistant.verdicts.task import Cases, TaskLimits


def run(options: argparse.Namespace) -> int:
    setup, file = read_setup(options), Path(options.file)
    data = load(options.dataset, data_folders(setup))
    given = matched(read_samples(file), data)
    tell(data)
    there = [one.task for one in given if one.task not in data.left_out]
    asked = getattr(options, "tasks", list(dict.fromkeys(there)))
    problems = narrowed(data, asked, getattr(options, "limit", None))
    names = {problem.task_id for problem in problems}
    given = [one for one in given if one.task in names]
    most = max(one.number for one in given)
    cases = any(isinstance(problem.tests, Cases) for problem in problems)
    limits = TaskLimits(
        seconds=getattr(options, "task_seconds", SECONDS_OF_CASES if cases else SECONDS)
    )
    model = Recording(file.name, {}).model(("", 0))
    pipeline = CodeGenerationPipeline(model, name=SAMPLES, strategy="complete")
    with open_judges(setup, workers_of(options), problems) as (judges, image):
        first = manifest((data_stamp(data, problems), pipeline.stamp), most, image, limits, {})
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
