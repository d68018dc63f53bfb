"""``assistant improve`` at a terminal: the change is shown and asked for, a link's target too."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Program

Replies = Callable[..., None]

CHANGE = '```edit title="mod.py"\n<<<<<<< SEARCH\nx = 1\n=======\nx = 2\n>>>>>>> REPLACE\n```\n'


def at_terminal(program: Program, answers: str, *arguments: str) -> tuple[int, str]:
    """Run with a terminal on all three; ``answers`` are typed ahead."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "assistant", "improve", *arguments, "--objective", "o"],
        cwd=program.folder,
        env={**os.environ, **program.variables, "TERM": "dumb", "COLUMNS": "200"},
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    )
    os.close(side)
    os.write(main, answers.encode())
    shown = b""
    while True:
        try:
            piece = os.read(main, 65536)
        except OSError:  # The other end is closed.
            break
        if not piece:
            break
        shown += piece
    os.close(main)
    return process.wait(60), shown.decode("utf-8", "replace")


@pytest.fixture
def mod(program: Program) -> Path:
    file = program.folder / "mod.py"
    file.write_text("x = 1\n")
    return file


@pytest.mark.parametrize(("answer", "text"), [("y\n", "x = 2\n"), ("n\n", "x = 1\n")])
def test_the_diff_is_shown_and_asked_for(
    program: Program, replies: Replies, mod: Path, answer: str, text: str
) -> None:
    replies(CHANGE)
    code, shown = at_terminal(program, answer, "mod.py")
    assert code == 0, shown
    assert "+x = 2" in shown
    assert "Write these changes?" in shown
    assert mod.read_text() == text


def test_write_without_a_check_asks_too(program: Program, replies: Replies, mod: Path) -> None:
    replies(CHANGE, CHANGE)
    assert at_terminal(program, "n\n", "mod.py", "--write")[0] == 0
    assert mod.read_text() == "x = 1\n"
    code, shown = at_terminal(program, "", "mod.py", "--write", "--check", "grep -q 2 mod.py")
    assert code == 0, shown
    assert "Write these" not in shown
    assert mod.read_text() == "x = 2\n"


def test_a_change_whose_check_fails_is_not_offered(
    program: Program, replies: Replies, mod: Path
) -> None:
    replies(CHANGE, "No.", "No.")
    code, shown = at_terminal(program, "y\n", "mod.py", "--check", "false")
    assert code == 1
    assert "Write these" not in shown
    assert mod.read_text() == "x = 1\n"


def test_of_a_link_the_target_is_shown_asked_for_and_changed(
    program: Program, replies: Replies, mod: Path
) -> None:
    link = program.folder / "link.py"
    link.symlink_to("mod.py")
    code, shown = at_terminal(program, "n\n", "link.py")
    assert code == 2
    assert f"link.py is a link to {mod}" in shown
    replies(CHANGE)
    code, shown = at_terminal(program, "y\ny\n", "link.py")
    assert code == 0, shown
    assert os.readlink(link) == "mod.py"
    assert mod.read_text() == "x = 2\n"


def test_a_read_only_file_is_shown_and_not_offered(
    program: Program, replies: Replies, mod: Path
) -> None:
    mod.chmod(0o444)
    replies(CHANGE)
    code, shown = at_terminal(program, "y\n", "mod.py")
    assert code == 0, shown
    assert "read-only" in shown
    assert mod.read_text() == "x = 1\n"
