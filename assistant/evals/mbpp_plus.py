"""Rows of MBPP+ as tasks: their inputs, which JSON flattened, get their Python types back.

JSON knows neither tuples nor complex numbers. Which argument holds them is read from the calls in
the row's own ``assertion``, which are Python.
"""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assistant.events import UsageError
from assistant.verdicts.task import Cases, Task, TaskLimits

_UNORDERED = """
def oracle(arguments, answer, expected):
    try:
        return type(answer) in (list, tuple, set) and set(answer) == set(expected)
    except TypeError:
        return False
"""
_TRUTH = """
def oracle(arguments, answer, expected):
    def found(value):
        return value if type(value) is bool else value is not None
    return found(answer) == found(expected)
"""
_ORACLES = {
    # Any order will do: the published answers pass through a set.
    **dict.fromkeys((2, 7, 111, 140, 232, 249, 579, 769), _UNORDERED),
    # Something for a match and None for none: which something is left open.
    **dict.fromkeys((737, 787, 794), _TRUTH),
}


@dataclass(frozen=True, slots=True)
class _Shape:
    """What values look like at one place: their container (None: plain) and what it holds."""

    kind: type | None = None
    inside: "_Shape | None" = None
    number: bool = False


def mbpp_plus(row: Mapping[str, Any], limits: TaskLimits | None = None) -> Task:
    """A row with ``entry_point``, ``canonical_solution``, ``base_input``, ``plus_input``,
    ``assertion`` and ``atol``.

    Raises:
        UsageError: its ``assertion`` is no Python.
    """
    shapes = _arguments(row["assertion"], row["entry_point"], row["task_id"])
    given = [*row["base_input"], *row["plus_input"]]
    inputs = [[_restored(v, _at(shapes, i), list) for i, v in enumerate(call)] for call in given]
    number = row["task_id"].rpartition("/")[2]
    oracle = _ORACLES.get(int(number) if number.isdecimal() else -1, "")
    tests = Cases(inputs, row["canonical_solution"], float(row["atol"]), oracle)
    return Task(tests, row["entry_point"], "", limits or TaskLimits())


def _arguments(assertion: str, entry_point: str, task_id: str) -> list[_Shape]:
    """The shape of each argument, over all calls of the assertion that are literal."""
    try:
        tree = ast.parse(assertion)
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"The assertion of {task_id} is no Python: {error}") from error
    shapes: list[_Shape] = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id != entry_point:
            continue
        for place, argument in enumerate(node.args):
            try:
                shape = _shape(ast.literal_eval(argument))
            except ValueError:
                continue  # A name or a call: it tells nothing.
            shapes += [_Shape()] * (place + 1 - len(shapes))
            shapes[place] = _merged(shapes[place], shape)
    return shapes


def _at(shapes: Sequence[_Shape], place: int) -> _Shape:
    return shapes[place] if place < len(shapes) else _Shape()


def _shape(value: object) -> _Shape:
    if not isinstance(value, (list, tuple, dict, set)):
        return _Shape(number=isinstance(value, (int, float, complex)))
    inside = _Shape()
    for item in value.values() if isinstance(value, dict) else value:
        inside = _merged(inside, _shape(item))
    return _Shape(type(value), inside)


def _merged(a: _Shape, b: _Shape) -> _Shape:
    inside = _merged(a.inside, b.inside) if a.inside and b.inside else a.inside or b.inside
    return _Shape(a.kind or b.kind, inside, a.number or b.number)


def _restored(value: Any, shape: _Shape, around: type) -> Any:
    """A value of JSON as Python; a list that the assertion says nothing of is like the one around
    it."""
    inside = shape.inside or _Shape()
    if isinstance(value, dict):
        return {key: _restored(item, inside, list) for key, item in value.items()}
    if isinstance(value, list):
        kind = shape.kind if shape.kind in (list, tuple, set) else around
        return kind(_restored(item, inside, kind) for item in value)
    return _number(value) if isinstance(value, str) and shape.number else value


def _number(text: str) -> str | float | complex:
    """What JSON has as text in a place for numbers."""
    for kind in (float, complex):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
