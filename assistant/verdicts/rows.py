"""Rows of the public data sets, in their published shape, as tasks."""

import ast
import json
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from assistant.events import UsageError
from assistant.verdicts.task import Assertions, Cases, CheckFunction, Task, TaskLimits

_DEFAULT = TaskLimits()
_ORACLES = {
    # Any root will do, and the published answer is one of several.
    "HumanEval/32": (
        "def oracle(arguments, answer, expected):\n"
        "    if type(answer) not in (int, float):\n"
        "        return False\n"
        "    return abs(poly(*arguments, answer)) <= {atol}\n"
    ),
}


def humaneval(row: Mapping[str, Any], limits: TaskLimits = _DEFAULT) -> Task:
    """HumanEval: ``prompt``, ``entry_point``, and ``test``, which defines ``check(candidate)``."""
    prompt, entry = _text(row, "prompt"), _text(row, "entry_point")
    return Task(CheckFunction(_text(row, "test")), entry, prompt, limits)


def humaneval_plus(row: Mapping[str, Any], limits: TaskLimits = _DEFAULT) -> Task:
    """HumanEval+: inputs, with the published answer as the reference."""
    prompt, entry = _text(row, "prompt"), _text(row, "entry_point")
    atol = float(row.get("atol", 0))
    inputs = [*_list(row, "base_input"), *_list(row, "plus_input")]
    oracle = _ORACLES.get(str(row.get("task_id")), "").format(atol=atol or 1e-6)
    cases = Cases(inputs, prompt + _text(row, "canonical_solution"), atol, oracle)
    return Task(cases, entry, prompt, limits)


_NOT_NONE = "def oracle(arguments, answer, expected):\n    return bool(answer) == bool(expected)\n"
_AS_SETS = (
    "def oracle(arguments, answer, expected):\n"
    "    return not isinstance(answer, str) and set(answer) == set(expected)\n"
)
# Where the sentence of the task leaves order, or the kind of truth, open; so do its own tests.
_MBPP_ORACLES = {
    "similar_elements": _AS_SETS,
    "find_char_long": _AS_SETS,
    "common_in_nested_lists": _AS_SETS,
    "extract_singly": _AS_SETS,
    "larg_nnum": _AS_SETS,
    "text_match_three": _NOT_NONE,
    "check_str": _NOT_NONE,
    "text_starta_endb": _NOT_NONE,
}


def mbpp_plus(row: Mapping[str, Any], limits: TaskLimits = _DEFAULT) -> Task:
    """MBPP+: inputs, with the published answer as the reference. Inputs were written as JSON; the
    types that they had are taken from the arguments in the task's ``assertion`` statements."""
    entry = _text(row, "entry_point")
    examples = _arguments(_text(row, "assertion"), entry)
    rows = [*_list(row, "base_input"), *_list(row, "plus_input")]
    inputs = [
        [_like(value, [e[at] for e in examples if at < len(e)]) for at, value in enumerate(given)]
        for given in rows
    ]
    reference = _text(row, "prompt") + _text(row, "canonical_solution")
    oracle = _MBPP_ORACLES.get(entry, "")
    return Task(Cases(inputs, reference, float(row.get("atol", 0)), oracle), entry, "", limits)


def _arguments(statements: str, entry: str) -> list[list[Any]]:
    """The literal arguments of all calls of ``entry``."""
    found = []
    for node in ast.walk(ast.parse(statements)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == entry:
            with suppress(ValueError):
                found.append([ast.literal_eval(argument) for argument in node.args])
    return found


def _like(value: Any, examples: list[Any], above: type = list) -> Any:
    """A JSON value with the types of the examples; ``above`` is the type of what it lies in."""
    types = {type(example) for example in examples}
    if isinstance(value, list):
        kinds = types & {list, tuple, set, frozenset}
        kind: Any = kinds.pop() if len(kinds) == 1 else above if not kinds else list
        inner = [item for example in examples if type(example) is kind for item in example]
        return kind(_like(item, inner, kind if kind in (list, tuple) else tuple) for item in value)
    if isinstance(value, dict):
        maps = [example for example in examples if type(example) is dict]
        inner = [item for example in maps for item in example.values()]
        return {key: _like(item, inner) for key, item in value.items()}
    if isinstance(value, str) and types and types <= {int, float, complex}:
        with suppress(ValueError):
            number = complex(value)  # JSON has none.
            return number if number.imag else number.real
    return value


def mbpp(row: Mapping[str, Any], limits: TaskLimits = _DEFAULT) -> Task:
    """MBPP: ``test_list``, statements that call what the solution defines."""
    tests = Assertions(tuple(_list(row, "test_list")), "\n".join(row.get("test_imports", ())))
    return Task(tests, _defined(row), limits=limits)


def _defined(row: Mapping[str, Any]) -> str:
    """The function that the statements call, where the published code defines just one of them:
    one is named like a builtin, so that the statements alone do not tell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Old escapes in published code.
        code = ast.parse(str(row.get("code", "")))
        lines = [ast.parse(line) for line in _list(row, "test_list")]
    nodes = (node for line in lines for node in ast.walk(line))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    found = [n.name for n in code.body if isinstance(n, ast.FunctionDef) and n.name in used]
    return found[0] if len(found) == 1 else ""


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str):
        raise UsageError(f"The row {_title(row)} has no text {name!r}")
    return value


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name)
    if value == {}:  # One task of MBPP+ has it so.
        return []
    if not isinstance(value, list):
        raise UsageError(f"The row {_title(row)} has no list {name!r}")
    return value


def _title(row: Mapping[str, Any]) -> str:
    return json.dumps(row.get("task_id", "without task_id"), default=str)
