"""Exercises: a file that is to be filled in or mended, and tests beside it, which stay hidden.

Python's are run by unittest, JavaScript's by jest; ``exams`` holds what is sent as text to run
them. Tests that wait to be switched on (``xtest``) are.
"""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from typing import Any

from assistant.evals.in_files import MARK, Files
from assistant.feedback import quoted
from assistant.prompts import prompt

SECONDS = 60.0
_UNITTEST = """\
import sys, unittest
mark = {mark!r}
class Result(unittest.TextTestResult):
    def addSkip(self, test, reason):
        if sys.exc_info()[1] is None:
            super().addSkip(test, reason)
        else:  # It is no wish of the tests: the answer raised it.
            self.addFailure(test, sys.exc_info())
found = unittest.defaultTestLoader.loadTestsFromNames({names!r})
result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result).run(found)
print("\\n" + mark if result.testsRun and result.wasSuccessful() else "AssertionError: failed")
"""
# Its program is gone from the disk before a solution is loaded.
_RUN_PYTHON = "exec 3< .exam.py && rm .exam.py && exec python3 - <&3"
_RUN_NODE = "exec 3< .exam.js && rm .exam.js && exec node - < <(exec cat <&3) 3<&-"
# In one line with what follows, so that line numbers stay. No solution can replace these names.
_JEST_NAMES = (
    "import { describe, describe as xdescribe, test, test as xtest, it, it as xit, expect,"
    ' beforeAll, beforeEach, afterAll, afterEach } from "@jest/globals"; '
)
_STEERING = ("package.json", "babel.config.js", ".npmrc")
"""Files of an exercise that steer tools and that neither tests nor solutions read."""
_GREP = ("python/grep", "javascript/grep")


def exercise(row: Mapping[str, Any]) -> dict[str, Any]:
    """An exercise with a stub of one file, as the fields of a task."""
    ((name, stub),) = row["stub"].items()
    language = row["language"]
    tests, command = (_jest if language == "javascript" else _unittest)(row["test"])
    support = {path: text for path, text in row["support"].items() if path not in _STEERING}
    asked = prompt(
        "eval_exercise",
        instructions=row["instructions"].strip(),
        name=name,
        stub=quoted(stub.rstrip("\n"), language),
    )
    return {
        "entry_point": "",
        "prompt": asked,
        "tests": Files(
            name,
            {**support, **tests},
            command,
            seconds=SECONDS,
            beginning={name: stub, **support},
            needs="node" if language == "javascript" else "python3",
            toolchain="jest" if language == "javascript" else "",
        ),
        "reference": next(iter(row.get("example", {}).values()), ""),
        "definition": "",
        "language": language,
        "family": "",
    }


def _unittest(test: Mapping[str, str]) -> tuple[dict[str, str], str]:
    modules = [path.removesuffix(".py") for path in test if path.endswith("_test.py")]
    return {**test, ".exam.py": _UNITTEST.format(mark=MARK, names=modules)}, _RUN_PYTHON


def _jest(test: Mapping[str, str]) -> tuple[dict[str, str], str]:
    folder = files("assistant.evals").joinpath("exams")
    # ``test.skip``: optional by its author's word, as it takes too long with most solutions.
    skipped = sum(len(re.findall(r"\b(?:test|it)\.skip\(", text)) for text in test.values())
    exam = folder.joinpath("jest.js").read_text("utf-8")
    first = json.dumps(folder.joinpath("jest_first.js").read_text("utf-8"))
    exam = exam.replace("$skipped", str(skipped)).replace("$first", first)
    specs = {path: _JEST_NAMES + text for path, text in test.items()}
    return {**specs, ".exam.js": exam}, _RUN_NODE


def completed(
    rows: Iterable[tuple[str, dict[str, Any]]],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rows of the published set with the files that JavaScript's grep reads.

    Its row lacks them; Python's has the same texts in its tests.
    """
    found = list(rows)
    known: dict[Any, dict[str, Any]] = {row.get("task_id"): row for _, row in found}
    lender, borrower = (known.get(name) for name in _GREP)
    for place, row in found:
        if lender is not None and row is borrower:
            texts = _texts(lender["test"]["grep_test.py"])
            row = {**row, "support": {**row["support"], **texts}}
        yield place, row


def _texts(source: str) -> dict[str, str]:
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FILE_TEXT":
            found = ast.literal_eval(node.value)
            # Those of JavaScript end without a line end.
            return {f"data/{name}": text.rstrip("\n") for name, text in found.items()}
    return {}
