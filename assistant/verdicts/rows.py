"""Rows of the public data sets, in their published shape, as tasks."""

import ast
import json
import warnings
from collections.abc import Mapping
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
    if not isinstance(value, list):
        raise UsageError(f"The row {_title(row)} has no list {name!r}")
    return value


def _title(row: Mapping[str, Any]) -> str:
    return json.dumps(row.get("task_id", "without task_id"), default=str)
