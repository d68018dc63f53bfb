"""What a project of Weave is given: classes of its kinds, rows, scores and their sum."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from assistant.evals.problems import Problem
from assistant.events import Usage
from assistant.verdicts.task import Assertions, CheckFunction, Program, Verdict


def model_class(weave: Any) -> Any:
    """The class is made where Weave is there, for it derives from Weave's."""
    from pydantic import PrivateAttr  # Late: it comes with Weave.

    class CodeGeneration(weave.Model):
        model: str
        strategy: str
        prompt_template: str
        formatter: str
        parameters: dict[str, str]
        seed: int | None
        pipeline_version: str
        _answer: Any = PrivateAttr(None)

        @weave.op(name="predict")
        async def predict(self, task_id: str, prompt: str) -> str:
            # In a thread: others go on meanwhile. Weave's place in the tree goes with it.
            return str(await asyncio.to_thread(self._answer, task_id))

    return CodeGeneration


def scorer_class(weave: Any) -> Any:
    from pydantic import PrivateAttr  # Late: it comes with Weave.

    class Tests(weave.Scorer):
        data: str
        seconds: float
        _submit: Any = PrivateAttr(None)

        @weave.op(name="tests")
        async def score(self, *, output: str, task_id: str) -> dict[str, Any]:
            verdict = await asyncio.wrap_future(self._submit(task_id, output or ""))
            return scored(verdict)

        @weave.op(name="tests.summarize")
        def summarize(self, score_rows: list[Any]) -> dict[str, Any]:
            return summary_of(score_rows)

    return Tests


def scored(verdict: Verdict) -> dict[str, Any]:
    """A verdict as a score; the harness's faults are none."""
    if verdict.outcome == "harness_error":
        return {"outcome": verdict.outcome, "error": verdict.detail}
    found = {"correct": verdict.passed, "outcome": verdict.label}
    return found if verdict.passed else {**found, "error": verdict.detail}


def summary_of(scores: Sequence[Mapping[str, Any] | None]) -> dict[str, Any]:
    """Weave's own sum would take what has no verdict for wrong."""
    known = [row["correct"] for row in scores if row and "correct" in row]
    rate = sum(known) / len(known) if known else None
    correct = {"true_count": sum(known), "true_fraction": rate}
    return {"correct": correct, "without_verdict": len(scores) - len(known)}


def used(usage: Usage) -> dict[str, Any]:
    found = {"requests": 1, "prompt_tokens": usage.prompt, "completion_tokens": usage.completion}
    return {**found, "total_tokens": usage.total}


def row_of(problem: Problem) -> dict[str, Any]:
    tests = problem.tests
    code = ""
    if isinstance(tests, CheckFunction | Program):
        code = tests.code
    elif isinstance(tests, Assertions):
        code = "\n".join((tests.setup, *tests.lines)).strip()
    return {
        "task_id": problem.task_id,
        "prompt": problem.prompt,
        "entry_point": problem.entry_point,
        "canonical_solution": problem.reference,
        "test": code,
    }


def name_of(text: str) -> str:
    """Weave's names have letters, digits and few signs."""
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in text) or "unnamed"


def in_a_line(error: Exception) -> str:
    """What Weave or its server had to say."""
    return str(error).strip().split("\n")[0] or type(error).__name__
