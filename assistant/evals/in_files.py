"""Tests that run in the answer's own process, in files beside it: other languages, exercises.

What decides is the last line of such a program, so an answer could forge it: sets with tests of
this kind are marked ``in-process`` wherever their figures are shown.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assistant.feedback import quoted
from assistant.functions.solutions import entry_of
from assistant.prompts import prompt
from assistant.verdicts.task import TaskLimits

MARK = "$mark"
"""In a file: where the line stands that only a program that came to its end prints."""

_NODE = """\
console.assert = (ok, ...words) => {{
  if (!ok) throw new Error("AssertionError: " + words.join(" "));
}};
const __end = ((print) => () => print("\\n{mark}"))(console.log);
"""
_UNITTEST = """\
import sys, unittest
mark = {mark!r}
found = unittest.defaultTestLoader.loadTestsFromNames({names!r})
result = unittest.TextTestRunner(stream=sys.stdout).run(found)
print("\\n" + mark if result.testsRun and result.wasSuccessful() else "AssertionError: failed")
"""


@dataclass(frozen=True, slots=True)
class Files:
    """Files of a task, one of which holds the answer, and the command that runs its tests."""

    answer: str
    """The path of the answer's file."""
    files: Mapping[str, str]
    command: str
    before: str = ""
    """What stands before the answer in its file, and after it."""
    after: str = ""
    needs: str = ""
    """The program that the command starts, which the sandbox must have."""

    def written(self, code: str, mark: str) -> dict[str, str]:
        """All files, with the answer and with the line that tells the end."""
        whole = {**self.files, self.answer: self.before + code + self.after}
        return {path: text.replace(MARK, mark) for path, text in whole.items()}


@dataclass(frozen=True, slots=True)
class InFiles:
    """What is judged: the files of a task, and its limits."""

    files: Files
    limits: TaskLimits


def python_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of HumanEval-X for Python as one of HumanEval; its test calls ``check`` itself."""
    test = re.sub(r"^check\(.*\)\s*$", "", row["test"], flags=re.MULTILINE)
    kept = {name: value for name, value in row.items() if name != "declaration"}
    return {**kept, "entry_point": entry_of(row["prompt"]), "test": test, "family": family(row)}


def family(row: Mapping[str, Any]) -> str:
    """The task that is the same one in all languages."""
    return f"HumanEval/{row['task_id'].rpartition('/')[2]}"


def script(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of HumanEval-X for JavaScript, as the fields of a task."""
    lines = row["declaration"].strip().splitlines()
    name = re.match(r"(?:const|let|var|function)\s+(\w+)", lines[-1])
    after = f"\n{row['test']}\n__end();\n"
    tests = Files("exam.js", {}, "node exam.js", _NODE.format(mark=MARK), after, "node")
    return {
        "entry_point": name[1] if name else "",
        "prompt": row["prompt"],
        "tests": tests,
        "reference": row["prompt"] + row["canonical_solution"],
        "definition": "\n".join(lines[:-1]),
        "language": "javascript",
        "family": family(row),
    }


def exercise(row: Mapping[str, Any]) -> dict[str, Any]:
    """An exercise with a stub of one file and tests of its own, as the fields of a task."""
    ((name, stub),) = row["stub"].items()
    modules = [path.removesuffix(".py") for path in row["test"] if path.endswith("_test.py")]
    exam = _UNITTEST.format(mark=MARK, names=modules)
    files = {**row["support"], **row["test"], ".exam.py": exam}
    command = "exec 3< .exam.py && rm .exam.py && exec python3 - <&3"
    asked = prompt(
        "eval_exercise",
        instructions=row["instructions"].strip(),
        name=name,
        stub=quoted(stub.rstrip("\n"), row["language"]),
    )
    return {
        "entry_point": "",
        "prompt": asked,
        "tests": Files(name, files, command, needs="python3"),
        "reference": next(iter(row.get("example", {}).values()), ""),
        "definition": "",
        "language": row["language"],
        "family": "",
    }
