"""The grammar of ``assistant eval``: an action for each thing one does with evaluation runs."""

import argparse

from assistant.cli.arguments import Commands, Parser, number, numbers, positive, share

_EXIT_CODES = """\
exit codes:
  0  every sample has a verdict      4  model errors are left    130  Ctrl-C
  1  the rate is under --fail-under  5  sandbox faults are left
  2  usage, data, a full disk        3  the budget is spent
"""


def add_eval(commands: Commands) -> None:
    evaluations = commands.add_parser("eval", help="measure and compare models")
    actions = evaluations.add_subparsers(dest="action", metavar="ACTION", required=True)
    _run(actions)
    _score(actions)
    _compare(actions)
    _export(actions)
    _list(actions)
    _fetch(actions)


def _run(actions: Commands) -> None:
    run = _measuring(
        actions,
        "run",
        "ask models for code and score it",
        "Generates code for the tasks of a data set, runs their tests in containers,"
        " and keeps every reply, verdict and cost. Ctrl-C ends it cleanly; --resume goes on.",
    )
    run.add_argument("dataset", nargs="?", default="", help="its name (starter), or its path")
    run.add_argument(
        "--model",
        dest="models",
        action="append",
        metavar="M",
        help="a name, or replay:RUN or replay:SAMPLES.jsonl; again for several side by side",
    )
    run.add_argument(
        "--strategy",
        choices=("structured", "fence", "chat", "complete"),
        help="how code is asked for (structured)",
    )
    run.add_argument("--prompt", metavar="FILE", help="a prompt with $prompt for the task's own")
    run.add_argument(
        "--formatter", choices=("none", "autopep8", "ruff"), help="scored before and after it"
    )
    run.add_argument(
        "--resume", metavar="RUN", help="go on with what a command began: a run's id, or last"
    )
    run.add_argument(
        "--weave",
        metavar="PROJECT",
        default="",
        help="at the end also in Weave: entity/project (assistant[weave])",
    )
    _which(run)
    run.add_argument("--samples", type=number, metavar="N", help="for each task (1)")
    run.add_argument("--turns", type=number, metavar="N", help="replies of a chat (8)")
    run.add_argument("--tries", type=number, metavar="N", help="of an exercise, told its tests (1)")
    run.add_argument("--seed", type=int, metavar="N", help="of sample 1; the next adds 1")
    run.add_argument("--jobs", type=number, metavar="N", help="calls of a model at a time (8)")
    _judging(run)
    _model_and_sandbox(run)
    _budget(run)


def _measuring(actions: Commands, name: str, about: str, more: str) -> Parser:
    """A command that keeps a run; absent flags leave no trace, since the run may say them."""
    return actions.add_parser(
        name,
        help=about,
        description=more,
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )


def _which(command: Parser) -> None:
    command.add_argument("--task", dest="tasks", action="append", metavar="ID", help="only this")
    command.add_argument("--limit", type=number, metavar="N", help="only the first tasks")


def _ks(command: Parser) -> None:
    command.add_argument("--k", type=numbers, metavar="K,K", help="the k of pass@k (1,5,10,100)")


def _judging(command: Parser) -> None:
    _ks(command)
    command.add_argument("--workers", type=number, metavar="N", help="sandboxes that judge")
    command.add_argument(
        "--task-seconds", type=positive, metavar="S", help="limit of all tests of one task"
    )
    command.add_argument("--fail-under", type=share, metavar="RATE", help="exit 1 below, 0 to 1")
    command.add_argument("--json", action="store_true", default=False, help="figures as JSON lines")


def _model_and_sandbox(command: Parser) -> None:
    model = command.add_argument_group("model")
    model.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible server")
    model.add_argument("--profile", metavar="NAME", help="a named profile of the settings")
    model.add_argument("--temperature", type=float, metavar="T")
    model.add_argument("--max-reply", type=int, metavar="TOKENS", help="the largest reply")
    model.add_argument("--reasoning-effort", metavar="WORD", help="low, medium, high, ...")
    _sandbox(command)


def _sandbox(command: Parser) -> None:
    sandbox = command.add_argument_group("sandbox")
    sandbox.add_argument("--image", help="the image that code runs in")
    sandbox.add_argument("--local", action="store_true", help="run code here, with no container")
    sandbox.add_argument("--runtime", metavar="NAME", help="the engine's runtime, such as runsc")
    _data_folder(sandbox)


def _data_folder(command: argparse._ActionsContainer) -> None:
    command.add_argument(
        "--data-folder", metavar="DIR", default=argparse.SUPPRESS, help="where runs are kept"
    )


def _budget(command: Parser) -> None:
    budget = command.add_argument_group("budget, of all models together")
    budget.add_argument("--replies", type=int, metavar="N")
    budget.add_argument("--tokens", type=int, metavar="N")
    budget.add_argument(
        "--dollars", metavar="D", help="5 where prices are known (setting eval_dollars)"
    )
    budget.add_argument("--seconds", type=float, metavar="S", help="of this process")


def _score(actions: Commands) -> None:
    score = _measuring(
        actions,
        "score",
        "score samples that were made elsewhere",
        "Scores a file of samples: JSON lines with task_id and completion (what goes"
        " on where the prompt ends) or solution (a whole program).",
    )
    score.add_argument("file", metavar="FILE.jsonl")
    score.add_argument("dataset", help="its name, or its path")
    score.add_argument(
        "--resume", metavar="RUN", help="go on with a run of this file: its id, or last"
    )
    _which(score)
    _judging(score)
    _sandbox(score)


def _list(actions: Commands) -> None:
    runs = actions.add_parser("list", help="the runs there are, and the data sets")
    runs.add_argument("--json", action="store_true")
    _data_folder(runs)


def _fetch(actions: Commands) -> None:
    fetch = actions.add_parser("fetch", help="get a public data set, checked by its sha256")
    fetch.add_argument("name", metavar="NAME", help="of a public set; eval list has them")
    fetch.add_argument(
        "--from", dest="address", default="", metavar="URL", help="another place of the same file"
    )
    _data_folder(fetch)


def _compare(actions: Commands) -> None:
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
    _ks(compare)
    compare.add_argument("--html", metavar="FILE", help="write a page that needs no network")
    compare.add_argument("--json", action="store_true", help="the figures as one JSON object")
    _data_folder(compare)


def _export(actions: Commands) -> None:
    export = actions.add_parser(
        "export",
        help="a run as a table: a row for each sample, with its code",
        description="Writes a run as a table, to a file or, for -, to standard output.",
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
    kinds.add_argument(
        "--weave",
        metavar="PROJECT",
        help="to a project of Weave, tasks and all (assistant[weave])",
    )
    export.add_argument(
        "--content", action="store_true", help="--otlp with the texts of model and code"
    )
    _data_folder(export)
