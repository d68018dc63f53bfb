"""``assistant``: a session in the terminal."""

import argparse

from assistant.cli.setup import read_setup
from assistant.cli.terminal import open_terminal


def run(options: argparse.Namespace) -> int:
    return open_terminal(read_setup(options), options.resume)
