"""Improve tasks from beginning to end, each with replies written by hand, then from its record.

Modules of the standard library and of installed packages are copied when a test runs; what the
replies quote of them is cut out of the copy, so that none of their text is kept here. The default
image has no node: the checks of the JavaScript files read them without running them.
"""

import difflib
import importlib.util
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from assistant.code.encodings import decoded
from assistant.code.functions import find_function
from tests.cli.conftest import Program

Replies = Callable[..., None]


def module(name: str) -> bytes:
    """The source of an importable module."""
    found = importlib.util.find_spec(name)
    assert found
    assert found.origin
    return Path(found.origin).read_bytes()


def cut(source: str, name: str) -> str:
    span = find_function(source, name)
    return source[span.start : span.stop]


def sections(path: str, *pairs: tuple[str, str]) -> str:
    body = "".join(
        f"<<<<<<< SEARCH\n{old.rstrip()}\n=======\n{new.rstrip()}\n>>>>>>> REPLACE\n"
        for old, new in pairs
    )
    return f'Here it is.\n\n````edit title="{path}"\n{body}````\n'


def whole(path: str, text: str) -> str:
    return f'The whole file:\n\n````python title="{path}"\n{text}````\n'


def diff(path: str, before: str, after: str, *, counted: bool = True) -> str:
    lines = list(
        difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm="")
    )
    if not counted:  # As models write them.
        lines = [re.sub(r"^@@ -\d+,\d+ \+\d+,\d+ @@", "@@ -1,3 +1,3 @@", line) for line in lines]
    return f'````diff title="{path}"\n' + "\n".join(lines) + "\n````\n"


@dataclass(frozen=True)
class Task:
    """One task: its files, what is asked, the check, and the replies made from the files' text."""

    name: str
    files: dict[str, bytes]
    check: str
    replies: Callable[[dict[str, str]], list[str]]
    flags: tuple[str, ...] = ()
    others: dict[str, str] = field(default_factory=dict)
    attempts: int = 1
    objective: str = "As the check wants it."


def _bisect(texts: dict[str, str]) -> list[str]:
    old = cut(texts["bisect_copy.py"], "bisect_left")
    head = old[: old.index(":\n") + 2]
    loop = (
        "    hi = len(a) if hi is None else hi\n    while lo < hi:\n        mid = (lo + hi) // 2\n"
        "        if (a[mid] if key is None else key(a[mid])) < x:\n            lo = mid + 1\n"
        "        else:\n            hi = mid\n    return lo\n"
    )
    fixed = "    if lo < 0:\n        lo = max(lo + len(a), 0)\n"
    path = "bisect_copy.py"
    return [sections(path, (old, head + loop)), sections(path, (head, head + fixed))]


def _colorsys(texts: dict[str, str]) -> list[str]:
    path, source = "colorsys_copy.py", texts["colorsys_copy.py"]
    old = cut(source, "hsv_to_rgb")
    head, rest = old.split("\n", 1)
    new = f"{head}\n    h, s, v = h % 1.0, min(max(s, 0.0), 1.0), min(max(v, 0.0), 1.0)\n{rest}"
    return [whole(path, new), whole(path, source.replace(old, new))]


def _shlex(texts: dict[str, str]) -> list[str]:
    path, source = "shlex_copy.py", texts["shlex_copy.py"]
    old = cut(source, "quote")
    head, rest = old.split("\n", 1)
    new = source.replace(old, f"{head}\n    s = __import__('os').fspath(s)\n{rest}")
    return [diff(path, source, new, counted=False)]


def _textwrap(texts: dict[str, str]) -> list[str]:
    path, source = "textwrap_copy.py", texts["textwrap_copy.py"]
    old = cut(source, "shorten")
    tail = [line for line in old.splitlines() if line.strip()][-2:]
    near = "\n".join(line.strip() for line in tail)  # Without the indent that the file has.
    return [sections(path, (near, "if width < 1:\n    raise ValueError('width')\n" + near))]


def _fnmatch(texts: dict[str, str]) -> list[str]:
    path, source = "fnmatch_copy.py", texts["fnmatch_copy.py"]
    added = "\n\ndef any_match(name, patterns):\n    return any(fnmatch(name, p) for p in patterns)"
    old = cut(source, "fnmatchcase")
    wrong = added.replace("any(fn", "all(fn")
    return [
        sections(path, (old, old + wrong)),
        sections(path, (wrong.strip(), added.strip())),
    ]


def _canonical(texts: dict[str, str]) -> list[str]:
    path, source = "packaging_copy/utils.py", texts["packaging_copy/utils.py"]
    old = cut(source, "is_normalized_name")
    head = old[: old.index(":\n") + 2]
    return [sections(path, (head, head + "    if not name:\n        return False\n"))]


def _version(texts: dict[str, str]) -> list[str]:
    path, source = "packaging_copy/version.py", texts["packaging_copy/version.py"]
    old = cut(source, "parse")
    new = old.rstrip() + "\n"
    last = new.splitlines()[-1]
    guard = "    if not isinstance(version, str):\n        raise TypeError('a version is text')\n"
    after = source.replace(old, new.replace(last, guard + last))
    return [diff(path, source, after.replace("'a version", "a version")), diff(path, source, after)]


JS = """\
// The menu.
var items = [];
function add(name, price) {
  items.push({name: name, price: price});
}
function total() {
  var sum = 0;
  for (var i = 0; i <= items.length; i++) {
    sum += items[i].price;
  }
  return sum;
}
"""
NO_VAR = "import pathlib; t = pathlib.Path('menu.js').read_text(); assert 'var ' not in t, t"
MENU = "// Men\u00fc\u00a0f\u00fcr alle\r\nvar price = 1;\r\nvar name = 'K\u00e4se';\r\n".encode(
    "latin-1"
)
BACKUP = "#!/bin/sh\nfor f in $(ls $1); do\n  cp $1/$f $2/$f.bak\ndone\n"
BACKUP_CHECK = "mkdir in out && echo x > 'in/a b' && sh backup.sh in out && test -f 'out/a b.bak'"

TASKS = [
    Task(
        "bisect",
        {"bisect_copy.py": module("bisect")},
        'python3 -c \'import ast, types; s = open("bisect_copy.py").read().split("try:")[0];'
        ' m = types.ModuleType("m"); exec(s, m.__dict__);'
        " assert m.bisect_left([1, 2, 3, 3], 3) == 2;"
        " assert m.bisect_left([1, 2, 3, 3], 0, -1) == 3'",
        _bisect,
        ("--function", "bisect_left"),
        attempts=2,
    ),
    Task(
        "colorsys",
        {"colorsys_copy.py": module("colorsys")},
        "python3 -c 'import colorsys_copy as c; assert c.hsv_to_rgb(1.5, 2, 1) =="
        " c.hsv_to_rgb(0.5, 1, 1)'",
        _colorsys,
        ("--function", "hsv_to_rgb"),
    ),
    Task(
        "shlex",
        {"shlex_copy.py": module("shlex")},
        "python3 -c 'import shlex_copy, pathlib;"
        ' assert shlex_copy.quote(pathlib.Path("a b")) == "\\x27a b\\x27"\'',
        _shlex,
    ),
    Task(
        "textwrap",
        {"textwrap_copy.py": module("textwrap")},
        "python3 -m unittest -q test_shorten",
        _textwrap,
        others={
            "test_shorten.py": "import unittest\nimport textwrap_copy\n\n\n"
            "class Shorten(unittest.TestCase):\n    def test_width(self):\n"
            "        with self.assertRaises(ValueError):\n"
            "            textwrap_copy.shorten('', 0)\n"
            "        self.assertEqual(textwrap_copy.shorten('a  b', 9), 'a b')\n"
        },
    ),
    Task(
        "fnmatch",
        {"fnmatch_copy.py": module("fnmatch")},
        "python3 -m pytest -q -p no:cacheprovider",
        _fnmatch,
        others={
            "test_any.py": "from fnmatch_copy import any_match\n\n\ndef test_any():\n"
            "    assert any_match('a.py', ['*.c', '*.py'])\n    assert not any_match('a', [])\n"
        },
        attempts=2,
    ),
    Task(
        "packaging.utils",
        {"packaging_copy/utils.py": module("packaging.utils")},
        "python3 -c 'from packaging_copy.utils import is_normalized_name as n;"
        ' assert not n("") and n("a-b") and not n("A")\'',
        _canonical,
        others={"packaging_copy/": "packaging"},
    ),
    Task(
        "packaging.version",
        {"packaging_copy/version.py": module("packaging.version")},
        "python3 -c 'from packaging_copy.version import parse\ntry:\n    parse(1)\n"
        'except TypeError as e:\n    assert "text" in str(e)\nelse:\n    raise SystemExit(1)\'',
        _version,
        ("--function", "parse"),
        others={"packaging_copy/": "packaging"},
    ),
    Task(
        "javascript",
        {"menu.js": JS.encode()},
        f"python3 -c \"{NO_VAR}; assert '< items.length' in t, t\"",
        lambda texts: [
            sections("menu.js", ("var items = [];", "const items = [];")),
            sections("menu.js", ("  var sum = 0;", "  let sum = 0;"))
            + sections(
                "menu.js",
                (
                    "  for (var i = 0; i <= items.length; i++) {",
                    "  for (let i = 0; i < items.length; i++) {",
                ),
            ),
        ],
        attempts=2,
    ),
    Task(
        "javascript in Latin-1 with CRLF",
        {"menu.js": MENU},
        "! grep -q '^var' menu.js",
        lambda texts: [
            sections("menu.js", ("var price = 1;", "const price = '\u20ac 1';")),
            whole("menu.js", texts["menu.js"].replace("\r", "").replace("var ", "const ")),
        ],
    ),
    Task(
        "shell",
        {"backup.sh": BACKUP.encode()},
        BACKUP_CHECK,
        lambda texts: [
            sections("backup.sh", ("  cp $1/$f $2/$f.bak", '  cp "$1/$f" "$2/$f.bak"')),
            sections(
                "backup.sh",
                ("for f in $(ls $1); do", 'for f in "$1"/*; do\n  f=${f##*/}'),
            ),
        ],
        attempts=2,
    ),
    Task(
        "two shell files",
        {"lib.sh": b"greet() { echo hello $1; }", "main.sh": b". ./lib.sh\ngreet world\n"},
        'test "$(sh main.sh two words)" = "hello two words"',
        lambda texts: [
            sections("lib.sh", (texts["lib.sh"], 'greet() { echo "hello $*"; }'))
            + sections("main.sh", ("greet world", 'greet "$@"'))
        ],
    ),
]


def prepare(task: Task, folder: Path) -> None:
    for name, content in task.others.items():
        if name.endswith("/"):
            found = importlib.util.find_spec(content)
            assert found is not None
            assert found.origin is not None
            shutil.copytree(
                Path(found.origin).parent,
                folder / name,
                ignore=shutil.ignore_patterns("__pycache__"),
                dirs_exist_ok=True,
            )
        else:
            (folder / name).write_text(content)
    for name, data in task.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.fixture
def home(_own_home: Path) -> Path:
    return _own_home


@pytest.mark.docker
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_is_done_and_its_record_replays(
    contained: Program, replies: Replies, home: Path, task: Task
) -> None:
    folder = contained.folder
    prepare(task, folder)
    texts = {name: decoded(data).text for name, data in task.files.items()}
    written = task.replies(texts)
    replies(*written)
    arguments = ("improve", *task.files, "--objective", task.objective, "--check", task.check)
    done = contained(*arguments, *task.flags, "--write", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('"type":"Replied"') == len(written)
    assert done.stdout.count('"type":"Checked"') == task.attempts
    after = {name: (folder / name).read_bytes() for name in task.files}
    for name, data in task.files.items():
        assert after[name] != data
        assert after[name].endswith(b"\n") == data.endswith(b"\n")
        assert (b"\r\n" in after[name]) == (b"\r\n" in data)
    undone = contained("undo")
    assert undone.returncode == 0, undone.stderr
    assert {name: (folder / name).read_bytes() for name in task.files} == task.files

    (record,) = (home / ".local/share/assistant/sessions").glob("*/record.jsonl")
    contained.variables["OPENAI_BASE_URL"] = "http://127.0.0.1:9/v1"
    again = contained(*arguments, *task.flags, "--write", "--model", f"replay:{record}")
    assert again.returncode == 0, again.stdout + again.stderr
    assert {name: (folder / name).read_bytes() for name in task.files} == after
    alone = contained("replay", str(record))
    assert alone.returncode == 2
    assert "--model replay:RECORD" in alone.stderr
