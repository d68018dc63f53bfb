"""The slash commands as a table: a function each, whose docstring is its usage and its help."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.events import UsageError
from assistant.terminal import session_commands, work_commands
from assistant.terminal.console import MODES
from assistant.terminal.sanitize import one_line
from assistant.terminal.session import Session
from assistant.terminal.theme import Fragment, Line
from assistant.terminal.wrap import indent, wrap

Run = Callable[[Session, str], None]
_ARGUMENT = re.compile(r"\$(\d)|\$ARGUMENTS|\$@")


@dataclass(frozen=True, slots=True)
class Command:
    """One command. ``usage`` is how it is typed, without the slash."""

    name: str
    usage: str
    help: str
    run: Run
    more: bool = False
    """Listed by ``/help all`` only."""


def help_(session: Session, argument: str) -> None:
    """help [all]: the commands, or what one of them does."""
    found = table(session)
    if argument and argument != "all":
        wanted = _command(session, argument.removeprefix("/"))
        session.renderer.text(_usage(session, wanted, len(wanted.usage)))
        return
    listed = [command for command in found.values() if argument == "all" or not command.more]
    widest = min(max(len(command.usage) for command in listed), 24, session.renderer.columns // 3)
    rows = [row for command in listed for row in _usage(session, command, widest)]
    for line in _KEYS:
        rows.extend(wrap([("class:dim", line)], session.renderer.columns))
    session.renderer.text(rows)


_KEYS = (
    "!COMMAND runs in the sandbox; !!COMMAND too, and the model sees it; @FILE puts a file in.",
    "Alt-Enter: new line · Ctrl-C: stop · Ctrl-D: leave · Ctrl-R: search · Ctrl-X Ctrl-E: editor",
)


def _usage(session: Session, command: Command, widest: int) -> list[list[Fragment]]:
    columns = session.renderer.columns
    first: Line = [("class:strong", f"/{command.usage:<{widest}}  ")]
    rest = indent(widest + 3)
    rows = wrap([("", command.help)], columns, first, rest)
    if len(command.usage) <= widest and columns >= 50:
        return rows
    rest = rest if columns >= 50 else indent(2)
    return [[*first], *wrap([("", command.help)], columns, rest, rest)]


def _entry(run: Run, more: bool = False) -> Command:
    usage, _, text = (run.__doc__ or "").strip().partition("\n")[0].rstrip(".").partition(": ")
    return Command(usage.split()[0], usage, text, run, more)


_FIRST: Sequence[Run] = (help_, *session_commands.FIRST, *work_commands.FIRST)
_MORE: Sequence[Run] = (*session_commands.MORE, *work_commands.MORE)


def table(session: Session) -> Mapping[str, Command]:
    """The commands of this session by name, those in files of the user's included."""
    entries = [_entry(run) for run in _FIRST] + [_entry(run, more=True) for run in _MORE]
    entries = [entry for entry in entries if _can(session, entry.name)]
    return {entry.name: entry for entry in (*entries, *_own(session.options.commands, entries))}


def _can(session: Session, name: str) -> bool:
    """Whether the session was opened with what a command needs."""
    if name == "resume":
        return session.options.resume is not None
    return name != "fork" or session.options.fork is not None


def is_command(text: str) -> bool:
    """Whether a line is a command: ``/word``, and no path such as ``/etc/hosts``."""
    return re.match(r"/[A-Za-z?][\w-]*(?:\s|$)", text) is not None


def run_command(session: Session, text: str) -> None:
    """Run a line that starts with a slash. UsageError names the nearest command."""
    name, _, argument = text[1:].strip().partition(" ")
    _command(session, name).run(session, argument.strip())


_ELSEWHERE = {
    "clear": "reset",
    "new": "reset",
    "sessions": "resume",
    "cost": "budget cost",
    "tokens": "budget",
    "usage": "budget",
    "test": "check",
    "approvals": "ask",
    "image": "see",
}
"""What other assistants call the same."""


def _command(session: Session, name: str) -> Command:
    found = table(session)
    name = {"quit": "exit", "?": "help"}.get(name, name)
    if name in found:
        return found[name]
    near = difflib.get_close_matches(name, found, 1)
    if meant := _ELSEWHERE.get(name) or (near[0] if near else ""):
        remedy = f"Did you mean /{meant}?"
    else:
        remedy = "/help lists the commands."
    raise UsageError(f"there is no command /{one_line(name, 40)}", remedy)


def arguments(session: Session, name: str) -> Sequence[str]:
    """What can follow a command, for completion."""
    match name:
        case "/model":
            return session.options.models()
        case "/ask":
            return MODES
        case "/help":
            return ("all", *table(session))
        case "/budget":
            return ("cost", "replies=", "tokens=", "dollars=", "seconds=", "blocks=")
        case "/diff":
            return ("discard",)
        case "/check":
            return ("off",)
        case "/resume" if session.options.sessions:
            return session.options.sessions()
    return ()


def _own(folder: Path | None, taken: Sequence[Command]) -> Iterable[Command]:
    """The user's own commands: text files whose words become the message."""
    names = {command.name for command in taken}
    try:
        files = sorted(folder.glob("*.txt")) if folder else []
    except OSError:
        return
    for file in files:
        if file.stem not in names and re.fullmatch(r"[\w-]+", file.stem):
            yield Command(file.stem, file.stem, f"your own: {file.name}", _saying(file))


def _saying(file: Path) -> Run:
    def say(session: Session, argument: str) -> None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the command file {file} cannot be read: {error}") from error
        session.send(filled(text, argument))

    return say


def filled(text: str, argument: str) -> str:
    """A command file's text with ``$1`` to ``$9`` and ``$ARGUMENTS`` filled in."""
    given = argument.split()

    def value(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return argument
        number = int(match.group(1))
        return given[number - 1] if 0 < number <= len(given) else ""

    return _ARGUMENT.sub(value, text).strip()
