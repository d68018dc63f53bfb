"""Which paths of a folder are left alone: ignore files as git reads them, caches, dependencies."""

import re
from collections.abc import Callable
from contextlib import suppress

from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

IGNORE_FILES = (".gitignore", ".assistantignore")
EXCLUDE = ".git/info/exclude"
LARGEST_IGNORE_FILE = 1 << 16
"""Bytes; a larger ignore file is not read."""

_HEAVY = frozenset(
    {
        "node_modules",
        "bower_components",
        "jspm_packages",
        "__pycache__",
        ".venv",
        ".tox",
        ".nox",
        ".eggs",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".gradle",
        ".next",
        ".nuxt",
        ".svelte-kit",
        ".parcel-cache",
        ".terraform",
        ".direnv",
        ".hg",
        ".svn",
        ".bzr",
        ".Trash",
    }
)
MARKS = ("pyvenv.cfg", "CACHEDIR.TAG")
"""A folder that holds one of these is a virtual environment, or says itself that it is a cache."""

_FOLDER_MARK = "ps_d"
"""The group of the library's expressions that takes the slash behind what a pattern means."""

Read = Callable[[str], bytes | None]


class Ignored:
    """The ignore rules of one tree; ``read`` gives a file's bytes, None where there is none.

    ``foreign`` says whether an ignore file was written by code that is not trusted: of those only
    patterns that are matched in linear time count, so that none can stall this program.
    """

    def __init__(self, read: Read, foreign: Callable[[str], bool] = lambda path: False) -> None:
        self._read, self._foreign = read, foreign
        self._rules: dict[str, list[tuple[str, list[GitIgnoreSpecPattern]]]] = {}
        self._folders: dict[str, str] = {}

    def why(self, path: str, is_folder: bool) -> str:
        """Why ``path`` is left out, itself or because of a folder above it; "" if it is not."""
        above, _, name = path.rpartition("/")
        if above and (because := self._folder(above)):
            return because
        return self._folder(path) if is_folder else self._own(path, name, False)

    def _folder(self, path: str) -> str:
        if path not in self._folders:
            above, _, name = path.rpartition("/")
            because = self._folder(above) if above else ""
            self._folders[path] = because or self._own(path, name, True)
        return self._folders[path]

    def _own(self, path: str, name: str, is_folder: bool) -> str:
        if name == ".DS_Store":
            return "ignored"
        if is_folder and name in _HEAVY:
            return "a cache or dependency folder"
        if is_folder and any(self._read(f"{path}/{mark}") is not None for mark in MARKS):
            return "a cache or a virtual environment"
        for prefix, patterns in self._over(path.rpartition("/")[0]):
            for pattern in reversed(patterns):
                if _fits(pattern, path[len(prefix) :], is_folder):
                    return "ignored" if pattern.include else ""
        return ""

    def _over(self, folder: str) -> list[tuple[str, list[GitIgnoreSpecPattern]]]:
        """The rules that count in a folder, with the start of paths below it; strongest first."""
        if folder not in self._rules:
            prefix = folder + "/" if folder else ""
            names = [prefix + name for name in IGNORE_FILES]
            if not folder:
                names.insert(0, EXCLUDE)
            own = [(prefix, found) for name in reversed(names) if (found := self._parsed(name))]
            above = self._over(folder.rpartition("/")[0]) if folder else []
            self._rules[folder] = own + above
        return self._rules[folder]

    def _parsed(self, name: str) -> list[GitIgnoreSpecPattern]:
        data = self._read(name)
        if not data or len(data) > LARGEST_IGNORE_FILE:
            return []
        lines = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff").split("\n")
        if self._foreign(name):
            lines = [line for line in lines[:500] if _linear(line)]
        return [pattern for line in lines if (pattern := _pattern(line))]


def _pattern(line: str) -> GitIgnoreSpecPattern | None:
    """None for a line that is no pattern, such as "!" alone or a comment, as for git."""
    with suppress(ValueError, re.error):
        pattern = GitIgnoreSpecPattern(line)
        return pattern if pattern.include is not None else None
    return None


def _fits(pattern: GitIgnoreSpecPattern, path: str, is_folder: bool) -> bool:
    """Whether it means the path itself; the library says yes, too, where it means one above it."""
    regex = pattern.regex
    if regex is None:
        return False
    if _FOLDER_MARK not in regex.groupindex:
        return regex.search(path) is not None
    found = regex.finditer(path + "/" if is_folder else path)
    return any(one.start(_FOLDER_MARK) in (-1, len(path)) for one in found)


def _linear(line: str) -> bool:
    """Whether matching this pattern cannot explode: one ``*`` a component, one ``**`` in all."""
    components = line.split("/")
    deep = components.count("**")
    return deep <= 1 and all(part == "**" or part.count("*") <= 1 for part in components)
