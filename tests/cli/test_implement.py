"""``assistant implement``: a function is filled by the first answer that passes everything."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.events import Started, UsageError
from assistant.tasks.asked import Recording
from tests.cli.conftest import Program

Replies = Callable[..., None]

STUB = '''\
"""Texts."""

import re


def middle(text: str) -> str:
    """The middle one or two characters.

    >>> middle("abc")
    'b'
    >>> middle("abcd")
    'bc'
    """
    raise NotImplementedError


LAST = 1
'''
ASSERTIONS = '```python\nassert middle("abc") == "b"\nassert middle("abcd") == "bc"\n```'
WRONG = "```python\ndef middle(text: str) -> str:\n    return text[1]\n```"
OTHER = (
    "```python\ndef middle(text: str, n: int = 0) -> str:\n"
    "    return text[(len(text) - 1) // 2 : len(text) // 2 + 1]\n```"
)
RIGHT = (
    "```python\nimport math\n\n\ndef middle(text: str) -> str:\n"
    "    half = math.ceil(len(text) / 2) - 1\n    return text[half : len(text) // 2 + 1]\n```"
)


@pytest.fixture
def stub(program: Program) -> Path:
    file = program.folder / "texts.py"
    file.write_text(STUB)
    return file


@pytest.mark.docker
def test_the_first_answer_that_passes_assertions_and_doctests_is_written(
    contained: Program, replies: Replies
) -> None:
    file = contained.folder / "texts.py"
    file.write_text(STUB)
    replies(ASSERTIONS, WRONG, OTHER, RIGHT)
    done = contained("implement", "texts.py:middle", "--write", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["passed"], found["written"]) == (True, ["texts.py"])
    text = file.read_text()
    assert text.startswith(STUB[: STUB.index("def middle")] + "import math")
    assert text.endswith("LAST = 1\n")
    assert "    >>> middle" in text
    assert "    half = math.ceil(len(text) / 2) - 1\n" in text
    assert contained("undo").returncode == 0
    assert file.read_text() == STUB


def test_no_answer_that_passes_changes_nothing(
    program: Program, replies: Replies, stub: Path
) -> None:
    replies(ASSERTIONS, *[WRONG] * 12)
    done = program("implement", "texts.py:middle", "--write", "--check", "true")
    assert done.returncode == 6, done.stdout + done.stderr
    assert stub.read_text() == STUB


def test_where_nothing_is_asserted_the_check_alone_judges(
    program: Program, replies: Replies, stub: Path
) -> None:
    replies("There are no examples that I could use.", RIGHT)
    done = program("implement", "texts.py:middle", "--write", "--check", "true")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no assertion was made from the docstring" in done.stdout
    assert "math.ceil" in stub.read_text()


def test_the_budget_holds_for_the_whole_cascade(
    program: Program, replies: Replies, stub: Path, llmock: Any
) -> None:
    replies(ASSERTIONS, *[WRONG] * 12)
    done = program("implement", "texts.py:middle", "--check", "true", "--replies", "2", "--json")
    assert done.returncode == 3, done.stdout + done.stderr
    assert '"status":"budget"' in done.stdout
    assert len(llmock.requests) == 2
    none = program("implement", "texts.py:middle", "--check", "true", "--dollars", "0.000001")
    assert none.returncode == 2, none.stdout + none.stderr
    assert "price" in none.stderr
    assert len(llmock.requests) == 2
    assert stub.read_text() == STUB


def test_what_cannot_be_filled_is_2(program: Program, stub: Path) -> None:
    for function, said in {
        "texts.py": "FILE.py:NAME",
        "texts.py:none": "it has: middle",
        "none.py:f": "No such file",
    }.items():
        done = program("implement", function)
        assert done.returncode == 2
        assert said in done.stderr
    stub.write_text(STUB.replace("raise NotImplementedError", "return text"))
    assert "--replace" in program("implement", "texts.py:middle").stderr
    stub.write_text("def f(): ...\n")
    assert "--unchecked" in program("implement", "texts.py:f", "--write").stderr


def test_the_models_that_were_asked_are_on_the_record(
    program: Program, replies: Replies, stub: Path, llmock: Any, home: Path
) -> None:
    replies(ASSERTIONS, *[WRONG] * 12)
    program("implement", "texts.py:middle", "--check", "true", "--replies", "2")
    asked = [request.body["model"] for request in llmock.requests]
    assert set(asked) == {"gpt-4o"}
    (record,) = (home / ".local/share/assistant/sessions").glob("*/record.jsonl")
    assert json.loads(record.read_text().splitlines()[0])["model"] == "gpt-4o"


def _sessions(home: Path) -> list[Path]:
    return sorted((home / ".local/share/assistant/sessions").glob("*/record.jsonl"))


def _events(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text().splitlines()]


def _told(record: Path) -> list[dict[str, Any]]:
    """What came out, without what the answers took."""
    kinds = ("Said", "Replied", "Reserved", "Ran", "Finished", "Notice")
    return [
        {
            name: value
            for name, value in event.items()
            if name not in ("seconds", "seq", "at", "crc")
        }
        for event in _events(record)
        if event["type"] in kinds
    ]


def test_the_record_of_a_cascade_answers_it_again(
    program: Program, replies: Replies, stub: Path, llmock: Any, home: Path
) -> None:
    replies(ASSERTIONS, WRONG, OTHER, RIGHT)
    task = ("implement", "texts.py:middle", "--check", "true", "--write")
    live = program(*task)
    assert live.returncode == 0, live.stdout + live.stderr
    written, asked = stub.read_text(), len(llmock.requests)
    (record,) = _sessions(home)
    answers = [event["text"] for event in _events(record) if event["type"] == "Replied"]
    assert answers == [ASSERTIONS, WRONG, *[OTHER] * 7, RIGHT]
    stub.write_text(STUB)
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ASSISTANT_MODEL"):
        program.variables.pop(name)
    again = program(*task, "--model", f"replay:{record.parent.name}")
    assert again.returncode == 0, again.stdout + again.stderr
    assert (stub.read_text(), len(llmock.requests)) == (written, asked)
    (other,) = [one for one in _sessions(home) if one != record]
    assert _events(other)[0]["model"] == _events(record)[0]["model"] == "gpt-4o"
    assert _told(other) == _told(record)
    # A replay is a record like any other; a change of what is asked for is named.
    stub.write_text(STUB.replace("one or two", "two or one"))
    changed = program(*task, "--model", f"replay:{other.parent.name}")
    assert changed.returncode == 2
    assert "request 1 differs from the recorded one" in changed.stderr
    assert "two or one" in changed.stderr
    assert "middle" in stub.read_text()


def test_a_replay_ends_where_the_budget_or_the_record_does(
    program: Program, replies: Replies, stub: Path, llmock: Any, home: Path
) -> None:
    replies(ASSERTIONS, *[WRONG] * 12)
    task = ("implement", "texts.py:middle", "--check", "true")
    assert program(*task, "--replies", "2").returncode == 3
    (record,) = _sessions(home)
    replay = (*task, "--model", f"replay:{record}")
    again = program(*replay, "--replies", "2")
    assert again.returncode == 3, again.stdout + again.stderr
    longer = program(*replay)
    assert (longer.returncode, "the record is used up" in longer.stderr) == (2, True), longer.stderr
    alone = program("replay", str(record))
    assert alone.returncode == 2
    assert "with --model replay:RECORD" in alone.stderr
    assert len(llmock.requests) == 2


def test_what_no_implement_task_recorded_cannot_answer_one(
    program: Program, replies: Replies, stub: Path, home: Path
) -> None:
    replies("Hello.")
    assert program("run", "Say hello.").returncode == 0
    (record,) = _sessions(home)
    replay = ("implement", "texts.py:middle", "--check", "true", "--model", f"replay:{record}")
    assert "not the record of an implement task" in program(*replay).stderr
    with pytest.raises(UsageError, match="holds no answer"):
        Recording([Started("0", "a-model", task="implement")], str)


def test_without_a_model_of_yours_each_way_of_asking_names_its_own() -> None:
    from assistant.cli.implement_command import _asked, _cascade
    from assistant.functions.implementing import cascade

    own = _asked({})
    assert len(own) == len(list(cascade()))
    assert all(own)
    assert _cascade({}, None).name == ", ".join(dict.fromkeys(own))
    assert set(_asked({"model": "mine"})) == {"mine"}
    assert _cascade({"model": "mine"}, None).name == "mine"
