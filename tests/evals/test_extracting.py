"""What of a reply is the solution."""

from typing import Any

import pytest

from assistant.evals.extracting import completion, ends, has_solution, program, solution
from assistant.evals.problems import Problem
from assistant.verdicts.task import Program

PROMPT = 'from typing import List\n\n\ndef add(a: int, b: int) -> int:\n    """Add."""\n'
PROBLEM = Problem("t", PROMPT, "add", Program(""), "", "", "t", PROMPT)
WHOLE = "def add(a, b):\n    return a + b\n"


def run(code: str | None) -> int:
    assert code is not None
    names: dict[str, Any] = {}
    exec(code, names)
    found = names["add"](2, 3)
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize(
    "reply",
    [
        WHOLE,
        f"Here it is:\n```python\n{WHOLE}```\nIt adds.",
        f"```\nprint('an example')\n```\nand\n```py\n{WHOLE}```\n",
        "    return a + b\n",
        f"```python\n{WHOLE}\ndef check(candidate):\n    assert False\n```",
        "Sure.\n```python\nadd = lambda a, b: a + b\n```",
    ],
)
def test_the_solution_of_a_reply(reply: str) -> None:
    found = solution(reply, PROBLEM)
    assert found is not None
    assert run(program(found, PROBLEM)) == 5


@pytest.mark.parametrize("reply", ["", "  \n", "I cannot do that.", "It adds a and b, I think."])
def test_prose_has_none(reply: str) -> None:
    assert solution(reply, PROBLEM) is None


def test_code_that_is_wrong_is_code() -> None:
    assert solution("def add(a, b)\n    return a + b", PROBLEM) is not None


@pytest.mark.parametrize(
    "reply",
    [
        "    return a + b\n",
        "return a + b",
        "c = a\nreturn c + b",
        "    return a + b\n\n\ndef other():\n    pass\n\nprint(add(1, 2))\nprint(",
        "    return a + b\n\nif __name__ == '__main__':\n    raise SystemExit",
        f"```python\n{WHOLE}```",
        WHOLE,
        "    c = a\n    return c + b\n# The end",
    ],
)
def test_a_continuation_is_cut_where_the_function_ends(reply: str) -> None:
    assert run(completion(reply, PROBLEM)) == 5


def test_a_continuation_that_is_none() -> None:
    assert completion(" \n", PROBLEM) is None
    broken = completion("    return (a +", PROBLEM)
    assert broken == PROMPT + "    return (a +"
    assert ends("    return a + b\ndef next(")
    assert not ends("    return a + b + cut of")


def test_only_what_defines_the_function_is_a_turn_with_a_solution() -> None:
    assert has_solution("```python\nprint(1)\n```", PROBLEM) is None
    assert run(has_solution(f"```python\n{WHOLE}```", PROBLEM)) == 5
