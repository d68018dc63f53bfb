"""``assistant undo [SESSION]``: take the last change that was written to a folder back."""

import argparse

from assistant.cli.output import say
from assistant.cli.wiring import open_kept, read_setup
from assistant.events import Notice


def run(options: argparse.Namespace) -> int:
    with open_kept(read_setup(options), options.session) as (workspace, recorder):
        undone = workspace.undo_apply()
        done = f"brought back in {workspace.copy.folder}: {', '.join(undone.files) or 'nothing'}"
        recorder(Notice(done))
        say(done)
    return 0
