"""``assistant run``: endings, exit codes, the check, and nothing of the user's before it passed."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import KEY, Program

Replies = Callable[..., None]

WRONG = '```python title="add.py"\ndef add(a, b):\n    return a - b\n```\n'
RIGHT = '```python title="add.py"\ndef add(a, b):\n    return a + b\n```\n'
TEST = "from add import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"
CHECK = "python3 -m pytest -q -p no:cacheprovider"


def test_a_question_is_answered(program: Program, replies: Replies) -> None:
    replies("It is 42.")
    done = program("run", "What is it?")
    assert done.returncode == 0, done.stderr
    assert "It is 42." in done.stdout
    assert list(program.folder.iterdir()) == []


@pytest.mark.docker
def test_a_check_that_fails_first_and_passes_then(contained: Program, replies: Replies) -> None:
    (contained.folder / "test_add.py").write_text(TEST)
    replies(WRONG, "Done.", RIGHT, "Now it is.")
    done = contained("run", "Write add.", "--check", CHECK, "--apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "check failed" in done.stdout
    assert "check passed" in done.stdout
    assert (contained.folder / "add.py").read_text() == "def add(a, b):\n    return a + b\n"


@pytest.mark.docker
def test_a_model_that_edits_its_exam_fails(contained: Program, replies: Replies) -> None:
    (contained.folder / "test_add.py").write_text(TEST)
    forged = '```python title="test_add.py"\ndef test_add():\n    pass\n```\n'
    planted = (
        '```python title="conftest.py"\nimport os\nos._exit(0)\n```\n'
        '```python title="sitecustomize.py"\nprint("1 passed")\n```\n'
    )
    replies(WRONG + forged + planted, "Done.", "Done, I say.")
    done = contained("run", "Write add.", "--check", CHECK, "--apply")
    assert done.returncode == 1, done.stdout + done.stderr
    assert not (contained.folder / "add.py").exists()
    assert (contained.folder / "test_add.py").read_text() == TEST


@pytest.mark.docker
def test_a_pass_that_a_changed_script_gave_is_told(contained: Program, replies: Replies) -> None:
    """It may be the work itself, so it is one, and is written; but not without a word."""
    verify = contained.folder / "verify.py"
    verify.write_text("from add import add\n\nassert add(2, 3) == 5\n")
    forged = '```python title="verify.py"\nimport add\n```\n'
    task = ("run", "Write add.", "--check", "python3 verify.py", "--apply")
    replies(WRONG + forged, "Done.", "Done, I say.")
    kept = contained(*task, "--protect", "verify.py")
    assert kept.returncode == 1, kept.stdout + kept.stderr
    replies(WRONG + forged, "Done.")
    done = contained(*task, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    (checked,) = [event for event in events if event["type"] == "Checked"]
    (note,) = checked["notes"]
    assert "verify.py" in note
    assert note.endswith("--protect verify.py")
    assert verify.read_text() == "import add\n"


@pytest.mark.docker
def test_what_is_written_is_what_was_checked(contained: Program, replies: Replies) -> None:
    folder = contained.folder
    for name in ("test_add.py", "test_more.py"):
        (folder / name).write_text(TEST)
    forged = '```python title="test_add.py"\ndef test_add():\n    pass\n```\n'
    steering = '```python title="conftest.py"\nimport add\n```\n'
    own = f'```python title="test_own.py"\n{TEST}```\n'
    replies(RIGHT + forged + steering + own + "```bash\nrm test_more.py\n```", "Done.")
    done = contained("run", "Write add.", "--check", CHECK, "--apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not written" in done.stdout
    assert (folder / "add.py").exists()
    assert (folder / "test_own.py").exists()
    assert (folder / "test_add.py").read_text() == (folder / "test_more.py").read_text() == TEST
    assert not (folder / "conftest.py").exists()
    after = contained("apply", "--yes")
    assert "Among them tests of yours" in after.stdout
    assert "conftest.py, test_add.py, test_more.py" in after.stdout
    assert (folder / "conftest.py").exists()
    assert not (folder / "test_more.py").exists()


def test_a_check_that_never_passes_is_1_and_the_work_is_kept(
    program: Program, replies: Replies
) -> None:
    (program.folder / "test_add.py").write_text(TEST)
    replies(WRONG, "Done.", "It cannot be done.")
    done = program("run", "Write add.", "--check", "python3 test_nothing.py", "--apply")
    assert done.returncode == 1
    assert not (program.folder / "add.py").exists()
    replies("unused")
    applied = program("apply", "--yes")
    assert applied.returncode == 0, applied.stderr
    assert (program.folder / "add.py").read_text() == "def add(a, b):\n    return a - b\n"
    undone = program("undo")
    assert undone.returncode == 0, undone.stderr
    assert not (program.folder / "add.py").exists()


@pytest.mark.parametrize(
    ("arguments", "texts", "code"),
    [
        (["--replies", "1"], ["```python\nprint(1)\n```\n"], 3),
        ([], ["```python\n1/0\n```\n", "I give up."], 6),
        ([], ["```python\n1/0\n```\n"] * 3, 6),
        (["--dollars", "0.001"], ["never sent"], 3),
        (["--dollars", "0.001", "--model", "unpriced"], ["never sent"], 2),
    ],
)
def test_every_ending_has_its_exit_code(
    program: Program, replies: Replies, arguments: list[str], texts: list[str], code: int
) -> None:
    (program.folder / "prices.toml").write_text('["gpt-4o"]\ninput = 10\noutput = 30\n')
    program.variables["ASSISTANT_PRICES"] = str(program.folder / "prices.toml")
    replies(*texts)
    done = program("run", "Do it.", *arguments)
    assert done.returncode == code, done.stdout + done.stderr


def test_a_wrong_key_is_a_fault_of_the_model_and_never_shown(program: Program, llmock: Any) -> None:
    llmock.fail(401, times=3)
    done = program("run", "Hello")
    assert done.returncode == 4, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr


def test_usage_errors_are_2_and_name_the_remedy(program: Program, replies: Replies) -> None:
    assert program("run", "").returncode == 2
    assert "--unchecked" in program("run", "x", "--apply").stderr
    assert program("run", "x", "--file", "none.txt").returncode == 2
    (program.folder / "bin.dat").write_bytes(b"\xff\x00")
    assert program("run", "x", "--file", "bin.dat").returncode == 2
    assert "Did you mean run" in program("rum", "x").stderr
    assert program("run", "x", "--folder", "nowhere").returncode == 2
    unknown = program("run", "x", "--chekc", "true")
    assert (unknown.returncode, "Did you mean --check?" in unknown.stderr) == (2, True)
    before = program("--modle", "x")  # Not: x is no command.
    told = "unrecognized arguments: --modle\nDid you mean --model?"
    assert (before.returncode, told in before.stderr) == (2, True)
    code = program("exec", "print(1)")
    assert (code.returncode, "assistant exec -" in code.stderr) == (125, True)


def test_the_task_may_come_from_standard_input_with_files(
    program: Program, replies: Replies, llmock: Any
) -> None:
    (program.folder / "notes.txt").write_text("alpha\n")
    replies("ok")
    assert program("run", "-", "--file", "notes.txt", given="Read this").returncode == 0
    sent = json.dumps(llmock.last_request.body["messages"])
    assert "Read this" in sent
    assert "alpha" in sent


def test_json_lines_are_the_events(program: Program, replies: Replies) -> None:
    replies("```python\nprint(6*7)\n```\n", "42")
    done = program("run", "x", "--json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [event["type"] for event in events]
    assert kinds[-1] == "Finished"
    assert "Chunk" not in kinds
    ran = next(event for event in events if event["type"] == "Ran")
    assert ran["result"]["output"] == "42\n"
    replies("streamed")
    pieces = program("run", "x", "--json-stream").stdout
    assert '"type":"Chunk"' in pieces


def test_the_key_is_in_nothing_that_is_written_or_sent(
    program: Program, replies: Replies, llmock: Any, home: Path
) -> None:
    (program.folder / "leak.txt").write_text(f"the key is {KEY}\n")
    replies(f"Your key is {KEY}.\n\n```bash\ncat leak.txt; echo {KEY}\n```\n", "done")
    done = program("run", f"My key is {KEY}")
    assert done.returncode in (0, 6)
    assert KEY not in done.stdout + done.stderr
    sent = json.dumps([request.body for request in llmock.requests])
    assert KEY not in sent
    for file in (*home.rglob("*"), *program.folder.rglob("*")):
        if file.is_file() and file.name != "leak.txt":
            assert KEY.encode() not in file.read_bytes(), file


def test_agents_md_is_read_and_said_to_be(program: Program, replies: Replies, llmock: Any) -> None:
    (program.folder / "AGENTS.md").write_text("Use tabs.\n")
    replies("ok")
    assert "AGENTS.md" in program("run", "x").stdout
    assert "Use tabs." in llmock.last_request.body["messages"][0]["content"]


@pytest.mark.docker
def test_a_mounted_folder_is_changed_at_once_and_says_so(
    contained: Program, replies: Replies
) -> None:
    (contained.folder / "a.txt").write_text("alpha\n")
    contained.folder.chmod(0o777)
    replies(RIGHT + "```bash\ncat a.txt add.py; echo new > made.txt\n```\n", "Done.")
    done = contained("run", "x", "--mount", "rw")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no diff, apply or undo" in done.stdout
    assert (contained.folder / "made.txt").read_text() == "new\n"
    assert (contained.folder / "add.py").read_text().startswith("def add")
    replies("```bash\necho new > other.txt\n```\n", "No.")
    assert contained("run", "x", "--mount", "ro").returncode == 6
    assert not (contained.folder / "other.txt").exists()


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_is_an_empty_one(
    program: Program, replies: Replies, closed: str
) -> None:
    replies("Hello.")
    command = f"exec {shlex.quote(sys.executable)} -m assistant run hi {closed}"
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=program.folder,
        env={**os.environ, **program.variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
