"""The check's own files: tests and what steers them come from the user, not from code."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pathspec import GitIgnoreSpec

from assistant.prompts import prompt
from assistant.sandbox.overlay import ancestors
from assistant.sandbox.review import listed
from assistant.sandbox.tree import Entry, Tree

_TEST_FOLDERS = frozenset({"tests", "test", "__tests__"})
_TEST_NAME = re.compile(
    r"(test_.*|tests?\..+|.*_tests?\..+|.*[._]spec\..+|.*\.test\..+)", re.DOTALL
)
_STEERING = frozenset(
    {
        "conftest.py",
        "pytest.ini",
        ".pytest.ini",
        "pytest.toml",
        ".pytest.toml",
        "tox.ini",
        "setup.cfg",
        "noxfile.py",
        ".coveragerc",
        "sitecustomize.py",
        "usercustomize.py",
        "makefile",
        "gnumakefile",
        "justfile",
        "rakefile",
        "taskfile.yml",
        "taskfile.yaml",
        "package.json",
        "deno.json",
        "deno.jsonc",
        "phpunit.xml",
        "phpunit.xml.dist",
        ".rspec",
        "spec_helper.rb",
        "rails_helper.rb",
        "entry_points.txt",
    }
)
_STEERING_NAME = re.compile(
    r"(.*\.pth|(jest|vitest|babel|karma|playwright|cypress|ava)\.(config|conf)\..+|\.mocharc.*)",
    re.DOTALL,
)
_EVERYWHERE = re.compile(r"(site|user)customize\.py|.*\.pth", re.DOTALL)
_RUNNERS = frozenset({"pytest", "_pytest", "pluggy", "iniconfig", "unittest"})
"""Modules that run before any test: one of this name in the folder would stand in for it."""
_OF_RUNNERS = frozenset(
    {
        *("packaging", "exceptiongroup", "tomli", "colorama", "pygments", "py", "argparse"),
        *("atexit", "bdb", "contextlib", "dataclasses", "difflib", "dis", "doctest", "fnmatch"),
        *("functools", "gettext", "glob", "importlib", "inspect", "json", "linecache", "locale"),
        *("logging", "opcode", "pathlib", "pdb", "shlex", "shutil", "sysconfig", "tempfile"),
        *("textwrap", "tokenize", "traceback", "typing", "warnings", "xml", "zipfile"),
    }
)
"""What those import in turn."""

Read = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Protection:
    """The tree for a check, and how it differs from what the code left."""

    tree: Tree
    restored: tuple[str, ...] = ()
    """Tests and what steers them, as the user has them."""
    removed: tuple[str, ...] = ()
    """New files that steer tests, or stand in for a module that they import."""
    new_tests: tuple[str, ...] = ()
    """New tests of the code's own: they are in the tree too."""

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence each for what was done, for user and model."""
        said = (
            ("check_restored", self.restored),
            ("check_removed", self.removed),
            ("check_new_tests", self.new_tests),
        )
        return tuple(prompt(name, files=listed(paths)) for name, paths in said if paths)


def protected(
    before: Tree, after: Tree, globs: Sequence[str] = (), read: Read | None = None
) -> Protection:
    """What a check may run on: ``after`` with the tests of ``before``, the user's own files.

    ``globs`` are further patterns (as in ignore files). With ``read`` (digest to bytes) a
    pyproject.toml is put back, too, if its settings for pytest are not the user's any more.
    Compiled Python is left out: it could stand in for its source.
    """
    named = GitIgnoreSpec.from_lines(globs, backend="simple")
    tree = {path: entry for path, entry in after.items() if not _is_compiled(path)}
    restored = [
        path
        for path, entry in before.items()
        if entry.kind != "dir"
        and entry != after.get(path)
        and (guarded(path) or named.match_file(path) or _misled(path, before, after, read))
    ]
    removed, new_tests = [], []
    stands_in = _Modules(before).stands_in
    for path, entry in after.items():
        if entry.kind == "dir" or path in before or path not in tree:
            continue
        if is_steering(path) or stands_in(path):
            removed.append(path)
        elif is_test(path):
            new_tests.append(path)
        elif named.match_file(path):
            removed.append(path)
    for path in removed:
        del tree[path]
    for path in restored:
        _put_back(tree, path, before)
    kept = sorted(path for path in new_tests if path in tree)
    sorted_tree = {path: tree[path] for path in sorted(tree)}
    return Protection(sorted_tree, tuple(sorted(restored)), tuple(sorted(removed)), tuple(kept))


def guarded(path: str) -> bool:
    """Whether a path looks like a test or like something that steers one."""
    return is_test(path) or is_steering(path)


def is_test(path: str) -> bool:
    """Whether a path looks like a test, or lies with the tests; installed packages' own do not."""
    *folders, name = path.casefold().split("/")
    if _installed(folders):
        return False
    return bool(_TEST_NAME.fullmatch(name)) or not _TEST_FOLDERS.isdisjoint(folders)


def is_steering(path: str) -> bool:
    """Whether a path is one that test runners, build tools or Python itself obey."""
    *folders, name = path.casefold().split("/")
    if _installed(folders):
        return "node_modules" not in folders and bool(_EVERYWHERE.fullmatch(name))
    return name in _STEERING or bool(_STEERING_NAME.fullmatch(name))


def _installed(folders: Iterable[str]) -> bool:
    return not {"node_modules", "site-packages"}.isdisjoint(folders)


def _is_compiled(path: str) -> bool:
    return path.endswith((".pyc", ".pyo")) or "__pycache__" in path.split("/")


def _misled(path: str, before: Tree, after: Tree, read: Read | None) -> bool:
    """Whether a pyproject.toml says other things to pytest than the user's."""
    if read is None or path.rpartition("/")[2] != "pyproject.toml":
        return False
    return _pytest_settings(before[path], read) != _pytest_settings(after.get(path), read)


def _pytest_settings(entry: Entry | None, read: Read) -> object:
    if entry is None or entry.kind != "file":
        return None
    try:
        tools = tomllib.loads(read(entry.digest).decode("utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return "unreadable"
    return tools.get("pytest") if isinstance(tools, Mapping) else None


class _Modules:
    """The Python modules of the user's folder, and where a new one could stand in for another."""

    def __init__(self, before: Tree) -> None:
        self._before = before
        self._places: dict[str, set[str]] = {}
        self._tests: set[tuple[str, str]] = set()
        self._test_folders: set[str] = set()
        for path, entry in before.items():
            if entry.kind == "dir" or not path.endswith(".py"):
                continue
            for place, module in _imports(path):
                self._places.setdefault(module, set()).add(place)
            if guarded(path):
                place, _, name = path.rpartition("/")
                self._tests.add((place, name.partition(".")[0]))
                self._test_folders.add(place)

    def stands_in(self, path: str) -> bool:
        """Whether importing something that tests use would find the new file ``path`` instead."""
        name = path.rpartition("/")[2]
        if not name.endswith((".py", ".so", ".pyd")) or _installed(path.split("/")):
            return False
        for place, module in _imports(path):
            if f"{place}/{module}".lstrip("/") in self._before or module == "__init__":
                continue
            if (place, module) in self._tests:
                return True
            if module in _RUNNERS and (place == "" or place in self._test_folders):
                return True
            ahead = path.startswith((f"{module}.", f"{module}/__init__."))
            if module in _OF_RUNNERS and ahead:
                return True
            others = self._places.get(module, set()) - {place}
            if place and place in self._test_folders and others and not _TEST_NAME.fullmatch(name):
                return True
        return False


def _imports(path: str) -> list[tuple[str, str]]:
    """The names under which a file can be imported, itself and the packages it makes."""
    place, _, name = path.rpartition("/")
    found = [(place, name.partition(".")[0])]
    for folder in ancestors(path):
        above, _, package = folder.rpartition("/")
        found.append((above, package))
    return found


def _put_back(tree: dict[str, Entry], path: str, before: Tree) -> None:
    """The user's entry at ``path``, with its folders, in place of whatever is in the way."""
    for above in ancestors(path):
        there = tree.get(above)
        if there is None or there.kind != "dir":
            tree[above] = before.get(above, Entry("dir", 0o755))
    there = tree.get(path)
    if there is not None and there.kind == "dir":
        for below in [one for one in tree if one.startswith(path + "/")]:
            del tree[below]
    tree[path] = before[path]
