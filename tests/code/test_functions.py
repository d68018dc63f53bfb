"""Functions of a file: where they are, whether a change kept to them, how they are filled."""

import pytest

from assistant.code.filling import NoFit, filled, read_stub
from assistant.code.functions import NoFunction, find_function, kept_to

SOURCE = (
    "import os\r\n\r\n\r\n@cache\r\n@other(1)\r\ndef first(a):\r\n    return a\r\n\r\n\r\n"
    "class Shape:\r\n    def area(self):\r\n        def inner():\r\n            pass\r\n"
    "        return 1\r\n\r\n    def first(self): ...\r\n"
)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("first", (4, 7)),
        ("Shape.area", (11, 14)),
        ("area", (11, 14)),
        ("inner", (12, 13)),
        ("Shape.area.inner", (12, 13)),
        ("Shape.first", (16, 16)),
    ],
)
def test_a_function_is_found_by_its_name(name: str, lines: tuple[int, int]) -> None:
    span = find_function(SOURCE, name)
    assert (span.first, span.last) == lines
    assert SOURCE[span.start : span.stop].rstrip().count("\r\n") == lines[1] - lines[0]


def test_what_is_not_there_or_twice_is_told() -> None:
    with pytest.raises(NoFunction, match=r"it has: first, Shape\.area"):
        find_function(SOURCE, "none")
    with pytest.raises(NoFunction, match="at lines 1, 3"):
        find_function("def f(): 1\n\ndef f(): 2\n", "f")
    with pytest.raises(NoFunction, match="line 1"):
        find_function("def f(:\n", "f")
    with pytest.raises(NoFunction):
        find_function("(" * 100_000, "f")


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("return a\r\n\r\n\r\nclass", "b = a\r\n    return b\r\n\r\n\r\nclass", True),
        ("@cache\r\n", "", True),
        ("return a", "return a  # so\r\n    # it is", True),
        ("return a\r\n", "return a\r\n# outside\r\n", False),
        ("return a\r\n", "return a\r\n\r\n\r\ndef more():\r\n    pass\r\n", False),
        ("return a\r\n", "return a\r\nos = 1\r\n", False),
        ("import os", "import sys", False),
        ("@cache", "import sys\r\n@cache", False),
        ("        return 1\r\n", "        return 2\r\n", False),
        ("def first(a)", "def other(a)", False),
        ("    return a\r\n", "    return a\n", True),
        ("import os\r\n", "import os\n", False),
    ],
)
def test_only_the_lines_of_the_function_may_change(old: str, new: str, kept: bool) -> None:
    assert old in SOURCE
    assert (kept_to(SOURCE, SOURCE.replace(old, new, 1), "first") == "") == kept


STUB = (
    "import os\n\n\n"
    '@dec\ndef f(a, b=1):\n    """Sum.\n\n    >>> f(1)\n    2\n    """\n    pass\n\n\nx = 1\n'
)


def test_a_stub_is_what_a_model_has_to_see() -> None:
    stub = read_stub(STUB, "f")
    assert stub.definition == STUB[: STUB.index("    pass")]
    assert (stub.empty, stub.doctests) == (True, True)
    assert not read_stub(STUB.replace("pass", "return 1"), "f").empty
    assert read_stub("def g(x): ...\n", "g").definition == "def g(x):\n"
    with pytest.raises(NoFunction, match="top"):
        read_stub("class A:\n    def f(self): ...\n", "f")


@pytest.mark.parametrize(
    ("solution", "body", "more"),
    [
        ("def f(a, b=1):\n    return a + b\n", "    return a + b\n", ""),
        (
            "def f(a, b=1):\n  'Other.'\n  c = a\n  return c + b",
            "    c = a\n    return c + b\n",
            "",
        ),
        ("def f(a, b=1): return a + b", "    return a + b\n", ""),
        ("import os\nimport re\ndef f(a, b=1):\n    return 1", "    return 1\n", "import re\n"),
        ("def f(a, b=1):\n  t = '''x\n y'''\n  return t", "    t = 'x\\n y'\n    return t\n", ""),
    ],
)
def test_a_body_goes_under_signature_and_docstring(solution: str, body: str, more: str) -> None:
    made = filled(STUB, "f", solution)
    head, tail = STUB[: STUB.index("@dec")], STUB[STUB.index("@dec") : STUB.index("    pass")]
    assert made == f"{head}{more}{chr(10) * 2 if more else ''}{tail}{body}\n\nx = 1\n"


@pytest.mark.parametrize(
    "solution", ["def f(a): return a", "def f(a, b=1): pass", "def g(): return 1", "def f(", "x"]
)
def test_what_does_not_fit_is_told(solution: str) -> None:
    with pytest.raises(NoFit):
        filled(STUB, "f", solution)
