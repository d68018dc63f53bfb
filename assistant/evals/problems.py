"""One task of a data set, made from its row, whichever of the known shapes the row has."""

import ast
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from assistant.evals.exercises import exercise
from assistant.evals.humaneval_x import python_row, translated
from assistant.evals.in_files import Files, InFiles
from assistant.evals.mbpp_plus import mbpp_plus
from assistant.events import UsageError
from assistant.verdicts import rows
from assistant.verdicts.task import Task, TaskLimits, Tests

_INPUTS = ("canonical_solution", "base_input", "plus_input")
_SHAPES = {
    # The field that tells a shape, and all those that it needs.
    "assertion": ("prompt", "entry_point", "assertion", *_INPUTS),
    "plus_input": ("prompt", "entry_point", *_INPUTS),
    "test_list": ("prompt", "code", "test_list"),
    "test": ("prompt", "entry_point", "test"),
}
_EXERCISE = ("language", "instructions", "stub", "test", "support")
_OTHER_LANGUAGES = ("prompt", "declaration", "test", "canonical_solution")
_FIELDS = {
    **dict.fromkeys(("prompt", "entry_point", "test", "assertion", "code"), "a text"),
    **dict.fromkeys(("canonical_solution", "released", "family"), "a text"),
    **dict.fromkeys(("test_list", "test_imports"), "a list of texts"),
    **dict.fromkeys(("base_input", "plus_input"), "a list of lists of arguments"),
    "atol": "a number",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A task: what the model is asked, and what decides about its answer."""

    task_id: str
    prompt: str
    entry_point: str
    """The function that the tests call; empty where only the tests name it."""
    tests: Tests | Files
    reference: str
    """A whole program known to be right; empty where none was given."""
    released: str
    """The day the task was published, as YYYY-MM-DD; empty: not known."""
    family: str
    """Tasks of one family are not independent of each other; by default the task's own id."""
    definition: str = ""
    """The code of the prompt, whose helper functions tests and answers may use."""
    language: str = "python"

    def task(self, limits: TaskLimits | None = None) -> Task | InFiles:
        """The same for the judge."""
        if isinstance(self.tests, Files):
            return InFiles(self.tests, limits or TaskLimits())
        return Task(self.tests, self.entry_point, self.definition, limits or TaskLimits())


def problem_of(row: Mapping[str, Any], place: str, released: str = "") -> Problem:
    """The task of a row.

    Raises:
        UsageError: a field is missing or makes no sense; the message opens with ``place``.
    """
    if "stub" in row or "declaration" in row:
        return _other(row, place, released)
    shape = next((name for name in _SHAPES if name in row), "test")
    mbpp = shape == "test_list"
    _complete(row, ("task_id", *_SHAPES[shape]), place)
    for name, wanted in _FIELDS.items():
        _check(row, name, wanted, place)
    if mbpp and not row["test_list"]:
        raise UsageError(f"{place}: the field 'test_list' is empty")
    entry = row.get("entry_point", "")
    if not (mbpp or entry.isidentifier()):
        raise UsageError(f"{place}: the entry_point {entry!r} is no name of a function")
    task_id = _task_id(row, place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Published code has escapes that Python now warns of.
        try:
            task = _task({"atol": 0, **row, "task_id": task_id}, shape)
        except (SyntaxError, ValueError, RecursionError) as error:
            raise UsageError(f"{place}: its code cannot be read: {error}") from error
        except UsageError as error:
            raise UsageError(f"{place}: {error.message}", error.remedy) from error
        return Problem(
            task_id,
            _asked(row) if mbpp else row["prompt"],
            task.entry_point,
            task.tests,
            row["code"] if mbpp else _reference(row),
            _day(row.get("released") or released, place),
            row.get("family") or task_id,
            task.definition if _parses(task.definition) else "",
        )


def _complete(row: Mapping[str, Any], needed: Sequence[str], place: str) -> None:
    for name in needed:
        if name not in row:
            raise UsageError(
                f"{place}: the field {name!r} is missing", f"Such a row needs {', '.join(needed)}."
            )


def _other(row: Mapping[str, Any], place: str, released: str) -> Problem:
    """A row of HumanEval-X, or an exercise."""
    exercises = "stub" in row
    needed = _EXERCISE if exercises else _OTHER_LANGUAGES
    _complete(row, ("task_id", *needed), place)
    task_id = _task_id(row, place)
    if not exercises and task_id.startswith("Python/"):
        return problem_of(
            {k: v for k, v in python_row(row).items() if k != "declaration"}, place, released
        )
    try:
        fields = exercise(row) if exercises else translated(row)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{place}: this row makes no sense: {error}") from error
    day = _day(row.get("released") or released, place)
    fields["family"] = fields["family"] or task_id
    return Problem(task_id, released=day, **fields)


def _task(row: Mapping[str, Any], shape: str) -> Task:
    if shape == "assertion":
        return mbpp_plus(row)
    if shape == "plus_input":
        return rows.humaneval_plus(row)
    if shape == "test_list":
        return rows.mbpp(row)
    if not any(getattr(node, "name", "") == "check" for node in ast.parse(row["test"]).body):
        raise UsageError("the field 'test' defines no function check(candidate)")
    return rows.humaneval(row)


def _asked(row: Mapping[str, Any]) -> str:
    """MBPP's prompt is one sentence, which does not name the function: its first test does."""
    return f'"""\n{row["prompt"].strip()}\n{row["test_list"][0]}\n"""\n'


def _reference(row: Mapping[str, Any]) -> str:
    """The answer as a whole program: HumanEval's goes on where the prompt ends."""
    answer: str = row.get("canonical_solution", "")
    if not answer:
        return ""
    try:
        body = ast.parse(answer).body
    except (SyntaxError, ValueError):
        body = []
    whole = any(getattr(node, "name", "") == row["entry_point"] for node in body)
    return answer if whole else row["prompt"] + answer


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True


def _check(row: Mapping[str, Any], name: str, wanted: str, place: str) -> None:
    """A field that is there must hold what it is for."""
    if name not in row:
        return
    value = row[name]
    right = {
        "a text": isinstance(value, str),
        "a number": type(value) in (int, float),
        "a list of texts": _all(value, str),
        # One published row has {} for no inputs.
        "a list of lists of arguments": _all(value, list) or value == {},
    }
    if not right[wanted]:
        shown = json.dumps(value)[:60]
        raise UsageError(f"{place}: the field {name!r} must be {wanted}, not {shown}")


def _all(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)


def _task_id(row: Mapping[str, Any], place: str) -> str:
    value = row["task_id"]
    if type(value) is int:
        return f"Mbpp/{value}"  # As the stricter edition has it.
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise UsageError(f"{place}: the task_id must be a text in one line, not {value!r:.60}")


def _day(text: str, place: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise UsageError(f"{place}: released must be a day, YYYY-MM-DD: {text!r:.60}") from error
