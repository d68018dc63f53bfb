"""``assistant undo [SESSION]``: take the last change that was written to a folder back."""

import argparse
from pathlib import Path

from assistant.cli.output import say
from assistant.cli.setup import Setup, read_setup
from assistant.cli.wiring import STORE, open_kept, open_sessions
from assistant.events import Notice, UsageError
from assistant.sandbox.applying import JOURNAL, applies


def run(options: argparse.Namespace) -> int:
    setup = read_setup(options)
    session = options.session or last_applied(setup)
    with open_kept(setup, session) as (workspace, recorder):
        undone = workspace.undo_apply()
        done = f"brought back in {workspace.copy.folder}: {', '.join(undone.files) or 'nothing'}"
        recorder(Notice(done))
        say(done)
    return 0


def last_applied(setup: Setup) -> str:
    """The session of the last change that was written here, or above or below, and not undone.

    Raises UsageError where there is none; it names the last one elsewhere.
    """
    elsewhere = ""
    for journal in sorted(_journals(setup), key=_changed, reverse=True):
        folder, session = _applied(journal.parent), journal.parent.parent.name
        if folder and _related(setup.folder, Path(folder)):
            return session
        if folder and not elsewhere:
            elsewhere = f"The last one was in {folder}: assistant undo {session}"
    raise UsageError(f"nothing was written to {setup.folder} that could be undone", elsewhere)


def _journals(setup: Setup) -> list[Path]:
    return list(open_sessions(setup).root.glob(f"[!.]*/{STORE}/{JOURNAL}"))


def _changed(journal: Path) -> int:
    try:
        return journal.stat().st_mtime_ns
    except OSError:
        return 0


def _applied(store: Path) -> str:
    """The folder of the store's last change that is not undone, "" for none."""
    done = [begun for begun, outcome in applies(store) if outcome == "done"]
    undone = {begun["undoes"] for begun in done}
    open_ones = [b["folder"] for b in done if not b["undoes"] and b["apply"] not in undone]
    return str(open_ones[-1]) if open_ones else ""


def _related(here: Path, folder: Path) -> bool:
    return here == folder or here in folder.parents or folder in here.parents
