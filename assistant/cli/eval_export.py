"""``assistant eval export RUN``: a run as a table for other programs."""

import argparse

from assistant.cli.output import say
from assistant.cli.setup import data_folder
from assistant.cli.whole_file import whole_file
from assistant.cli.wiring import read_setup
from assistant.evals.export import FORMATS
from assistant.evals.run_reader import Runs, load_run


def run(options: argparse.Namespace) -> int:
    runs = Runs(data_folder(read_setup(options).settings))
    found = load_run(runs.find(options.run))
    for name, write in FORMATS.items():
        target = getattr(options, name)
        if target is not None:
            with whole_file(target) as file:
                count = write(found, file)
            say(f"{target}: {count:,} samples of {found.id}", error=True)
    return 0
