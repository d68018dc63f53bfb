"""``assistant eval export RUN``: a run as a table for other programs."""

import argparse

from assistant.cli.eval_weave import open_weave
from assistant.cli.evaluating import data_folders
from assistant.cli.output import say
from assistant.cli.setup import data_folder, read_setup
from assistant.cli.whole_file import whole_file
from assistant.evals.datasets import load
from assistant.evals.export import FORMATS
from assistant.evals.run_reader import Run, Runs, load_run
from assistant.events import UsageError


def run(options: argparse.Namespace) -> int:
    setup = read_setup(options)
    found = load_run(Runs(data_folder(setup.settings)).find(options.run))
    if options.otlp is not None:
        return _sent(found, options)
    if options.weave is not None:
        data = load(found.manifest.data.path, data_folders(setup))
        with open_weave(setup, options.weave) as send:
            send(found.path, data)
        return 0
    for name, write in FORMATS.items():
        target = getattr(options, name)
        if target is not None:
            with whole_file(target) as file:
                count = write(found, file)
            say(f"{target}: {count:,} samples of {found.id}", error=True)
    return 0


def _sent(found: Run, options: argparse.Namespace) -> int:
    """The trace of a run, whole; 2 where the collector does not take all of it."""
    from assistant.traces.from_run import operations
    from assistant.traces.otlp import Collector, send_all

    sent, lost = send_all(Collector(options.otlp), operations(found, options.content))
    if lost:
        raise UsageError(
            f"the collector took {sent:,} of {sent + lost:,} operations of {found.id}",
            "Check its address, and that it runs and speaks OTLP over HTTP.",
        )
    say(f"{found.id}: {sent:,} operations sent", error=True)
    return 0
