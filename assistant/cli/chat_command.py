"""``assistant``: a session in the terminal."""

import argparse

from assistant.cli.terminal import open_terminal
from assistant.cli.wiring import read_setup


def run(options: argparse.Namespace) -> int:
    return open_terminal(read_setup(options), options.resume)
