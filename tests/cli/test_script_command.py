"""``assistant script``: exit code 1 names the line; a JUnit report; a regression test offline."""

from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Program

Replies = Callable[..., None]

SCRIPT = """\
[[turn]]
say = "Write greet.py."

[[turn.expect]]
file = "greet.py"
contains = "hello"

[[turn.expect]]
command = "python3 greet.py | grep -q hello"

[[turn]]
say = "Now in capitals."

[[turn.expect]]
output_contains = "HELLO"
"""
GREET = '```python\n# filename: greet.py\nprint("hello")\n```\n'


def test_expectations_that_hold_are_0(program: Program, replies: Replies) -> None:
    (program.folder / "talk.toml").write_text(SCRIPT)
    replies(GREET, "Done.", '```python\nprint("HELLO")\n```\n', "Done.")
    done = program("script", "talk.toml", "--apply", "--unchecked")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok      talk.toml:6" in done.stdout
    assert (program.folder / "greet.py").exists()


def test_an_expectation_that_fails_is_1_with_its_line(program: Program, replies: Replies) -> None:
    (program.folder / "talk.toml").write_text(SCRIPT)
    replies(GREET, "Done.", "I will not shout.")
    done = program("script", "talk.toml", "--junit", "report.xml", "--apply", "--unchecked")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED  talk.toml:15" in done.stdout
    assert 'failures="1"' in (program.folder / "report.xml").read_text()
    assert not (program.folder / "greet.py").exists()


def test_a_script_can_be_replayed_without_a_model(
    program: Program, replies: Replies, home: Path
) -> None:
    (program.folder / "talk.toml").write_text(SCRIPT)
    replies(GREET, "Done.", '```python\nprint("HELLO")\n```\n', "Done.")
    assert program("script", "talk.toml").returncode == 0
    (record,) = (home / ".local/share/assistant/sessions").glob("*/record.jsonl")
    program.variables["OPENAI_BASE_URL"] = "http://127.0.0.1:9/v1"
    done = program("script", "talk.toml", "--model", f"replay:{record}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_key_is_2_with_line_and_remedy(program: Program) -> None:
    (program.folder / "talk.toml").write_text(SCRIPT.replace("contains", "contians", 1))
    done = program("script", "talk.toml")
    assert done.returncode == 2
    assert "talk.toml:6" in done.stderr
    assert "contains" in done.stderr
