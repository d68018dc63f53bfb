"""``assistant doctor``: look at all that is needed; a remedy for each thing that is not there."""

import argparse

from assistant.cli.doctor import examined
from assistant.cli.output import say
from assistant.cli.setup import read_setup


def run(options: argparse.Namespace) -> int:
    """0 where all is well, else the code of the first thing that is not."""
    code = 0
    for finding in examined(read_setup(options)):
        code = code or finding.code
        for line in finding.lines:
            say(line)
    say("" if code else "All is well: assistant opens a session here.")
    return code
