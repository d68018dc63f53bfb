"""``assistant eval list``: the runs there are, and where each data set lies."""

import argparse
import json
from pathlib import Path

from assistant.cli.evaluating import data_folders
from assistant.cli.output import say
from assistant.cli.setup import data_folder
from assistant.cli.wiring import read_setup
from assistant.evals.datasets import PUBLISHED, find
from assistant.evals.run_reader import Listed, Runs, count
from assistant.events import UsageError
from assistant.record_reader import Damage


def run(options: argparse.Namespace) -> int:
    setup = read_setup(options)
    found = list(Runs(data_folder(setup.settings)).list())
    for one in found:
        if isinstance(one, Damage):
            say(f"assistant: damaged: {one.why}", error=True)
        else:
            say(json.dumps(_fields(one)) if options.json else _line(one))
    if not found and not options.json:
        say("There are no runs yet. The first: assistant eval run starter --model NAME")
    if not options.json:
        say("")
        for name, place in _sets(data_folders(setup)):
            say(f"{name:<20}{place}")
    return 0


def _fields(one: Listed) -> dict[str, object]:
    stamp, data, counts = one.manifest.pipeline, one.manifest.data, count(one.path)
    return {
        "run": one.manifest.run,
        "data": data.name,
        "model": stamp.model,
        "strategy": stamp.strategy,
        "samples": counts.samples,
        "wanted": len(data.tasks) * one.manifest.samples,
        "passed": counts.passed,
        "status": "running" if one.at_work else counts.status or "cut off",
        "path": str(one.path),
    }


def _line(one: Listed) -> str:
    fields = _fields(one)
    done = f"{fields['samples']}/{fields['wanted']}"
    passed = f"{fields['passed']} passed"
    status = "" if fields["status"] == "done" else f"  [{fields['status']}]"
    return f"{fields['run']}  {done:>9}  {passed:>11}  {fields['strategy']}{status}"


def _sets(folders: list[Path]) -> list[tuple[str, str]]:
    found = []
    for name in ("starter", *PUBLISHED):
        try:
            found.append((name, "" if name == "starter" else str(find(name, folders))))
        except UsageError:
            found.append((name, f"not here; assistant eval fetch {name}"))
    return found
