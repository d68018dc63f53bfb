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

SLOW = (
    "import os\n\n\n"
    "def total(n):\n    s = 0\n    for i in range(n):\n        s += i\n    return s\n"
)
CHECK = "python3 -c 'import mod; assert mod.total(4) == 6; assert mod.total(-1) == 0'"


def edit(path: str, old: str, new: str) -> str:
    return f'```edit title="{path}"\n<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE\n```\n'


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


def test_undo_takes_back_the_last_written_change_and_only_it(
    program: Program, replies: Replies, mod: Path
) -> None:
    (program.folder / "other.py").write_text("x = 1\n")
    replies(WRONG, edit("other.py", "x = 1", "x = 2"), "Nothing here.")
    assert improve(program, "--write", "--unchecked").returncode == 0
    changed = mod.read_text()
    written = program("improve", "other.py", "--objective", "o", "--write", "--unchecked")
    assert written.returncode == 0, written.stderr
    assert improve(program, "--check", "true").returncode == 0  # Writes nothing.
    assert "other.py" in program("undo").stdout
    assert (mod.read_text(), (program.folder / "other.py").read_text()) == (changed, "x = 1\n")
    mod.write_text(changed + "# mine\n")
    refused = program("undo")
    assert refused.returncode == 2
    assert mod.read_text() == changed + "# mine\n"
    mod.write_text(changed)
    assert program("undo").returncode == 0
    assert mod.read_text() == SLOW
    assert program("undo").returncode == 2


def test_a_function_keeps_the_change_to_its_lines(
    program: Program, replies: Replies, mod: Path, llmock: Any
) -> None:
    outside = '```python title="mod.py"\ndef total(n):\n    return n * (n - 1) // 2\n```\n'
    within = edit("mod.py", BODY, "    return n * (n - 1) // 2")
    replies(outside, within)
    done = improve(program, "--function", "total", "--write", "--unchecked", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = llmock.last_request.body["messages"][-1]["content"]
    assert "only the function total may change (lines 4 to 8" in told
    assert mod.read_text() == SLOW.replace(BODY, "    return n * (n - 1) // 2")
    assert improve(program, "--function", "totl").returncode == 2


@pytest.mark.parametrize("answer", ["whole", "sections", "diff"])
@pytest.mark.parametrize(
    "data",
    [
        b"a = 1\nb = 2\nc = 3\n",
        b"a = 1\r\nb = 2\r\nc = 3",
        b"a = 1\r\nb = 2\nc = 3\r\n",
        b"\xef\xbb\xbfa = 1\nb = 2\nc = 3  # gr\xc3\xbc\xc3\x9f",
        b"a = 1\nb = 2\nc = 3  # gr\xfc\xdf\n",
        "\ufeffa = 1\r\nb = 2\r\nc = 3  # gr\u00fc\u00df\u20ac".encode("utf-16-le"),
        "\ufeffa = 1\nb = 2\nc = 3\n".encode("utf-16-be"),
    ],
)
def test_every_byte_outside_of_the_change_stays(
    program: Program, replies: Replies, data: bytes, answer: str
) -> None:
    from assistant.code.encodings import decoded, encoded

    file = program.folder / "data.txt"
    file.write_bytes(data)
    text = decoded(data).text
    lines = text.replace("\r\n", "\n").splitlines()
    lines[1] = "b = 20"
    replies(
        {
            "whole": '```text title="data.txt"\n' + "\n".join(lines) + "\n```\n",
            "sections": edit("data.txt", "b = 2", "b = 20"),
            "diff": '```diff title="data.txt"\n@@ -1,3 +1,3 @@\n a = 1\n-b = 2\n+b = 20\n```\n',
        }[answer]
    )
    done = program("improve", "data.txt", "--objective", "o", "--write", "--unchecked", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert file.read_bytes() == encoded(text.replace("b = 2", "b = 20"), decoded(data))
    assert "+b = 20" in result(done)["diff"]


CUT = '```python title="mod.py"\ndef total(n):\n    return'


@pytest.mark.parametrize(
    "answer",
    [
        CUT,  # The fence is open: the answer may be cut.
        '```python title="mod.py"\n```\n',
        '```python title="mod.py"\n   \n```\n',
        '```python title="mod.py"\nimport os\n# ... rest of the file unchanged\n```\n',
        '```python title="mod.py"\ndef total(n:\n```\n',
        '```diff title="mod.py"\n--- a/mod.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-import os\n```\n',
        edit("mod.py", "no such line", "x"),
        edit("../mod.py", "import os", "import sys"),
        edit("other.py", "", "x = 1"),
        "```python\nimport sys\n```\n",
    ],
)
def test_an_answer_that_cannot_be_taken_replaces_nothing_and_is_told(
    program: Program, replies: Replies, mod: Path, llmock: Any, answer: str
) -> None:
    replies(edit("mod.py", "import os", "import sys") + answer, "I stop.")
    done = improve(program, "--write", "--unchecked", "--json")
    assert done.returncode == 6, done.stdout + done.stderr  # The last answer had failed.
    assert mod.read_text() == SLOW
    assert result(done)["files"] == []
    assert "Answer again" in llmock.last_request.body["messages"][-1]["content"]


def test_two_empty_answers_end_it(program: Program, replies: Replies, mod: Path) -> None:
    replies("", " \n")
    assert improve(program, "--write", "--unchecked").returncode == 6
    assert mod.read_text() == SLOW


def test_the_same_refused_answer_three_times_ends_it(
    program: Program, replies: Replies, mod: Path, llmock: Any
) -> None:
    replies(*[edit("mod.py", "        s += j", "x")] * 3)
    done = improve(program, "--check", "true", "--json")
    assert done.returncode == 6, done.stdout
    assert result(done)["status"] == "stuck"
    assert "s += i" in llmock.last_request.body["messages"][-1]["content"]  # The nearest lines.


def test_what_cannot_be_improved_is_2_before_anything_is_sent(
    program: Program, mod: Path, llmock: Any
) -> None:
    folder = program.folder
    (folder / "bin.py").write_bytes(b"a\0b")
    (folder / "big.py").write_bytes(b"#" * ((1 << 20) + 1))
    (folder / "odd.txt").write_bytes(b"\x81\x8d\xff")
    (folder / "link.py").symlink_to("mod.py")
    (folder / "nowhere.py").symlink_to("gone.py")
    os.mkfifo(folder / "pipe.py")
    (folder / "test_mod.py").write_text("def test(): pass\n")
    for name, said in {
        "bin.py": "binary",
        "big.py": "1,048,576",
        "odd.txt": "no text",
        "link.py": f"Name the file itself: {folder}/mod.py",
        "nowhere.py": "No such file",
        "pipe.py": "not a regular file",
        "none.py": "No such file",
        "test_mod.py": "--allow-test-changes",
        ".": "",
    }.items():
        done = program("improve", name, "--objective", "o", "--diff")
        assert done.returncode == 2, (name, done.stdout, done.stderr)
        assert said in done.stderr, name
    assert improve(program, "--write").returncode == 2
    assert "--unchecked" in improve(program, "--write").stderr
    os.link(mod, folder / "twin.py")
    assert "hard links" in improve(program, "--write", "--check", "true").stderr
    (folder / "twin.py").unlink()
    mod.chmod(0o444)
    assert "read-only" in improve(program, "--write", "--check", "true").stderr
    assert program("improve", "mod.py", "mod.py", "--objective", "o").returncode == 2
    assert program("improve", "mod.py", "--objective", " ").returncode == 2
    assert llmock.requests == []


def test_a_file_that_the_user_changes_meanwhile_is_left_to_the_user(
    program: Program, replies: Replies, mod: Path
) -> None:
    replies(WRONG)
    (program.folder / "where.txt").write_text(str(mod))
    check = "printf '# mine\\n' >> \"$(cat where.txt)\""  # The user, in the midst of the run.
    done = improve(program, "--check", check, "--write", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert mod.read_text() == SLOW + "# mine\n"
    found = result(done)
    assert (found["status"], found["written"]) == ("done", []), done.stdout
    assert "changed in your folder" in found["refused"]
    assert "+    return n * (n + 1) // 2" in found["diff"]


def test_changes_to_tests_are_apart_and_need_a_word(
    program: Program, replies: Replies, mod: Path
) -> None:
    test = program.folder / "test_mod.py"
    test.write_text("import mod\n\n\ndef test_total():\n    assert mod.total(3) == 3\n")
    weak = edit("test_mod.py", "    assert mod.total(3) == 3", "    pass")
    command = "python3 -m pytest -q -p no:cacheprovider"
    replies(
        WRONG + weak, edit("mod.py", "    return n * (n + 1) // 2", "    return n * (n - 1) // 2")
    )
    done = improve(program, "--check", command, "--write", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = result(done)
    assert (found["files"], found["tests"], found["written"]) == (
        ["mod.py"],
        ["test_mod.py"],
        ["mod.py"],
    )
    assert "-    assert" in found["tests_diff"]
    assert "assert mod.total(3)" in test.read_text()
    mod.write_text(SLOW)
    replies(
        WRONG + edit("test_mod.py", "    assert mod.total(3) == 3", "    assert mod.total(3) == 6")
    )
    flags = ("--allow-test-changes", "--check", command, "--write", "--json")
    done = improve(program, *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert result(done)["written"] == ["mod.py", "test_mod.py"], done.stdout
    assert "== 6" in test.read_text()


def test_suggestions_are_numbered_and_change_nothing(
    program: Program, replies: Replies, mod: Path, llmock: Any
) -> None:
    replies(
        "It looks fine to me.", "Here:\n\n1. Use sum().\n   It is shorter.\n\n2) Drop os.\n\nBye."
    )
    done = improve(program, "--suggest")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1. Use sum().\n      It is shorter.\n2. Drop os.\n"
    assert "for i in range(n)" in json.dumps(llmock.last_request.body["messages"])
    assert mod.read_text() == SLOW
    again = program("replay", json.loads(program("sessions", "--json").stdout)["id"])
    assert again.returncode == 0, again.stdout + again.stderr


def test_a_diff_goes_to_a_pipe_alone_and_git_takes_it(
    program: Program, replies: Replies, mod: Path
) -> None:
    import subprocess

    replies(WRONG)
    done = improve(program)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("diff --git a/mod.py b/mod.py\n")
    assert mod.read_text() == SLOW
    patched = subprocess.run(
        ["git", "apply", "-"], input=done.stdout, text=True, cwd=program.folder, check=False
    )
    assert patched.returncode == 0
    assert "n * (n + 1)" in mod.read_text()


def test_several_files_change_together_in_a_folder_of_their_own(
    program: Program, replies: Replies, tmp_path: Path
) -> None:
    other = tmp_path / "elsewhere"
    (other / "pkg").mkdir(parents=True)
    (other / "pkg" / "a.sh").write_text("echo a\n")
    (other / "b.js").write_text("let b = 1;\r\n")
    (other / ".gitignore").write_text("b.js\n")
    replies(edit("pkg/a.sh", "echo a", "echo A") + edit("b.js", "let b = 1;", "const b = 1;"))
    names = [str(other / "pkg" / "a.sh"), str(other / "b.js")]
    done = program(
        "improve", *names, "--objective", "o", "--check", "grep -q A pkg/a.sh", "--write"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (other / "pkg" / "a.sh").read_text() == "echo A\n"
    assert (other / "b.js").read_bytes() == b"const b = 1;\r\n"
