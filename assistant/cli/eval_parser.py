"""The grammar of ``assistant eval``: an action for each thing one does with evaluation runs."""

import argparse
from typing import Any


def add_eval(commands: Any) -> None:
    evaluations = commands.add_parser("eval", help="measure and compare models")
    actions = evaluations.add_subparsers(dest="action", metavar="ACTION", required=True)
    _compare(actions)
    _export(actions)


def _compare(actions: Any) -> None:
    compare = actions.add_parser(
        "compare",
        help="what differs between runs, and how sure that is",
        description="Compares runs on the tasks they have in common: pass@k with intervals, paired"
        " differences, tokens, cost, latency, tasks won and lost. The later run of a pair is told"
        " against the earlier one.",
        allow_abbrev=False,
    )
    compare.add_argument(
        "runs", nargs="+", metavar="RUN", help="an id, its beginning, `last`, or a path"
    )
    compare.add_argument("--k", type=numbers, metavar="K,K", help="the k of pass@k (1,5,10,100)")
    compare.add_argument("--html", metavar="FILE", help="write a page that needs no network")
    compare.add_argument("--json", action="store_true", help="the figures as one JSON object")


def _export(actions: Any) -> None:
    export = actions.add_parser(
        "export",
        help="a run as a table: a row for each sample, with its code",
        allow_abbrev=False,
    )
    export.add_argument("run", metavar="RUN", help="an id, its beginning, `last`, or a path")
    kinds = export.add_mutually_exclusive_group(required=True)
    kinds.add_argument("--csv", metavar="FILE", help="for spreadsheets; formulas are defused")
    kinds.add_argument("--jsonl", metavar="FILE", help="an object a line")
    kinds.add_argument("--parquet", metavar="FILE", help="typed columns (needs assistant[eval])")
    kinds.add_argument(
        "--otlp", metavar="URL", help="its trace, to an OpenTelemetry collector (assistant[otel])"
    )
    export.add_argument(
        "--content", action="store_true", help="--otlp with the texts of model and code"
    )


def numbers(text: str) -> list[int]:
    """Whole numbers from 1 up with commas between, for argparse."""
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= 10**6 for part in parts):
        raise argparse.ArgumentTypeError(f"expected numbers like 1,10, got {text!r}")
    return sorted({int(part) for part in parts})
