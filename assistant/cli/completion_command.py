"""``assistant completion SHELL``: print the completion for a shell."""

import argparse
import sys

from assistant.cli.grammar import places
from assistant.cli.parser import parser
from assistant.cli.shells import SHELLS


def run(options: argparse.Namespace) -> int:
    sys.stdout.write(SHELLS[options.shell](list(places(parser()))))
    return 0
