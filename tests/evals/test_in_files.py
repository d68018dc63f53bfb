"""Tests in the answer's own process: other languages, exercises, and what they can be fooled by."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.evals.beginning import narrowed
from assistant.evals.datasets import load
from assistant.evals.extracting import completion, program, solution
from assistant.evals.file_judges import BothJudges, FileJudges, missing, verdict_of
from assistant.evals.in_files import InFiles
from assistant.evals.problems import Problem, problem_of
from assistant.events import ExecResult, SandboxError, UsageError
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.verdicts.pool import JudgePool
from assistant.verdicts.task import Candidate, TaskLimits, Verdict
from tests.faults.runs import until

EXERCISE = {
    "task_id": "python/double",
    "language": "python",
    "instructions": "Double a number.",
    "stub": {"double.py": "def double(n):\n    pass\n"},
    "support": {"double_helper.py": "TWO = 2\n"},
    "test": {
        "double_test.py": "import unittest\nfrom double import double\n"
        "from double_helper import TWO\n"
        "class Test(unittest.TestCase):\n"
        "    def test_it(self):\n        self.assertEqual(double(TWO), 4)\n"
    },
    "example": {".meta/example.py": "def double(n):\n    return 2 * n\n"},
}
SCRIPT = {
    "task_id": "JavaScript/7",
    "prompt": "/* Double a number. */\nconst two = () => 2;\n\nconst double = (n) => {\n",
    "declaration": "\nconst two = () => 2;\n\nconst double = (n) => {\n",
    "canonical_solution": "  return n * two();\n}\n\n",
    "test": "const testDouble = () => {\n  console.assert(double(4) === 8)\n}\n\ntestDouble()\n",
}


def local() -> LocalSandbox:
    return LocalSandbox(LocalOptions(dict(os.environ), "pooled", values=False))


@pytest.fixture(scope="module")
def judges() -> Iterator[FileJudges]:
    with FileJudges(local, 2) as found:
        yield found


def judged(judges: Any, row: dict[str, Any], code: str, seconds: float = 60) -> Verdict:
    task = problem_of(row, "here").task(TaskLimits(seconds=seconds))
    assert isinstance(task, InFiles)
    verdict = judges.submit(task, Candidate(code)).result()
    assert isinstance(verdict, Verdict)
    return verdict


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("def double(n):\n    return 2 * n\n", "passed"),
        ("def double(n):\n    return n\n", "wrong_answer"),
        ("def double(n)\n", "syntax_error"),
        ("import unittest\ndef double(n): raise unittest.SkipTest\n", "wrong_answer"),
        ("raise SystemExit(0)\n", "exit_before_verdict"),
        ("import os\nos._exit(0)\n", "exit_before_verdict"),
        ("print('0' * 32)\nimport os\nos._exit(0)\n", "exit_before_verdict"),
        ("", "no_code_in_reply"),
        ("x = '\ud800'\n", "syntax_error"),
    ],
)
def test_an_exercise(judges: FileJudges, code: str, outcome: str) -> None:
    found = judged(judges, EXERCISE, code)
    expected = {outcome, "wrong_answer"} if outcome == "syntax_error" else {outcome}
    assert found.outcome in expected, found


def test_an_exercise_that_takes_too_long(judges: FileJudges) -> None:
    assert judged(judges, EXERCISE, "while True:\n    pass\n", 2).outcome == "timeout"


def test_nothing_is_left_for_the_next_answer(judges: FileJudges) -> None:
    leave = "open('double_extra.py', 'w').write('')\ndef double(n):\n    return 2 * n\n"
    find = "import os\nassert not os.path.exists('double_extra.py')\ndef double(n): return 2 * n\n"
    for _ in range(2):
        assert judged(judges, EXERCISE, leave).outcome == "passed"
        assert judged(judges, EXERCISE, find + f"# {_}\n").outcome == "passed"


def test_what_an_exercise_asks() -> None:
    problem = problem_of(EXERCISE, "here")
    assert "Double a number." in problem.prompt
    assert "def double(n):" in problem.prompt
    assert "assertEqual" not in problem.prompt  # Its tests stay hidden.
    reply = "```python\nprint(double(2))\n```\n```python\ndef double(n):\n    return 2 * n\n```\n"
    assert solution(reply, problem) == "def double(n):\n    return 2 * n"


def test_a_script_in_another_language() -> None:
    problem = problem_of(SCRIPT, "here")
    assert (problem.entry_point, problem.language) == ("double", "javascript")
    assert problem.family == "HumanEval/7"
    whole = "const double = (n) => n * two();"
    for reply in (
        whole,
        f"So:\n```js\n{whole}\n```",
        f"```\nlet x;\n```\n```javascript\n{whole}\n```",
    ):
        found = solution(reply, problem)
        assert found is not None
        assert program(found, problem).count("const two") == 1
        assert program(found, problem).count("const double") == 1
    rest = completion("  return n * two();\n}\n", problem)
    assert rest == problem.prompt + "  return n * two();\n}\n"
    own = "const two = () => 2;\nfunction double(n) { return n * two(); }"
    assert program(own, problem) == own  # Nothing may be there twice.
    assert solution("I would rather not", problem) is None


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("const double = (n) => n * 2;", "passed"),
        ("const double = (n) => n;", "wrong_answer"),
        ("const double = (n) => nothing;", "runtime_error"),
        ("const double = (n) => {", "syntax_error"),
        ("process.exit(0);\nconst double = 1;", "exit_before_verdict"),
        ("process.exit(127);\nconst double = 1;", "runtime_error"),
        ("console.assert = () => 1;\nconst double = (n) => 0;", "passed"),
    ],
)
def test_a_script_is_judged(judges: FileJudges, code: str, outcome: str) -> None:
    """The last one cheats, and passes: that is what ``in-process`` warns of."""
    found = judged(judges, SCRIPT, program(code, problem_of(SCRIPT, "here")))
    assert found.outcome == outcome, found


def test_only_the_line_at_the_end_is_a_pass() -> None:
    mark = "f" * 32
    assert verdict_of(ExecResult(0, f"out\n{mark}\n"), mark).passed
    assert verdict_of(ExecResult(0, f"{mark}\nmore\n"), mark).outcome == "exit_before_verdict"
    assert verdict_of(ExecResult(1, f"{mark}\n"), mark).outcome == "runtime_error"
    assert verdict_of(ExecResult(127, f"{missing(mark)}\n"), mark).outcome == "harness_error"
    assert verdict_of(ExecResult(127, "node: not found"), mark).outcome == "runtime_error"
    assert verdict_of(ExecResult(137, "", reason="memory"), mark).outcome == "out_of_memory"
    assert mark not in verdict_of(ExecResult(1, f"TypeError: {mark}"), mark).detail


def test_a_sandbox_that_fails_twice_is_no_fault_of_the_answer() -> None:
    class Failing:
        def __enter__(self) -> "Failing":
            raise SandboxError("gone")

        def __exit__(self, *error: object) -> None:
            pass

    with FileJudges(Failing, 1) as judges:
        assert judged(judges, EXERCISE, "x = 1\n").outcome == "harness_error"


@pytest.mark.timeout(120)
def test_judges_that_are_left_end_what_runs() -> None:
    """Nobody waits for the limit of an answer whose verdict nobody wants any more."""
    task = problem_of(EXERCISE, "here").task(TaskLimits(seconds=900))
    assert isinstance(task, InFiles)
    with FileJudges(local, 1) as judges:
        running, waiting = (
            judges.submit(task, Candidate(f"import time; time.sleep({n})\n")) for n in (800, 801)
        )
        assert until(running.running)
    assert isinstance(running.exception(), SandboxError)
    assert waiting.cancelled()


def test_rows_that_make_no_sense() -> None:
    for row, said in (
        ({**EXERCISE, "stub": {}}, "makes no sense"),
        ({**EXERCISE, "test": "x"}, "makes no sense"),
        ({k: v for k, v in EXERCISE.items() if k != "instructions"}, "'instructions' is missing"),
        ({k: v for k, v in SCRIPT.items() if k != "test"}, "'test' is missing"),
    ):
        with pytest.raises(UsageError, match=rf"^here: .*{said}"):
            problem_of(row, "here")


def test_a_set_in_files_is_marked(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps(EXERCISE) + "\n" + json.dumps(SCRIPT) + "\n")
    assert load(str(path)).verdict == "in-process"


def test_the_published_sets(data_folder: Path) -> None:
    """Python's edition is judged apart from the answer; a few of the exercises are run."""
    python = load("humaneval-x-python", [data_folder])
    assert (len(python), python.verdict) == (164, "isolated")
    script = load("humaneval-x-js", [data_folder])
    assert (len(script), script.verdict) == (164, "in-process")
    polyglot = load("polyglot", [data_folder])
    asked = narrowed(polyglot, (), None)
    assert (len(polyglot), len(asked)) == (83, 83)
    some: list[Problem] = [
        *python.problems[::20],
        *[p for p in asked if p.language == "python"][::6],
    ]
    with JudgePool(local, 2) as apart, FileJudges(local, 2) as in_files:
        both = BothJudges(apart, in_files)
        limits = TaskLimits(seconds=60)
        found = [both.submit(p.task(limits), Candidate(p.reference)) for p in some]
        assert [one.result().outcome for one in found] == ["passed"] * len(some)
