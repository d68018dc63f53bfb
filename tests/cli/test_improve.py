"""``assistant improve``: the user's file changes at the end, whole or not at all, if it passed."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Program

Replies = Callable[..., None]

SLOW = "import os\n\n\ndef total(n):\n    s = 0\n    for i in range(n):\n        s += i\n    return s\n"
CHECK = "python3 -c 'import mod; assert mod.total(4) == 6; assert mod.total(-1) == 0'"


def edit(path: str, old: str, new: str) -> str:
    return (
        f'```edit title="{path}"\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n```\n'
    )


BODY = "    s = 0\n    for i in range(n):\n        s += i\n    return s"
WRONG = edit("mod.py", BODY, "    return n * (n + 1) // 2")
RIGHT = edit("mod.py", "    return n * (n + 1) // 2", "    return max(n, 0) * (n - 1) // 2")


def result(done: Any) -> dict[str, Any]:
    last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert last["type"] == "Improved"
    return last


@pytest.fixture
def mod(program: Program) -> Path:
    file = program.folder / "mod.py"
    file.write_text(SLOW)
    return file


def improve(program: Program, *arguments: str, given: str | None = None) -> Any:
    return program("improve", "mod.py", "--objective", "Closed form.", *arguments, given=given)


@pytest.mark.docker
def test_a_failing_check_is_fed_back_and_the_passing_change_is_written(
    contained: Program, replies: Replies, llmock: Any
) -> None:
    file = contained.folder / "mod.py"
    file.write_text(SLOW)
    file.chmod(0o754)
    replies(WRONG, RIGHT)
    done = improve(contained, "--check", CHECK, "--write", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert file.read_text() == SLOW.replace(BODY, "    return max(n, 0) * (n - 1) // 2")
    assert stat.S_IMODE(file.stat().st_mode) == 0o754
    found = result(done)
    assert (found["status"], found["passed"], found["attempts"]) == ("done", True, 2)
    assert found["written"] == ["mod.py"]
    assert "AssertionError" in json.dumps(llmock.last_request.body["messages"])
    undone = contained("undo")
    assert undone.returncode == 0, undone.stderr
    assert file.read_text() == SLOW


def test_a_change_that_never_passes_is_kept_as_a_diff(
    program: Program, replies: Replies, mod: Path
) -> None:
    replies(WRONG, "I cannot.", "No.")
    done = improve(program, "--check", CHECK, "--write", "--json")
    assert done.returncode == 1
    assert mod.read_text() == SLOW
    found = result(done)
    assert (found["status"], found["passed"], found["written"]) == ("check-failed", False, [])
    assert "+    return n * (n + 1) // 2" in found["diff"]
    applied = program("apply", found["session"], "--yes")
    assert applied.returncode == 0, applied.stderr
    assert "n * (n + 1)" in mod.read_text()
