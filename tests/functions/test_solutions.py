"""What of a model's answer is the solution, and the program that it is judged as."""

from typing import Any

import pytest

from assistant.functions.solutions import defines, entry_of, program_of, solution_of

DEFINITION = '''from typing import List

def helper(x):
    return x

def total(xs: List[int]) -> int:
    """Sum.
    >>> total([1, 2])
    3
    """
'''
WHOLE = "def total(xs: List[int]) -> int:\n    return sum(xs)\n"
REST = "    return sum(xs)\n"


@pytest.mark.parametrize(
    ("definition", "name"),
    [
        (DEFINITION, "total"),
        ("def f(x):", "f"),
        ("def f(x):\n    ", "f"),
        ("async def g(x):\n    '''doc'''\n", "g"),
        ("class A:\n    def f(self): pass\ndef h():\n    '''d'''\n", "h"),
        ("def broken(:\n", "broken"),
        ("", ""),
        ("x = 1", ""),
    ],
)
def test_the_entry_of_a_definition(definition: str, name: str) -> None:
    assert entry_of(definition) == name


@pytest.mark.parametrize(
    ("response", "solution"),
    [
        (WHOLE, WHOLE),
        (REST, REST),
        (f"Sure:\n\n```python\n{WHOLE}```\nDone.", WHOLE.rstrip("\n")),
        (f"```\n{WHOLE}```", WHOLE.rstrip("\n")),
        (f"```sh\npip install x\n```\n```py\n{WHOLE}```", WHOLE.rstrip("\n")),
        (f"```python\nimport os\n```\n```python\n{WHOLE}```", WHOLE.rstrip("\n")),
        (f"{WHOLE}\ndef check(candidate):\n    assert 1\n", f"{WHOLE}\n"),
        ("def total(xs):\n    '''\n    ```\n    x\n    ```\n    '''\n    return 1\n",) * 2,
        ("I cannot do that.", "I cannot do that."),
        ("", ""),
    ],
)
def test_the_solution_of_an_answer(response: str, solution: str) -> None:
    assert solution_of(response, DEFINITION, "total") == solution


def test_a_function_named_check_is_not_cut_off() -> None:
    code = "def check(x):\n    return x\n"
    assert solution_of(code, "def check(x):\n    '''d'''\n", "check") == code


def test_a_whole_solution_keeps_the_imports_of_its_definition() -> None:
    names: dict[str, Any] = {}
    exec(program_of(WHOLE, DEFINITION, "total"), names)
    assert names["total"]([1, 2]) == 3
    assert "helper" in names


def test_the_rest_goes_behind_the_definition() -> None:
    assert program_of(REST, DEFINITION, "total") == DEFINITION + REST
    assert program_of("return 1", "def f():", "f") == "def f():\nreturn 1"
    assert program_of("def other():\n    pass\n", DEFINITION, "total").startswith("def other")


def test_a_definition_that_is_no_program_is_left_out_of_a_whole_solution() -> None:
    assert program_of("def f():\n    return 1\n", "def f():", "f") == "def f():\n    return 1\n"


@pytest.mark.parametrize(
    ("code", "there"),
    [
        ("def f(): pass", True),
        ("f = lambda: 1", True),
        ("class A:\n    def f(self): pass", False),
        ("def g(): pass", False),
        ("def f(:", False),
        ("\0", False),
        ("\ud800 = 1", False),
    ],
)
def test_what_a_program_defines(code: str, there: bool) -> None:
    assert defines(code, "f") is there
