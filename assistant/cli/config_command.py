"""``assistant config``: each setting, its value, and where it came from."""

import argparse

from assistant.cli.output import say
from assistant.cli.setup import read_setup
from assistant.settings import explain


def run(options: argparse.Namespace) -> int:
    rows = [tuple(map(str, row)) for row in explain(read_setup(options).settings)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for key, value, source in rows:
        say(f"{key:<{widths[0]}}  {value or '(not set)':<{min(widths[1], 40)}}  {source}")
    return 0
