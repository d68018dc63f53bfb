"""``assistant man``: the manual page, made from the grammar of the command line."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence

from assistant import __version__
from assistant.cli.grammar import Flag, Place, places
from assistant.cli.parser import parser


def run(options: argparse.Namespace) -> int:
    sys.stdout.write(page(list(places(parser()))))
    return 0


def page(all_places: Sequence[Place]) -> str:
    """The page in man(7) macros; ``assistant man | man -l -`` shows it."""
    top, *rest = all_places
    lines = [
        f'.TH ASSISTANT 1 "" "assistant {__version__}"',
        ".SH NAME",
        r"assistant \- a coding assistant whose code really runs",
        ".SH SYNOPSIS",
        ".B assistant",
        r"[\fIflags\fR] [\fIcommand\fR ...]",
        ".SH DESCRIPTION",
        _text(top.description),
        ".SH OPTIONS",
        *_flags(top.flags),
        ".SH COMMANDS",
    ]
    shared = {flag.names for flag in top.flags}
    for place in rest:
        lines += _command(place, shared)
    lines += [".SH EXIT STATUS", ".nf", _text(top.epilog.partition("\n")[2]), ".fi"]
    lines += [
        ".SH FILES",
        *_entry("config.toml", "settings, in the platform's configuration folder"),
        *_entry("assistant.toml", "a project's settings"),
        *_entry("commands/NAME.txt", "the command /NAME of a session; $1 is its first argument"),
        ".SH ENVIRONMENT",
        *_entry("OPENAI_API_KEY, OPENAI_BASE_URL", "the model's key and server"),
        *_entry("ASSISTANT_NAME", "the setting of that name (assistant config)"),
        *_entry("DOCKER_HOST, DOCKER_CONTEXT", "the container engine"),
        *_entry("NO_COLOR", "no colours"),
    ]
    return "\n".join(lines) + "\n"


def _command(place: Place, shared: set[tuple[str, ...]]) -> Iterator[str]:
    words = " ".join(name for name, _ in place.arguments)
    head = f"{place.path} {words}".strip()
    yield f".SS {_text(head)}"
    yield _text(place.description or place.help or "")
    for name, about in place.arguments:
        if about:
            yield from _entry(name, _text(about))
    own = [flag for flag in place.flags if flag.names not in shared]
    yield from _flags(own)
    taken = [flag.names[-1] for flag in place.flags if flag.names in shared and flag.group]
    if taken:
        yield ".PP"
        yield f"Also, as above: {_text(', '.join(taken))}."


def _flags(flags: Iterable[Flag]) -> Iterator[str]:
    group = ""
    for flag in flags:
        if flag.group and flag.group != group:
            group = flag.group
            yield ".PP"
            yield f"\\fI{_text(group)}\\fR"
        value = f" \\fI{_text(flag.value)}\\fR" if flag.takes else ""
        yield ".TP"
        yield f"\\fB{_text(', '.join(flag.names))}\\fR{value}"
        yield _text(flag.help) or "\\&"


def _entry(name: str, about: str) -> Iterator[str]:
    yield ".TP"
    yield f"\\fB{_text(name)}\\fR"
    yield about


def _text(text: str) -> str:
    """Text in which nothing is taken for a macro."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    lines = escaped.splitlines()
    return "\n".join(f"\\&{line}" if line[:1] in (".", "'") else line for line in lines)
