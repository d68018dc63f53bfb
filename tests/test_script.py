"""Scripted conversations: the format's errors, and each kind of expectation both ways."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from assistant.chat import Chat
from assistant.events import Checked, ExecResult, UsageError
from assistant.protocols import Terms
from assistant.tasks.script import Probe, TurnReport, junit, run_script
from assistant.tasks.script_file import lines_of, load_script
from tests.fakes import ListExecutor, ListModel

RUN = "```python\nprint(1)\n```\n"


def script(tmp_path: Path, text: str) -> str:
    file = tmp_path / "talk.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def play(tmp_path: Path, expect: str, *replies: str) -> list[TurnReport]:
    text = f"[[turn]]\nsay = 'go'\n[[turn.expect]]\n{expect}\n[[turn]]\nsay = 'more'\n"
    chat = Chat(
        ListModel(*replies, "the end", "the end"),
        ListExecutor(ExecResult(0, "1\n"), ExecResult(3, "2\n")),
        Terms(),
    )
    probe = Probe({"a.txt": "alpha\n"}.get, lambda command: Checked(command == "true", command, 0))
    return list(run_script(load_script(script(tmp_path, text)), chat, probe))


@pytest.mark.parametrize(
    "expect",
    [
        "status = 'done'",
        "reply_contains = 'the end'",
        "reply_matches = '^the'",
        "output_contains = '1'",
        "output_matches = '^[0-9]$'",
        "exit_code = 0",
        "file = 'a.txt'",
        "file = 'a.txt'\nequals = \"alpha\\n\"",
        "file = 'a.txt'\ncontains = 'alp'\nmatches = 'a$'",
        "file = 'b.txt'\nexists = false",
        "command = 'true'",
        "replies_at_most = 2",
        "seconds_at_most = 100.5",
        "tokens_at_most = 10000",
    ],
)
def test_expectations_that_hold(tmp_path: Path, expect: str) -> None:
    first, second = play(tmp_path, expect, RUN)
    assert first.passed, first.verdicts
    assert second.passed


@pytest.mark.parametrize(
    "expect",
    [
        "status = 'stuck'",
        "reply_contains = 'The end'",
        "reply_matches = '^end'",
        "output_contains = '2'",
        "exit_code = 1",
        "file = 'b.txt'",
        "file = 'a.txt'\nequals = 'alpha'",
        "file = 'b.txt'\ncontains = ''",
        "file = 'a.txt'\nexists = false",
        "command = 'false'",
        "replies_at_most = 1",
        "tokens_at_most = 3",
    ],
)
def test_expectations_that_fail_stop_the_script(tmp_path: Path, expect: str) -> None:
    first, second = play(tmp_path, expect, RUN)
    assert not first.passed
    assert [verdict.passed for verdict in first.verdicts].count(False) == 1
    assert second.ending is None
    assert not second.passed
    assert not any(verdict.found == "found 'True'" for verdict in first.verdicts)


def test_an_exit_code_is_expected_of_code_that_never_ran(tmp_path: Path) -> None:
    assert not play(tmp_path, "exit_code = 0")[0].passed


def test_a_turn_must_be_done_unless_another_status_is_expected(tmp_path: Path) -> None:
    text = "[[turn]]\nsay = 'go'\n"
    chat = Chat(ListModel("", ""), ListExecutor(), Terms())
    probe = Probe(lambda path: None, lambda command: Checked(True, command, 0))
    (report,) = run_script(load_script(script(tmp_path, text)), chat, probe)
    assert not report.passed
    assert report.verdicts[0].found == "found 'stuck'"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("modle = 'x'\n[[turn]]\nsay='x'", 1, "model"),
        ("[[turn]]\nsay='x'\n\n[[turn]]\nsays='x'", 5, "say"),
        ("[[turn]]\nsay='x'\n[[turn.expect]]\nexit_cod = 1", 4, "exit_code"),
        ("[[turn]]\nsay='''\nexit_cod = 1\n'''\n[[turn.expect]]\nexit_code = 'x'", 6, "type"),
        ("[[turn]]\nsay='x'\n[[turn.expect]]\ncontains = 'x'", 4, "needs a file"),
        ("[[turn]]\nsay='x'\n[[turn.expect]]\nstatus = 'well'", 4, "done"),
        ("[[turn]]\nsay='x'\n[[turn.expect]]\nreply_matches = '('", 4, "regular expression"),
        ("[[turn]]\nsay='x'\n[budget]\nreplies = true", 4, "type"),
        ("[[turn]]\nsay=''", 1, "say"),
        ("check = 'x'", 1, "turn"),
    ],
)
def test_a_wrong_script_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    with pytest.raises(UsageError) as error:
        load_script(script(tmp_path, text))
    assert f"talk.toml:{line}: " in str(error.value)
    assert words in str(error.value)


def test_a_script_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        load_script(str(tmp_path / "none.toml"))
    with pytest.raises(UsageError, match="not valid TOML"):
        load_script(script(tmp_path, "[[turn\n"))


def test_lines_look_through_multi_line_strings() -> None:
    text = (
        'a = """x\n[b]\nc = 1 """ # "\n'
        "d = '''e\n'''\n[[f]]\n[[f]]\n[f.g]\nh = \"'''\"\ni = 2\n"
    )
    assert lines_of(text) == {
        ("a",): 1,
        ("d",): 4,
        ("f", 0): 6,
        ("f", 1): 7,
        ("f", 1, "g"): 8,
        ("f", 1, "g", "h"): 9,
        ("f", 1, "g", "i"): 10,
    }


def test_the_junit_report_counts_and_escapes(tmp_path: Path) -> None:
    reports = play(tmp_path, "reply_contains = '\\u0000<no>'", RUN + "\x00&")
    file = load_script(script(tmp_path, "[[turn]]\nsay='x'"))
    suite = ElementTree.fromstring(junit(file, reports))
    assert suite.attrib["failures"] == "1"
    assert suite.attrib["skipped"] == "1"
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "talk.toml:4" in failure.attrib["message"]
