"""Completion for bash, zsh and fish, written from the grammar: no program runs at a Tab."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence

from assistant.cli.grammar import Flag, Place

_FOLDERS = ("DIR",)


def bash(places: Sequence[Place]) -> str:
    """For ``eval "$(assistant completion bash)"``; macOS's bash 3.2 will do."""
    lines = [
        "_assistant() {",
        '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" at="" i',
        "  for ((i = 1; i < COMP_CWORD; i++)); do",
        '    case "$at/${COMP_WORDS[i]}" in',
        *_arms(places),
        "    esac",
        "  done",
        "  COMPREPLY=()",
        '  case "$at:$prev" in',
        *_valued(places, _bash_value),
        "  esac",
        '  case "$at" in',
        *(f"    {_case(p.path)}) _assistant_words {shlex.quote(_all(p))};;" for p in places),
        "  esac",
        "}",
        "_assistant_words() {",
        '  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$1" -- "$cur")); return; fi',
        "  local word plain=",
        '  for word in $1; do [[ $word == -* ]] || plain="$plain $word"; done',
        '  COMPREPLY=($(compgen -W "$plain" -- "$cur"))',
        '  [[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- "$cur"))',
        "}",
        "complete -o filenames -F _assistant assistant",
    ]
    return "\n".join(lines) + "\n"


def zsh(places: Sequence[Place]) -> str:
    """For ``eval "$(assistant completion zsh)"`` after compinit, or a file ``_assistant``."""
    lines = [
        "#compdef assistant",
        "_assistant() {",
        '  local at="" word',
        "  local -a offers",
        '  for word in "${(@)words[2,CURRENT-1]}"; do',
        '    case "$at/$word" in',
        *_arms(places),
        "    esac",
        "  done",
        '  case "$at:${words[CURRENT-1]}" in',
        *_valued(places, _zsh_value),
        "  esac",
        '  case "$at" in',
    ]
    for place in places:
        offers = " ".join(shlex.quote(one) for one in _described(place))
        lines.append(f"    {_case(place.path)}) offers=({offers});;")
    lines += [
        "  esac",
        "  if [[ $PREFIX == -* ]]; then offers=(${(M)offers:#-*}); else offers=(${offers:#-*}); fi",
        "  (( $#offers )) && _describe 'assistant' offers",
        "  [[ $PREFIX == -* ]] || _files",
        "}",
        "(( $+functions[compdef] )) && compdef _assistant assistant",
        '[[ ${funcstack[1]-} == _assistant ]] && _assistant "$@" || true',
    ]
    return "\n".join(lines) + "\n"


def fish(places: Sequence[Place]) -> str:
    """For ``assistant completion fish | source``, or a file in fish's folder of completions."""
    lines = [
        "function __assistant_at",
        '    set -l at ""',
        "    for word in (commandline -opc)[2..-1]",
        '        switch "$at/$word"',
    ]
    for step, path in _steps(places):
        lines += [f"            case {_fish(step)}", f"                set at {_fish(path)}"]
    lines += [
        "        end",
        "    end",
        '    test "$at" = "$argv[1]"',
        "end",
        "complete -c assistant -e",
    ]
    for place in places:
        here = f"complete -c assistant -n {_fish(f'__assistant_at {_fish(place.path)}')}"
        for name, about in {**place.commands, **dict.fromkeys(place.words, "")}.items():
            lines.append(f"{here} -f -a {_fish(name)} -d {_fish(about)}")
        lines += [f"{here} {_fish_flag(flag)}" for flag in place.flags]
    return "\n".join(lines) + "\n"


SHELLS: Mapping[str, Callable[[Sequence[Place]], str]] = {"bash": bash, "zsh": zsh, "fish": fish}


def _steps(places: Iterable[Place]) -> Iterable[tuple[str, str]]:
    """``"sandbox/build"`` leads to ``"sandbox build"``."""
    for place in places:
        for name in place.commands:
            yield f"{place.path}/{name}", f"{place.path} {name}".strip()


def _arms(places: Iterable[Place]) -> Iterable[str]:
    """What each word of a command leads to, as the arms of a ``case``."""
    return (f"      {_case(step)}) at={_case(path)};;" for step, path in _steps(places))


def _case(path: str) -> str:
    return shlex.quote(path)


def _all(place: Place) -> str:
    names = [name for flag in place.flags for name in flag.names]
    return " ".join([*place.commands, *place.words, *names])


def _valued(places: Iterable[Place], offer: Callable[[Flag], str]) -> Iterable[str]:
    """What is offered after a flag that takes a value."""
    for place in places:
        for flag in place.flags:
            if flag.takes:
                names = "|".join(shlex.quote(f"{place.path}:{name}") for name in flag.names)
                yield f"    {names}) {offer(flag)} return;;"


def _bash_value(flag: Flag) -> str:
    if flag.choices:
        return f'COMPREPLY=($(compgen -W {shlex.quote(" ".join(flag.choices))} -- "$cur"));'
    kind = "-d" if flag.value in _FOLDERS else "-f"
    return f'COMPREPLY=($(compgen {kind} -- "$cur"));'


def _zsh_value(flag: Flag) -> str:
    if flag.choices:
        return f"compadd {' '.join(map(shlex.quote, flag.choices))};"
    return "_files -/;" if flag.value in _FOLDERS else "_files;"


def _described(place: Place) -> Iterable[str]:
    for name, about in place.commands.items():
        yield _colon(name, about)
    yield from (_colon(word, "") for word in place.words)
    for flag in place.flags:
        yield from (_colon(name, flag.help) for name in flag.names)


def _colon(name: str, about: str) -> str:
    """``name:about``, as zsh's _describe reads it."""
    name = name.replace(":", r"\:")
    return f"{name}:{about}" if about else name


def _fish(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _fish_flag(flag: Flag) -> str:
    parts = []
    for name in flag.names:
        short = len(name) == 2
        parts.append(f"-s {name[1:]}" if short else f"-l {name[2:]}")
    if flag.choices:
        parts.append(f"-x -a {_fish(' '.join(flag.choices))}")
    elif flag.takes:
        parts.append("-r")
    return " ".join([*parts, f"-d {_fish(flag.help)}"])
