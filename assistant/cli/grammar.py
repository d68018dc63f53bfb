"""The command line as plain data, read off the parser: for completion and for the manual page."""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag with its names; ``takes`` a value, which is one of ``choices`` where there are."""

    names: tuple[str, ...]
    help: str
    takes: bool
    value: str = ""
    """What stands for the value, in brackets where there need be none."""
    choices: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """What can follow the words of ``path`` ("", "run", "sandbox build")."""

    path: str
    help: str
    flags: tuple[Flag, ...]
    commands: Mapping[str, str] = field(default_factory=dict)
    """The commands that can come next, with a line about each."""
    words: tuple[str, ...] = ()
    """What can stand there that is no flag: the choices of an argument."""
    arguments: tuple[tuple[str, str], ...] = ()
    """The arguments that are no flags: name and help."""
    description: str = ""
    epilog: str = ""


def places(parser: argparse.ArgumentParser, path: str = "", about: str = "") -> Iterator[Place]:
    """The parser and all commands below it, outermost first."""
    flags: list[Flag] = []
    words: list[str] = []
    arguments: list[tuple[str, str]] = []
    below: dict[str, argparse.ArgumentParser] = {}
    commands: dict[str, str] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            below = dict(action.choices)
            commands = {one.dest: one.help or "" for one in action._choices_actions}
        elif action.help == argparse.SUPPRESS:
            continue
        elif action.option_strings:
            flags.append(_flag(action))
        else:
            words += action.choices or ()
            arguments.append((_value(action), action.help or ""))
    yield Place(
        path,
        about,
        tuple(flags),
        commands,
        tuple(words),
        tuple(arguments),
        parser.description or "",
        parser.epilog or "",
    )
    for name, inner in below.items():
        yield from places(inner, f"{path} {name}".strip(), commands.get(name, ""))


def _flag(action: argparse.Action) -> Flag:
    takes = action.nargs != 0
    group = getattr(getattr(action, "container", None), "title", "") or ""
    return Flag(
        tuple(action.option_strings),
        (action.help or "").replace("%%", "%"),
        takes,
        _shown(action) if takes else "",
        tuple(map(str, action.choices or ())),
        group if group not in ("options", "positional arguments") else "",
    )


def _shown(action: argparse.Action) -> str:
    return f"[{_value(action)}]" if action.nargs == "?" else _value(action)


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()
