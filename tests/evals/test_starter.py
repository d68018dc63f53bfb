"""The set that ships: right answers pass, every wrong one that was thought of does not."""

import ast
import doctest
import json
import os
from pathlib import Path

from assistant.evals.datasets import load
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.verdicts.pool import judge_many
from assistant.verdicts.task import Candidate, CheckFunction, Verdict
from tests.evals.judged import task_of

PROBLEMS = {problem.task_id: problem for problem in load("starter")}
_FILE = Path(__file__).parent.parent / "data" / "starter_wrong.jsonl"
WRONG = [json.loads(line) for line in _FILE.read_text("utf-8").splitlines()]


def verdicts(codes: list[tuple[str, str]]) -> list[Verdict]:
    given = [(task_of(PROBLEMS[task_id]), Candidate(code)) for task_id, code in codes]
    return judge_many(lambda: LocalSandbox(LocalOptions(dict(os.environ), "pooled")), given)


def test_its_shape() -> None:
    assert len(PROBLEMS) == 30
    for problem in PROBLEMS.values():
        assert isinstance(problem.tests, CheckFunction)
        assert problem.definition == problem.prompt
        assert problem.released
        function = ast.parse(problem.prompt).body[-1]
        assert isinstance(function, ast.FunctionDef)
        assert (function.name, function.returns is None) == (problem.entry_point, False)


def test_examples_in_the_prompts_hold() -> None:
    for problem in PROBLEMS.values():
        names: dict[str, object] = {}
        exec(problem.reference, names)
        (example,) = doctest.DocTestFinder().find(names[problem.entry_point], globs=names)
        assert example.examples, problem.task_id
        runner = doctest.DocTestRunner(verbose=False)
        assert runner.run(example).failed == 0, problem.task_id


def test_references_pass() -> None:
    found = verdicts([(problem.task_id, problem.reference) for problem in PROBLEMS.values()])
    assert [verdict.label for verdict in found] == ["passed"] * 30


def test_wrong_answers_do_not() -> None:
    assert all(sum(row["task_id"] == task for row in WRONG) >= 2 for task in PROBLEMS)
    codes = [(row["task_id"], PROBLEMS[row["task_id"]].prompt + row["code"]) for row in WRONG]
    found = verdicts(codes)
    kinds = {"wrong_answer", "runtime_error"}
    odd = [(c, v) for c, v in zip(codes, found, strict=True) if v.outcome not in kinds]
    assert not odd
