"""The scorer of one answer: what it returns, and that an answer cannot forge it."""

import pytest

import assistant.evals
from assistant.evals import FormattedGeneratedCode, score_code
from assistant.events import UsageError

TEST = "def check(candidate):\n    assert candidate(2, 3) == 5\n    assert candidate(0, 0) == 0\n"
RIGHT = "def add(a, b):\n    return a + b\n"


def test_right_and_wrong() -> None:
    assert score_code(TEST, "add", RIGHT, use_docker=False) == {"correct": True}
    shaped = FormattedGeneratedCode(full_code="print('loaded')\n" + RIGHT)
    told = score_code(TEST, "add", shaped, use_docker=False)
    assert told == {"correct": True, "output": "loaded\n"}
    wrong = score_code(TEST, "add", RIGHT.replace("+", "-"), use_docker=False)
    assert wrong["correct"] is False
    assert "wrong_answer" in wrong["error"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("import os\nos._exit(0)\n", "exit_before_verdict"),
        ("def add(a, b)\n", "syntax_error"),
        ("def other():\n    pass\n", "missing_entry_point"),
        ("", "no_code_in_reply"),
    ],
)
def test_what_is_no_answer(code: str, error: str) -> None:
    told = score_code(TEST, "add", code, use_docker=False)
    assert told["correct"] is False
    assert error in told["error"]


def test_a_test_that_is_none() -> None:
    with pytest.raises(UsageError, match="no function check"):
        score_code("def nothing():\n    pass\n", "add", RIGHT, use_docker=False)


@pytest.mark.docker
def test_in_a_container(sandbox_image: object) -> None:
    assert score_code(TEST, "add", RIGHT) == {"correct": True}


def test_the_public_names_are_there() -> None:
    assert all(hasattr(assistant.evals, name) for name in assistant.evals.__all__)
    assert set(assistant.evals.__all__) <= set(dir(assistant.evals))
