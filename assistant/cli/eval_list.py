"""``assistant eval list``: the runs there are, and where each data set lies."""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from assistant.cli.evaluating import data_folders
from assistant.cli.output import say
from assistant.cli.setup import data_folder, read_setup
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
    rows = [_fields(one) for one in found if not isinstance(one, Damage)]
    for line in map(json.dumps, rows) if options.json else _table(rows):
        say(line)
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
        "decided": counts.decided,
        "wanted": len(data.tasks) * one.manifest.samples,
        "passed": counts.passed,
        "status": "running" if one.at_work else counts.status or "cut off",
        "path": str(one.path),
    }


def _table(rows: Sequence[dict[str, object]]) -> Iterator[str]:
    """``RUN  29/30  13 passed  fence``: how many samples have a result that stands, of all."""
    cells = [
        (
            str(row["run"]),
            f"{row['decided']}/{row['wanted']}",
            f"{row['passed']} passed",
            f"{row['strategy']}" + ("" if row["status"] == "done" else f"  [{row['status']}]"),
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for run, done, passed, rest in cells:
        yield f"{run:<{widths[0]}}  {done:>{widths[1]}}  {passed:>{widths[2]}}  {rest}"


def _sets(folders: list[Path]) -> list[tuple[str, str]]:
    found = []
    for name in ("starter", *PUBLISHED):
        try:
            place = "comes with this program" if name == "starter" else str(find(name, folders))
        except UsageError:
            where = "" if PUBLISHED[name].address else " --from URL (it has no official place)"
            place = f"not here; assistant eval fetch {name}{where}"
        found.append((name, place))
    return found
