"""Which test runner a shell command starts, so that a check can ask for its report."""

import json
import posixpath
import re
import shlex
from collections.abc import Container, Iterator, Mapping
from typing import Any, NamedTuple

_RUNNERS = {
    "pytest": "pytest",
    "py.test": "pytest",
    "pytest-3": "pytest",
    "unittest": "unittest",
    "unittest.main": "unittest",
    "jest": "jest",
}
_PLACE = re.compile(r"^(.*bin|\.)/")
_OPERATORS = re.compile(r"[;&|()<>]+")
_ASSIGNMENT = re.compile(r"\w+=")
_NO_RUNNERS = frozenset(
    ("cat", "echo", "find", "grep", "ls", "pip", "pip3", "printf", "rg", "which")
)
"""Commands whose arguments may name a test runner without starting it."""


_SHELLS = frozenset(("bash", "sh", "dash", "ksh", "zsh", "source", ".", "eval"))
_BEFORE_COMMANDS = frozenset(("!", "command", "env", "exec", "nice", "time"))
_FILE_FLAGS = frozenset(("-f", "-c", "--file", "--makefile", "--config", "--config-file"))
_TAKE_A_FILE = frozenset(
    {
        *("make", "gmake", "just", "task", "rake", "ant", "tox", "nox", "pytest", "py.test"),
        *("jest", "vitest", "mocha", "phpunit"),
    }
)
"""Programs to which these flags name a file that says what is run."""


_INTERPRETERS = re.compile(
    r"i?python[\d.]*|pypy[\d.]*|node(js)?|deno|bun|tsx|ts-node|ruby|perl|php|lua[\d.]*|luajit"
    r"|Rscript|java|julia|pwsh|tclsh|coverage|uv"
)
"""Programs that run a file which they are given; some after a word like ``run``."""
_NO_FILE = frozenset(("-c", "-e", "-E", "-p", "--eval", "--print", "-"))
"""Flags of theirs with which the program is not in a file."""


class Runner(NamedTuple):
    """A test runner: pytest, unittest, jest, or "" where none is seen.

    ``separator`` stands between the command and flags that are for the runner itself.
    """

    name: str = ""
    separator: str = ""


def started_by(command: str, scripts: Mapping[str, str]) -> Runner:
    """The test runner that ``command`` starts, also by a script of package.json.

    Jest is given flags at the end of the command, so it counts only where it comes last.
    """
    simple = list(_simple_commands(command))
    last = simple[-1] if simple else []
    if (script := scripts.get(_script(last))) and started_by(script, {}).name == "jest":
        return Runner("jest", "--" if last[0] == "npm" and "--" not in last else "")
    name = runner_of(command)
    if name == "jest" and _runner(last) != "jest":
        return Runner()
    return Runner(name)


def runner_of(command: str) -> str:
    """The first runner that a shell command names as one of its words.

    Inside quotes it is looked for again, as in ``sh -c "pytest -q"``.
    """
    return next(filter(None, map(_runner, _simple_commands(command))), "")


def scripts_named(command: str, paths: Container[str]) -> list[str]:
    """Those of ``paths`` that decide by themselves what a shell command does: scripts that it
    starts as such or by a shell, and files that it names to a flag like make's -f."""
    found = []
    for words in _simple_commands(command):
        while words and (words[0] in _BEFORE_COMMANDS or _ASSIGNMENT.match(words[0])):
            words = words[1:]
        shell = bool(words) and words[0].rpartition("/")[2] in _SHELLS
        if shell:
            words = [word for word in words[1:] if not word.startswith("-")]
        given = _files_given(words) if _TAKE_A_FILE & {w.rpartition("/")[2] for w in words} else []
        for word in (*words[:1], *given):
            path = posixpath.normpath(word.removeprefix("/workspace/"))
            if path in paths:
                found.append(path)
        for word in words if shell else ():
            if " " in word:
                found += scripts_named(word, paths)
    return found


def scripts_interpreted(
    command: str, paths: Container[str], scripts: Mapping[str, str]
) -> list[str]:
    """Those of ``paths`` that a shell command gives to an interpreter to run, as in ``python3
    verify.py``, also by a script of package.json."""
    found = []
    for words in _simple_commands(command):
        inner = [word for word in words if " " in word] if words[0] not in _NO_RUNNERS else []
        if script := scripts.get(_script(words)):
            inner.append(script)
        for text in inner:
            found += scripts_interpreted(text, paths, {})
        path = _interpreted(words, paths)
        if path and path in paths:
            found.append(path)
    return found


def _interpreted(words: list[str], paths: Container[str]) -> str:
    """The path of the file that a simple command has interpreted; "" where none is seen."""
    if words[0] in _NO_RUNNERS:
        return ""
    names = (word.rpartition("/")[2] for word in words)
    first = next((n for n, name in enumerate(names, 1) if _INTERPRETERS.fullmatch(name)), 0)
    for n in range(first, len(words)) if first else ():
        word = words[n]
        if word in _NO_FILE:
            return ""
        if word == "-m":
            return f"{words[n + 1].replace('.', '/')}.py" if n + 1 < len(words) else ""
        path = posixpath.normpath(word.removeprefix("/workspace/"))
        # What is no file is the value of a flag, or a word like ``run``.
        if path in paths or (not word.startswith("-") and posixpath.splitext(word)[1]):
            return path
    return ""


def _files_given(words: list[str]) -> list[str]:
    flagged = [words[i + 1] for i, word in enumerate(words[:-1]) if word in _FILE_FLAGS]
    joined = (word.partition("=") for word in words)
    return flagged + [value for flag, _, value in joined if flag in _FILE_FLAGS]


def scripts_of(package: bytes) -> Mapping[str, str]:
    """The scripts of a package.json; none where it cannot be read."""
    try:
        value: Any = json.loads(package)
    except (ValueError, RecursionError):
        return {}
    found = value.get("scripts") if isinstance(value, dict) else None
    if not isinstance(found, dict):
        return {}
    return {name: text for name, text in found.items() if isinstance(text, str)}


def _simple_commands(command: str) -> Iterator[list[str]]:
    """The commands between a shell's operators, each as words, assignments left out."""
    words: list[str] = []
    for word in [*_words(command), ";"]:
        if not _OPERATORS.fullmatch(word):
            if words or not _ASSIGNMENT.match(word):
                words.append(word)
        elif words:
            yield words
            words = []


def _words(command: str) -> list[str]:
    lexer = shlex.shlex(command.replace("\n", ";"), posix=True, punctuation_chars=True)
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:  # A quote without an end: the shell will refuse it too.
        return command.split()


def _runner(words: list[str]) -> str:
    if not words or words[0].rpartition("/")[2] in _NO_RUNNERS:
        return ""
    for word in words:
        runner = runner_of(word) if " " in word else _RUNNERS.get(_PLACE.sub("", word), "")
        if runner:
            return runner
    return ""


def _script(words: list[str]) -> str:
    """The script of package.json that a command runs."""
    match words:
        case ["npm", "t" | "tst" | "test", *_]:
            return "test"
        case ["npm" | "yarn" | "pnpm", "run" | "run-script", name, *_]:
            return name
        case ["yarn" | "pnpm", name, *_]:
            return name
    return ""
