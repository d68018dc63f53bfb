"""``assistant eval fetch NAME``: a public data set from its official place."""

import argparse

from assistant.cli.output import say
from assistant.cli.setup import data_folder, read_setup
from assistant.evals.datasets import PUBLISHED
from assistant.evals.fetching import fetch


def run(options: argparse.Namespace) -> int:
    setup = read_setup(options)
    path = fetch(options.name, data_folder(setup.settings) / "datasets", options.address)
    say(f"{path}  ({PUBLISHED[options.name].tasks} tasks)")
    return 0
