"""``assistant eval run``: models asked for code, side by side, and what they give is scored."""

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from assistant.cli.eval_caps import CAPS, budget_of, check_prices, tell_cost, to_go_on
from assistant.cli.eval_judges import open_judges, with_places, workers_of
from assistant.cli.eval_progress import Progress
from assistant.cli.eval_resume import Resumed, kept_settings, to_resume
from assistant.cli.eval_wanted import Opened, Wanted, dataset_of
from assistant.cli.eval_weave import also_in_weave
from assistant.cli.evaluating import (
    check_ks,
    data_folders,
    exit_code,
    show_figures,
    tell_unended,
)
from assistant.cli.setup import data_folder, read_setup
from assistant.cli.tracing import open_collector, run_trace
from assistant.cli.wiring import open_scratch
from assistant.evals.beginning import already_spent, check_same, data_stamp, manifest
from assistant.evals.datasets import load
from assistant.evals.run_reader import Runs, load_run
from assistant.evals.run_writer import RunWriter
from assistant.evals.running import ActiveRun, Plan, conduct
from assistant.purse import Purse

if TYPE_CHECKING:
    from assistant.traces.otlp import Otlp

JOBS = 8


def run(options: argparse.Namespace) -> int:
    setup = read_setup(options)
    resumed = to_resume(Runs(data_folder(setup.settings)), options)
    was = resumed.begun
    if was:
        setup = read_setup(options, kept_settings(was))
    data = load(dataset_of(options, was), data_folders(setup))
    wanted = Wanted(setup, options, data, resumed)
    check_ks(wanted.ks, wanted.samples, "the run makes")
    purse = Purse(budget_of(options, setup.settings, was))
    check_prices(purse.budget, [one.model for one in wanted.models])
    with also_in_weave(setup, options.weave, data) as sent:
        active_runs = _conducted(wanted, purse, resumed)
        sent_now = [active_run.writer.path for active_run in active_runs]
        paths = [one.path for one in resumed.wanted] or sent_now
        summaries = [show_figures(path, wanted.ks, options.json) for path in paths]
        tell_unended(active_runs, lambda unended: to_go_on(unended, purse))
        sent += sent_now
    return exit_code(active_runs, summaries, wanted.fail_under)


def _conducted(wanted: Wanted, purse: Purse, resumed: Resumed) -> list[ActiveRun]:
    """The runs, brought to their end."""
    setup, options = wanted.setup, wanted.options
    with ExitStack() as stack:
        send = stack.enter_context(open_collector(setup))
        judges, image = stack.enter_context(
            open_judges(wanted.setup, workers_of(options), wanted.problems)
        )
        opened = [_active_run(wanted, model, image, purse, send) for model in wanted.models]
        active_runs = [stack.enter_context(active_run) for active_run in opened]
        gone_on = {active_run.writer.path for active_run in active_runs}
        for one in resumed.all:
            if one.path not in gone_on:  # Its caps were, and are, those of the whole command.
                already_spent(load_run(one.path), purse)
        tell_cost(active_runs, purse)
        with Progress(active_runs) as progress:
            conduct(active_runs, getattr(options, "jobs", JOBS), judges, progress.draw)
        for active_run in active_runs:
            active_run.writer.end(active_run.status, active_run.detail)
    return active_runs


@contextmanager
def _active_run(
    wanted: Wanted, opened: Opened, image: str, purse: Purse, send: "Otlp | None"
) -> Iterator[ActiveRun]:
    """A run, new or gone on with, held by this process for as long as the context lasts."""
    pipeline = wanted.pipeline(opened)
    stamps = (data_stamp(wanted.data, wanted.problems), pipeline.stamp)
    caps = {name: str(value) for name in CAPS if (value := getattr(purse.budget, name))}
    setup, before = wanted.setup, opened.before
    first = manifest(stamps, wanted.samples, image, wanted.limits, caps)
    first = replace(with_places(first, setup.settings), command=wanted.command(opened))
    path = before.path if before else Runs(data_folder(setup.settings)).path(first.run)
    plan = Plan(
        pipeline,
        wanted.problems,
        wanted.samples,
        wanted.limits,
        opened.for_key,
        lambda: open_scratch(setup),
    )
    with RunWriter(path, setup.redactor) as writer:
        done = {}
        if before is None:
            writer.begin(first)
        else:
            held = load_run(path)  # Again, now that nobody else writes to it.
            check_same(held, first)
            already_spent(held, purse)
            done = {sample.key: sample for sample in held.samples}
        active_run = ActiveRun(plan, writer, purse, done)
        if send is not None:
            active_run.heard = run_trace(setup, send, before.manifest if before else first)
        yield active_run
