"""The grammar of the command line; flags that are settings carry the setting's name."""

import argparse

from assistant.cli.arguments import Commands, Parser, jobs
from assistant.cli.eval_parser import add_eval
from assistant.cli.sandbox_parser import add_sandbox

EXIT_CODES = """\
exit codes:
  0  done, passed            4  the model failed
  1  check or expectation    5  the sandbox failed
     failed                  6  stuck, refused or gave up
  2  usage (exec: 125)       70  a fault of this program
  3  budget spent            130, 143, 129  SIGINT, SIGTERM, SIGHUP
"""

SETTINGS = (
    *("model", "base_url", "profile", "temperature", "max_reply", "window", "reasoning_effort"),
    *("image", "local", "mount", "network", "runtime"),
    *("memory", "processors", "processes", "disk"),
    *("replies", "tokens", "dollars", "seconds", "blocks", "block_seconds", "check_seconds"),
    *("check", "protect", "ask", "data_folder", "ignore_project"),
)
"""Names of flags that override a setting; the rest belong to their command alone."""


def parser() -> argparse.ArgumentParser:
    top = Parser(
        prog="assistant",
        description="A coding assistant whose code really runs, in a hardened container, until"
        " the task passes or the budget is spent. Without a command: a session in the terminal.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_model(), _sandbox(), _budget(), _work()],
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=_version())
    top.add_argument(
        "--resume", nargs="?", const="", metavar="ID", help="go on with a session (the last one)"
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    _run(commands)
    _script(commands)
    _improve(commands)
    _implement(commands)
    _exec(commands)
    add_eval(commands)
    _sessions(commands)
    add_sandbox(commands)
    _plain(commands)
    return top


def _version() -> str:
    from assistant import __version__

    return f"assistant {__version__}"


def _quiet() -> Parser:
    """A parser for shared flags; absent flags leave no trace, so that settings show through."""
    return Parser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)


def _model() -> Parser:
    flags = _quiet()
    group = flags.add_argument_group("model")
    group.add_argument("--model", help="a model's name, or replay:RECORD")
    group.add_argument("--base-url", metavar="URL", help="an OpenAI-compatible server")
    group.add_argument("--profile", metavar="NAME", help="a named profile of the settings")
    group.add_argument("--temperature", type=float, metavar="T")
    group.add_argument("--max-reply", type=int, metavar="TOKENS", help="the largest reply")
    group.add_argument("--window", metavar="TOKENS", help="what the model's window holds")
    group.add_argument("--reasoning-effort", metavar="WORD", help="low, medium, high, ...")
    return flags


def _sandbox() -> Parser:
    flags = _quiet()
    group = flags.add_argument_group("sandbox")
    group.add_argument("--image", help="the image that code runs in")
    group.add_argument("--local", action="store_true", help="run code here, without a container")
    group.add_argument("--mount", choices=("none", "ro", "rw"), help="the folder itself, no copy")
    group.add_argument("--network", choices=("none", "packages", "full"), help="default: none")
    group.add_argument("--runtime", metavar="NAME", help="the engine's runtime, such as runsc")
    group.add_argument("--memory", metavar="SIZE", help="of the code, such as 8G")
    group.add_argument("--processors", metavar="N", help="of the code")
    group.add_argument("--processes", metavar="N", help="of the code, at a time")
    group.add_argument("--disk", metavar="SIZE", help="that the code may fill")
    return flags


def _budget() -> Parser:
    flags = _quiet()
    group = flags.add_argument_group("budget, for each message")
    group.add_argument("--replies", type=int, metavar="N")
    group.add_argument("--tokens", type=int, metavar="N")
    group.add_argument("--dollars", metavar="D")
    group.add_argument("--seconds", type=float, metavar="S")
    group.add_argument("--blocks", type=int, metavar="N")
    group.add_argument("--block-seconds", type=float, metavar="S", help="limit of one block")
    group.add_argument("--check-seconds", type=float, metavar="S", help="limit of one check")
    return flags


def _work() -> Parser:
    flags = _quiet()
    group = flags.add_argument_group("work")
    group.add_argument("--check", metavar="CMD", help="the task passes when this succeeds")
    group.add_argument("--protect", action="append", metavar="GLOB", help="restored for checks")
    group.add_argument("--ask", choices=("never", "apply", "all"))
    group.add_argument("--data-folder", metavar="DIR", help="where sessions are kept")
    group.add_argument("--ignore-project", action="store_true", help="not its assistant.toml")
    group.add_argument("--folder", metavar="DIR", help="the folder to work on (this one)")
    return flags


def _working(commands: Commands, name: str, about: str, epilog: str | None = None) -> Parser:
    """A command that asks a model and runs what it says: it takes all flags about that."""
    return commands.add_parser(
        name,
        help=about,
        parents=[_model(), _sandbox(), _budget(), _work()],
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _run(commands: Commands) -> None:
    run = _working(commands, "run", "one task, no questions", EXIT_CODES)
    run.add_argument("task", help="what to do, or - to read it from standard input")
    run.add_argument("--file", action="append", default=[], metavar="F", help="put into the task")
    run.add_argument("--apply", action="store_true", help="write the changes back if it passed")
    run.add_argument("--unchecked", action="store_true", help="--apply without a check")
    _allow_test_changes(run)
    _json(run)


def _improve(commands: Commands) -> None:
    improve = _working(
        commands, "improve", "change files, and write them only if a check passes", EXIT_CODES
    )
    improve.add_argument("files", nargs="+", metavar="FILE", help="what may change")
    improve.add_argument("--objective", required=True, metavar="TEXT", help="what to improve")
    improve.add_argument("--function", default="", metavar="NAME", help="only this one may change")
    _modes(
        improve,
        ("suggest", "print numbered suggestions, change nothing"),
        ("diff", "show the change; at a terminal ask whether to write it (default)"),
        ("write", "write the change if the check passed"),
    )
    improve.add_argument("--unchecked", action="store_true", help="--write without a check")
    _allow_test_changes(improve)
    _json(improve)


def _modes(command: Parser, *modes: tuple[str, str]) -> None:
    """What becomes of the change, as flags of which one is taken; "diff" where none is."""
    group = command.add_mutually_exclusive_group()
    for name, about in modes:
        group.add_argument(f"--{name}", dest="mode", action="store_const", const=name, help=about)
    command.set_defaults(mode="diff")


def _allow_test_changes(command: Parser) -> None:
    command.add_argument(
        "--allow-test-changes", action="store_true", help="tests may change, and are written too"
    )


def _implement(commands: Commands) -> None:
    implement = _working(commands, "implement", "fill a function from its signature and docstring")
    implement.add_argument("function", metavar="FILE.py:NAME")
    _modes(
        implement,
        ("diff", "show the change; at a terminal ask whether to write it (default)"),
        ("write", "write it if the check (or the function's doctests) passed"),
    )
    implement.add_argument("--replace", action="store_true", help="although it has a body")
    implement.add_argument("--unchecked", action="store_true", help="--write without a check")
    _json(implement)


def _json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="events as JSON lines")
    command.add_argument("--json-stream", action="store_true", help="and their pieces")


def _script(commands: Commands) -> None:
    script = _working(commands, "script", "a scripted conversation with expectations")
    script.add_argument("file", help="the script, TOML")
    script.add_argument("--step", type=int, default=None, help=argparse.SUPPRESS)
    script.add_argument("--junit", metavar="FILE", help="write a JUnit report")
    script.add_argument("--apply", action="store_true", help="write the changes back if it passed")
    script.add_argument("--unchecked", action="store_true", help="--apply without a check")
    _allow_test_changes(script)
    script.add_argument(
        "--jobs", type=jobs, default=1, metavar="N", help="improve steps that run side by side"
    )
    _json(script)


def _exec(commands: Commands) -> None:
    run = commands.add_parser(
        "exec",
        help="run code in the sandbox",
        description="Runs a file, or - for standard input, in a fresh container. The exit code is"
        " the code's own; 124 timeout, 137 memory, 125 whatever kept it from running: usage,"
        " settings, the sandbox (other commands: 2 and 5).",
        parents=[_sandbox()],
        allow_abbrev=False,
    )
    run.usage_code = 125
    run.add_argument("file", help="a file, or - for standard input")
    run.add_argument("--lang", help="its language, where name and text do not tell")
    run.add_argument("--timeout", type=float, default=120.0, metavar="S")
    run.add_argument("--json", action="store_true", help="the result as one JSON line")


def _sessions(commands: Commands) -> None:
    sessions = commands.add_parser("sessions", help="list, show or delete recorded sessions")
    sessions.add_argument("action", nargs="?", default="list", choices=("list", "show", "delete"))
    sessions.add_argument("id", nargs="?", default="", help="a session's id, or last")
    sessions.add_argument("--json", action="store_true")
    apply = commands.add_parser("apply", help="write a session's changes to its folder")
    apply.add_argument("session", nargs="?", default="", help="a session's id (the last one)")
    apply.add_argument("--yes", action="store_true", help="do not ask")
    undo = commands.add_parser("undo", help="take the last applied change back")
    undo.add_argument("session", nargs="?", default="", help="a session's id (the last one)")
    replay = commands.add_parser("replay", help="run a record again, offline, and compare")
    replay.add_argument("record", help="a record's file or a session's id")
    _json(replay)
    for command in (sessions, apply, undo, replay):
        command.add_argument(
            "--data-folder",
            metavar="DIR",
            default=argparse.SUPPRESS,
            help="where sessions are kept",
        )


def _plain(commands: Commands) -> None:
    commands.add_parser("demo", help="the whole loop, without a model")
    commands.add_parser(
        "doctor",
        help="look at all that is needed, and say what to do about what is missing",
        parents=[_model(), _sandbox(), _work()],
        allow_abbrev=False,
    )
    shell = commands.add_parser("completion", help="print the completion for a shell")
    shell.add_argument("shell", choices=("bash", "zsh", "fish"))
    commands.add_parser("man", help="print the manual page: assistant man | man -l -")
    config = commands.add_parser("config", help="each setting, and where it came from")
    config.add_argument("--profile", default=argparse.SUPPRESS)
