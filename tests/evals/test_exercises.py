"""Exercises: what their row comes to, how a chat edits them, and what tries are told."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assistant.cli.wiring import edit_text
from assistant.evals.asking import Gate, SampleModel
from assistant.evals.chatting import complaint_of
from assistant.evals.datasets import load
from assistant.evals.file_judges import FileJudges
from assistant.evals.in_files import MARK, Files, InFiles
from assistant.evals.pipeline import Around, CodeGenerationPipeline, Parameters
from assistant.evals.problems import Problem, problem_of
from assistant.evals.runs import Attempt, Generated
from assistant.evals.strategy_context import Strategy, StrategyContext
from assistant.evals.trace import Trace
from assistant.events import Replied
from assistant.following import unheard
from assistant.purse import UNCAPPED, Purse
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.workspace import Workspace
from assistant.verdicts.task import Candidate, TaskLimits, Verdict
from tests.evals.test_in_files import EXERCISE
from tests.fakes import ListModel

SCRIPT = {
    **EXERCISE,
    "task_id": "javascript/double",
    "language": "javascript",
    "stub": {"double.js": "export const double = (n) => {};\n"},
    "support": {"package.json": "{}", "babel.config.js": "", ".npmrc": "", "data/two.txt": "2"},
    "test": {
        "double.spec.js": "import { double } from './double';\n"
        "test('one', () => { expect(double(1)).toBe(2); });\n"
        "xtest('two', () => { expect(double(2)).toBe(4); });\n"
        "test.skip('a long one', () => {});\n"
    },
    "example": {".meta/proof.ci.js": "export const double = (n) => 2 * n;\n"},
}
RIGHT = "def double(n):\n    return 2 * n\n"


def files_of(problem: Problem) -> Files:
    assert isinstance(problem.tests, Files)
    return problem.tests


def test_an_exercise_in_javascript() -> None:
    problem = problem_of(SCRIPT, "here")
    tests = files_of(problem)
    assert (tests.needs, tests.toolchain) == ("node", "jest")
    assert tests.answer == "double.js"
    # The file and what it may read; not what steers tools, and not the tests.
    assert tests.beginning == {
        "double.js": "export const double = (n) => {};\n",
        "data/two.txt": "2",
    }
    assert "toBe" not in problem.prompt
    assert set(tests.files) == {"data/two.txt", "double.spec.js", ".exam.js"}
    # What waits is switched on, in the line that there was: line numbers stay.
    first, *_ = tests.files["double.spec.js"].splitlines()
    assert "test as xtest" in first
    assert first.endswith("import { double } from './double';")
    assert tests.files[".exam.js"].count(MARK) == 1
    assert f'("{MARK}", 1, ' in tests.files[".exam.js"]  # One test stays out, by its author's word.


def test_a_solution_cannot_ask_for_the_line_that_is_a_pass() -> None:
    tests = files_of(problem_of(SCRIPT, "here"))
    written = tests.written(f"console.log('{MARK}');", "f" * 32)
    assert written["double.js"] == f"console.log('{MARK}');"
    assert "f" * 32 in written[".exam.js"]


TOLD = {
    "success": True,
    "numTotalTests": 3,
    "numPassedTests": 2,
    "numPendingTests": 1,
    "numFailedTests": 0,
    "numTodoTests": 0,
}


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize(
    ("changed", "passes"),
    [
        ({}, True),
        ({"success": False}, False),
        ({"numPassedTests": 1}, False),
        ({"numPassedTests": 0, "numTotalTests": 1}, False),
        ({"numPassedTests": 0, "numPendingTests": 3}, False),
        ({"numPassedTests": 1, "numPendingTests": 2}, False),
        ({"numPassedTests": 1, "numTodoTests": 1}, False),
    ],
)
def test_only_a_whole_report_is_a_pass(
    tmp_path: Path, changed: dict[str, Any], passes: bool
) -> None:
    """The program that starts jest, with a jest that reports what it is told to."""
    modules = tmp_path / "node_modules"
    for name in ("jest-environment-node", "babel-jest", "@babel/plugin-transform-modules-commonjs"):
        (modules / name).mkdir(parents=True)
        (modules / name / "index.js").write_text("")
    (modules / "jest").mkdir()
    told = json.dumps({**TOLD, **changed})
    (modules / "jest/index.js").write_text(
        f"exports.runCLI = async (flags) => {{\n"
        f"  const fs = require('fs');\n"
        f"  console.log(fs.existsSync('.exam.js'), flags.runInBand);\n"
        f"  console.log(fs.readdirSync(JSON.parse(flags.config).cacheDirectory).join());\n"
        f"  fs.writeSync = () => {{ throw new Error('not this one'); }};\n"
        f"  return {{ results: {told} }};\n}};\n"
    )
    tests = files_of(problem_of(SCRIPT, "here"))
    (tmp_path / ".exam.js").write_text(tests.written("", "f" * 32)[".exam.js"])
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-c", tests.command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = done.stdout.split()
    assert lines[:3] == ["false", "true", "first.js"]  # Nothing on the disk tells the mark.
    assert (lines[-1] == "f" * 32) is passes, done


def test_the_texts_that_a_published_row_lacks(data_folder: Path) -> None:
    polyglot = load("polyglot", [data_folder])
    assert (len(polyglot), len(polyglot.left_out), polyglot.verdict) == (83, 0, "in-process")
    known = {problem.task_id: problem for problem in polyglot}
    grep = files_of(known["javascript/grep"])
    assert sorted(name for name in grep.beginning if name.startswith("data/")) == [
        *("data/iliad.txt", "data/midsummer-night.txt", "data/paradise-lost.txt"),
    ]
    assert all(files_of(problem).beginning for problem in polyglot)


@contextmanager
def desk(folder: Path) -> Iterator[Workspace]:
    (folder / "empty").mkdir(parents=True)
    with LocalSandbox(LocalOptions(dict(os.environ), "session", values=False)) as sandbox:
        workspace = Workspace(sandbox, folder / "empty", folder / "store", edit_text)
        with workspace:
            yield workspace


def judge(code: str) -> Verdict:
    with FileJudges(
        lambda: LocalSandbox(LocalOptions(dict(os.environ), "pooled", values=False)), 1
    ) as judges:
        task = problem_of(EXERCISE, "here").task(TaskLimits(seconds=100))
        assert isinstance(task, InFiles)
        return judges.submit(task, Candidate(code)).result()


def generated(
    strategy: Strategy,
    *replies: str | Replied,
    folder: Path | None = None,
    tries: int = 1,
    judge: Callable[[str], Verdict] = judge,
) -> tuple[Generated, ListModel]:
    model = ListModel(*replies)
    asking = SampleModel(
        ("python/double", 1), model, Purse(UNCAPPED), Gate(), Trace(unheard), lambda call: None
    )
    pipeline = CodeGenerationPipeline(model, strategy=strategy, parameters=Parameters(tries=tries))
    around = Around(None if folder is None else lambda: desk(folder), judge)
    return pipeline.generated(problem_of(EXERCISE, "here"), asking, around), model


EDIT = """\
```edit title="double.py"
<<<<<<< SEARCH
    pass
=======
    return {result}
>>>>>>> REPLACE
```
"""


def test_a_chat_edits_the_file_of_an_exercise(tmp_path: Path) -> None:
    look = "```bash\ncat double.py; ls\n```\n"
    found, model = generated("chat", look, EDIT.format(result="2 * n"), "Done.", folder=tmp_path)
    assert [attempt.code for attempt in found.attempts] == [None, None, RIGHT]
    system, asked, _, result = [said.text for said in model.seen[1]][:4]
    assert 'title="double.py"' in system
    assert "Double a number." in asked
    assert "def double(n):" in result
    assert "double_helper.py" in result
    assert "double_test.py" not in result  # Its tests stay outside.


def test_an_exercise_that_was_not_touched_has_no_answer(tmp_path: Path) -> None:
    found, _ = generated("chat", "I would rather not.", folder=tmp_path)
    assert [attempt.code for attempt in found.attempts] == [None]


def test_a_whole_answer_in_a_block_without_a_name_counts_too(tmp_path: Path) -> None:
    found, _ = generated("chat", f"```python\n{RIGHT}```\n", "Done.", folder=tmp_path)
    assert (found.attempts[-1].code or "").strip() == RIGHT.strip()


def test_between_tries_the_tests_speak(tmp_path: Path) -> None:
    wrong, right = EDIT.format(result="n"), EDIT.format(result="2 * n").replace("pass", "return n")
    chat, model = generated("chat", wrong, "Done.", right, "Now.", folder=tmp_path, tries=3)
    assert [attempt.code for attempt in chat.attempts] == [
        *(None, RIGHT.replace("2 * n", "n"), None, RIGHT)
    ]
    complaint = model.seen[2][-1].text
    assert "2 != 4" in complaint
    assert "Ran 1 test\n" in complaint  # Not how long it took: a replay asks the same.
    fences = [f"```python\n{code}```\n" for code in (RIGHT.replace("2 * n", "n"), RIGHT)]
    fence, model = generated("fence", *fences, tries=2)
    assert [judge(attempt.code or "").passed for attempt in fence.attempts] == [False, True]
    assert "2 != 4" in model.seen[1][-1].text


def test_tries_end_where_there_is_nothing_to_say() -> None:
    def broken(code: str) -> Verdict:
        return Verdict("harness_error", "no sandbox")

    reply = f"```python\n{RIGHT}```\n"
    for replies, judging in (((reply,), judge), ((reply,), broken), (("No.",), judge)):
        found, _ = generated("fence", *replies, tries=3, judge=judging)
        assert len(found.attempts) == 1


def test_one_try_is_the_pipeline_that_it_was() -> None:
    assert "tries" not in Parameters().texts()
    assert Parameters(tries=2).texts()["tries"] == "2"


def test_what_differs_each_time_is_left_out_of_a_complaint() -> None:
    told = (
        "  ✕ one (12 ms)\n    at held (../tmp/exam-{}/first.js:22:12)\n"
        "Time:        {} s\nRan 3 tests in {}s\n FAIL  ./x.spec.js ({} s)\nexpected 3 s\n"
    )

    def complaint(folder: str, seconds: str) -> str | None:
        detail = told.format(folder, seconds, seconds, seconds)
        means = StrategyContext("", judge=lambda code: Verdict("wrong_answer", detail))
        asking = SampleModel(
            ("x", 1), ListModel(), Purse(UNCAPPED), Gate(), Trace(unheard), lambda call: None
        )
        asking.attempts.append(Attempt("", "stop", "", code="x"))
        return complaint_of(means, asking)

    first = complaint("aB3_xz", "0.417")
    assert first == complaint("Zz9Zz9", "12.3")
    assert first is not None
    assert "✕ one" in first
    assert "expected 3 s" in first
