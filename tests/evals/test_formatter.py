"""The formatter tidies, adds what is missing, and never breaks what was sound."""

import ast
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.evals.datasets import load
from assistant.evals.formatter import CodeFormatter
from assistant.evals.generated import FormattedGeneratedCode, GeneratedCode
from assistant.evals.python_text import Soundness, dedented, indented, soundness, texts
from assistant.events import UsageError

FORMATTER = CodeFormatter()


def parts(signature: str, doc: str, logic: str) -> GeneratedCode:
    return GeneratedCode(
        function_signature=signature,
        function_args_with_docstring_within_triple_quotes=doc,
        code_logic=logic,
    )


def program(signature: str, doc: str, logic: str) -> str:
    made = FORMATTER.format_generated_code(parts(signature, doc, logic))
    assert isinstance(made, FormattedGeneratedCode)
    return made.full_code


def call(code: str, name: str, *arguments: object) -> object:
    names: dict[str, object] = {}
    exec(code, names)
    function = names[name]
    assert callable(function)
    return function(*arguments)


def test_lint_tidies() -> None:
    code = "import os\nimport re,  math\ndef f( x ):\n  unused = 1\n  return math.floor(x)\n"
    assert FORMATTER.lint_code(code) == ("import math\n\n\ndef f(x):\n    return math.floor(x)\n")


@pytest.mark.parametrize(
    "code",
    [
        'def f():\n    return "a\\nb"\n',
        'TEXT = "a\\nb\\tc"\n',
        'X = "\\\\n"\n',
        "def f(x):\n    return '\\n'.join(x)\n",
        'f = """\n  import os\n\n\n  x  =  1   \n"""\nprint(f)\n',
        "x = 'a\tb  '\nprint(x)\n",
        'def f():\n    """Doc.\n\n    >>> f()\n    \'a\\\\nb\'\n    """\n    return "a\\nb"\n',
        'print(f"{1}\\n{2}")\n',
        'print(b"\\n")\n',
    ],
)
def test_string_literals_survive(code: str) -> None:
    assert texts(FORMATTER.lint_code(code)) == texts(code) != set()


@pytest.mark.parametrize(
    ("escaped", "argument", "result"),
    [
        ("def f(x):\\n    return x + 1", 1, 2),
        ("def f(x):\\n    return x + '\\n'", "a", "a\n"),
        ('def f(x):\\n    return x + "it\'s\\n"', "a", "ait's\n"),
        ("def f(x):\\n    # it's odd\\n    return x", 4, 4),
        ("def f(x):\\r\\n\\treturn x", 4, 4),
        ('def f(x):\\n    \\"\\"\\"Doc.\\"\\"\\"\\n    return \\"\\\\n\\" + x', "b", "\nb"),
        ('def f(x):\\n    """Doc.\\n    More."""\\n    return x', 4, 4),
    ],
)
def test_escaped_line_ends(escaped: str, argument: object, result: object) -> None:
    assert call(FORMATTER.lint_code(escaped), "f", argument) == result


@pytest.mark.parametrize(
    "code",
    [
        'x = "a\\nb"',  # It parses as it is.
        "def f(:\\n    return 1",  # No Python either way.
        "def f(:\n    return '\\n'",  # It has a real line end.
    ],
)
def test_escapes_that_stay(code: str) -> None:
    assert FORMATTER.lint_code(code).rstrip() == code


@pytest.mark.parametrize("code", ["", "\0", "\ud800", "(" * 5_000, "def", "  x = 1", "a b\n"])
def test_what_is_no_python_comes_back(code: str) -> None:
    made = FORMATTER.lint_code(FORMATTER.add_imports(code))
    assert made.strip() == code.strip() or soundness(made) >= soundness(code) > Soundness.NONE


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("def f(x: List[int]) -> Optional[Dict[str, Any]]: ...", "Any, Dict, List, Optional"),
        ("def f(x: 'List[int]'): ...", "List"),
        ("class C:\n    def m(self, x: Tuple[int, ...]): ...", "Tuple"),
        ("def f():\n    def g(x: Set[int]): ...", "Set"),
        ("from typing import List\ndef f(x: List[Dict]): ...", "Dict"),
    ],
)
def test_missing_imports_are_added(code: str, names: str) -> None:
    assert f"from typing import {names}\n" in FORMATTER.add_imports(code)


@pytest.mark.parametrize(
    "code",
    [
        "def f(x: list[int]) -> int: ...",
        "from typing import List\ndef f(x: List): ...",
        "import typing\ndef f(x: typing.List): ...",
        "class List: ...\ndef f(x: List): ...",
        "def f(Any): return Any",
        "def f(x): return x.List",
        "def f():\n    Set = set\n    return Set()",
        "print([Type for Type in range(3)])",
        "def f(*, Union=1, **Dict): return Union, Dict",
        "from typing import *\ndef f(x: List): ...",
        "print(len([]), missing)",
        "try:\n    pass\nexcept ValueError as Text:\n    print(Text)",
    ],
)
def test_names_that_are_there_are_not_imported(code: str) -> None:
    assert FORMATTER.add_imports(code) == code


def test_an_import_goes_below_what_must_come_first() -> None:
    top = '#!/bin/env python\n"""Doc."""\nfrom __future__ import annotations\n'
    code = top + "\n@mark\ndef f(x: List): ...\n"
    lines = FORMATTER.add_imports(code).splitlines()
    assert lines[-3:] == ["from typing import List", "@mark", "def f(x: List): ..."]
    assert ast.get_docstring(ast.parse("\n".join(lines))) == "Doc."
    assert FORMATTER.add_imports(FORMATTER.add_imports(code)) == "\n".join([*lines, ""])


@pytest.mark.parametrize(
    "logic",
    [
        "total = 0\nfor x in xs:\n    total += x\nreturn total",
        "    total = 0\n    for x in xs:\n        total += x\n    return total",
        "total = 0\n    for x in xs:\n        total += x\n    return total",
        "for x in xs:\n        pass\n    return sum(xs)",
        "total = 0\\nfor x in xs:\\n    total += x\\nreturn total",
        "\n\n        return sum(xs)\n",
        "\tif not xs:\n\t\treturn 0\n\treturn sum(xs)",
        "def add(xs: List[int]) -> int:\n    return sum(xs)",
        "if not xs:\n    return 0\nreturn sum(xs)",
    ],
)
@pytest.mark.parametrize(
    "doc",
    [
        '"""Adds."""',
        '    """\n    Adds.\n    """',
        "'''Adds \"\"\"all\"\"\".'''",
        "Adds the \\ numbers",
        'xs: List[int]\n"""Adds."""',
        '"""Adds.\\nAll."""',
        "",
    ],
)
@pytest.mark.parametrize(
    "signature", ["def add(xs: List[int]) -> int:", "def add(xs: List[int]) -> int", "def add(xs):"]
)
def test_parts_become_a_program(signature: str, doc: str, logic: str) -> None:
    code = program(signature, doc, logic)
    assert soundness(code) is Soundness.COMPILES
    assert call(code, "add", [1, 2, 3]) == 6
    assert call(code, "add", []) == 0


def test_indentation_leaves_strings_alone() -> None:
    logic = 'text = """\nleft\n    right\n"""\nreturn text'
    for shape in (logic, indented(logic), indented(logic, "\t")):
        assert call(program("def f():", '"""Doc."""', shape), "f") == "\nleft\n    right\n"
    assert dedented(indented(logic)) == logic


def test_a_docstring_is_one() -> None:
    code = program("def f():", '"""First.\n\n    Second.\n    """', "return 1")
    function = ast.parse(code).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert ast.get_docstring(function) == "First.\n\nSecond."


def test_several_functions_and_async_ones() -> None:
    logic = "def helper(x):\n    return x * 2\n\nreturn helper(n)"
    assert call(program("def f(n):", '"""Doc."""', logic), "f", 4) == 8
    code = program("@staticmethod\nasync def f(n: Union[int, str])", "", "return await n")
    assert isinstance(ast.parse(code).body[-1], ast.AsyncFunctionDef)


def test_parts_that_fit_in_no_way_come_back_together() -> None:
    code = program("def f(", '"""Doc."""', "return (")
    assert soundness(code) is Soundness.NONE
    assert "def f(" in code
    assert "return (" in code


def test_a_step_that_breaks_code_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    import autopep8

    code = "def f( ):\n    return 'a'\n"

    def fails(*_: object, **__: object) -> str:
        raise IndexError("a bug of theirs")

    for broken in (fails, lambda *_, **__: "def f(", lambda *_, **__: "def f():\n  return 'b'"):
        monkeypatch.setattr(autopep8, "fix_code", broken)
        assert FORMATTER.lint_code(code) == code


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, used in (("autoflake", "lint_code"), ("pyflakes.checker", "add_imports")):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(UsageError, match=r"assistant\[eval\]"):
            getattr(FORMATTER, used)("x = 1")


def test_published_answers_stay_sound(data_folder: Path) -> None:
    for problem in list(load("humaneval", [data_folder]))[::8]:
        made = FORMATTER.lint_code(FORMATTER.add_imports(problem.reference))
        assert soundness(made) is Soundness.COMPILES
        assert problem.entry_point in made


_LITERALS = st.text("ab \\\n\t'\"{}#éimport", max_size=8).map(repr)
_LINES = st.one_of(
    _LITERALS.map("x = {}".format),
    _LITERALS.map("print({})".format),
    _LITERALS.map("return {}".format),
    st.sampled_from(
        [
            "import os, re",
            "from typing import *",
            "x: List[int] = []",
            "y = x == None",
            "if x: pass",
            "lambda: 0",
            "f = lambda a: a",
            "try: import json\nexcept ImportError: json = None",
            "for i in range(3):\n    x = i",
            "global x",
            "def g(a:Dict, *b):\n  '''d'''\n  return a",
            "'''doc\\n\n  odd  \n'''",
            "x = '''\n  from a import b\n\n'''",
            "del x; x = (1,\n2)",
            "yield",
            "x = \\\n  1",
            "# a comment\t",
            "\\n",
            "return",
            "if x is not None and type(x) == type(''): pass",
            "pass;;",
        ]
    ),
)


@given(st.lists(_LINES, max_size=6), st.booleans(), st.sampled_from(["\n", "\r\n", "\\n"]))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_sound_is_ever_broken(lines: list[str], inside: bool, end: str) -> None:
    code = "\n".join(lines)
    code = ("def f(x):\n" + indented(code) if inside else code).replace("\n", end)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for made in (FORMATTER.lint_code(code), FORMATTER.add_imports(code)):
            assert soundness(made) >= soundness(code)
            if soundness(code):
                assert texts(made) <= texts(code)
        if soundness("def f(x):\n" + indented(code)):
            assert soundness(program("def f(x):", '"""d"""', code))
