"""Bad input gets a line that says what and where, one that says what helps, and exit code 2."""

import gzip
from pathlib import Path

import pytest

from tests.cli.conftest import Program

TASK = b'{"task_id": "a", "prompt": "x", "entry_point": "f", "test": "def check(c): 1"}\n'
MAKE = {
    "binary": b"\xff\x00\xfe",
    "empty.jsonl": b"",
    "torn.jsonl": b'{"task_id": "a", "completion": "x"}\n{"task_',
    "none.jsonl": b'{"task_id": "a"}\n',
    "twice.jsonl": TASK * 2,
    "lacks.jsonl": b'{"task_id": "a", "prompt": "x", "entry_point": "f"}\n',
    "wrong.toml": b"turn = [\n",
    "damaged.gz": gzip.compress(b"x" * 100)[:20],
}
INPUTS = [
    ("script missing.toml", "missing.toml", "Check the name"),
    ("script binary", "binary", "UTF-8"),
    ("script folder", "folder", "name a file"),
    ("script wrong.toml", "wrong.toml", "docs/scripts.md"),
    ("run hi --file missing", "missing", "Check the name"),
    ("run hi --file binary", "binary", "UTF-8"),
    ("run hi --file folder", "folder", "name a file"),
    ("exec missing.py", "missing.py", "standard input"),
    ("exec binary --lang python", "binary", "UTF-8"),
    ("improve missing.py --objective x", "missing.py", "Check the name"),
    ("eval score missing.jsonl starter", "missing.jsonl", "Check the name"),
    ("eval score empty.jsonl starter", "empty.jsonl", "such as"),
    ("eval score torn.jsonl starter", "torn.jsonl, line 2", "JSON object"),
    ("eval score none.jsonl starter", "none.jsonl, line 1", "such as"),
    ("eval score none.jsonl ./missing.jsonl", "missing.jsonl", "Check the name"),
    ("eval score none.jsonl ./twice.jsonl", "twice.jsonl, line 2", "an id of its own"),
    ("eval score none.jsonl ./lacks.jsonl", "lacks.jsonl, line 1", "needs task_id"),
    ("eval score none.jsonl ./damaged.gz", "damaged.gz", "again"),
    ("eval run starter --prompt missing.txt", "missing.txt", "Check the name"),
    ("sessions show nosuch", "nosuch", "sessions"),
    ("--profile nosuch config", "nosuch", "Known"),
    ("run hi --nosuch", "--nosuch", "--help"),
    ("rnu hi", "rnu", "Did you mean run?"),
]


@pytest.fixture
def inputs(folder: Path) -> None:
    (folder / "folder").mkdir()
    for name, data in MAKE.items():
        (folder / name).write_bytes(data)


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize(("words", "what", "remedy"), INPUTS)
def test_it_is_told_with_a_remedy(program: Program, words: str, what: str, remedy: str) -> None:
    done = program(*words.split())
    assert done.returncode == (125 if words.startswith("exec") else 2), done.stderr
    first, *rest = done.stderr.strip().splitlines()
    assert first.startswith("assistant: ")
    assert what in first
    assert remedy in " ".join(rest)
    assert "Traceback" not in done.stderr
