"""``assistant apply [SESSION]``: write the changes that a session has kept to its folder."""

import argparse
from pathlib import Path

from assistant.cli.judged import exam_changes
from assistant.cli.output import ask, at_terminal, say
from assistant.cli.setup import read_setup
from assistant.cli.wiring import open_kept
from assistant.events import Notice, UsageError
from assistant.sandbox.review import listed


def run(options: argparse.Namespace) -> int:
    setup = read_setup(options)
    with open_kept(setup, options.session) as (workspace, recorder):
        diff = workspace.diff()
        if not diff.strip():
            name = Path(workspace.copy.store).parent.name
            say(f"Session {name} has nothing to apply.")
            if not options.session:
                say("It is the last one here; another: assistant apply ID (assistant sessions)")
            return 0
        say(diff)
        if exam := exam_changes(workspace, setup.settings):
            say(f"Among them tests of yours, or what steers tests: {listed(exam)}")
        if not options.yes:
            if not at_terminal():
                raise UsageError("nobody is there to be asked", "Say --yes to write the changes.")
            if not ask(f"Write these changes to {workspace.copy.folder}?"):
                say("Nothing was written.")
                return 0
        done = workspace.apply()
        recorder(Notice(done))
        say(done)
    return 0
