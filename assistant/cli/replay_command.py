"""``assistant replay RECORD``: run a record again, offline, and compare every event."""

import argparse
from pathlib import Path

from assistant.cli.output import say
from assistant.cli.screen import screen
from assistant.cli.setup import read_setup
from assistant.cli.wiring import open_sessions
from assistant.record import Loaded, load
from assistant.tasks.replay import replay


def run(options: argparse.Namespace) -> int:
    from assistant.model.replay import ReplayModel
    from assistant.sandbox.replay import ReplaySandbox

    loaded = find_record(options)
    quiet = options.json or options.json_stream
    lines = read_setup(options).settings.output_lines
    with screen(options.json, options.json_stream, echo=True, lines=lines) as show:
        events = loaded.events
        difference = replay(events, ReplayModel(events), ReplaySandbox(events), show)
    if difference:
        say(f"{loaded.path}: event {difference.number} came out otherwise:", error=True)
        say(difference.diff, error=True)
        return 1
    if not quiet:
        say(f"Replayed: all {len(loaded.events)} events are as recorded")
    return 0


def find_record(options: argparse.Namespace) -> Loaded:
    """A record by its file's name, else a session by its id."""
    if Path(options.record).is_file():
        return load(options.record)
    return open_sessions(read_setup(options)).show(options.record)
