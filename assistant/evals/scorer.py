"""Scores one answer by a task's tests, with the signature of HumanEval scorers."""

from typing import Any

from assistant.evals.generated import FormattedGeneratedCode
from assistant.events import SandboxError, UsageError
from assistant.functions.execute import UseDocker
from assistant.functions.judging import opener
from assistant.functions.solutions import defines
from assistant.verdicts.pool import judge_many
from assistant.verdicts.task import Candidate, CheckFunction, Task, TaskLimits


def score_code(
    test: str,
    entry_point: str,
    model_output: FormattedGeneratedCode | str | None,
    *,
    timeout: float = 10.0,
    use_docker: UseDocker = True,
) -> dict[str, Any]:
    """Whether a program passes a test that defines ``check(candidate)``.

    Judged in a container, where the program cannot reach the test: leaving early, printing or
    patching pass nothing. ``use_docker``: as for ``execute_code``; False judges here.

    Returns:
        {"correct": bool}, with "error" (the class of the failure and its detail) where it is not
        correct, and "output" where the program printed something.

    Raises:
        UsageError: the test defines no such function.
        SandboxError: there is no sandbox, or the test itself could not be run in one.
    """
    if not defines(test, "check"):
        raise UsageError("the test defines no function check(candidate)")
    code = model_output if isinstance(model_output, str | None) else model_output.full_code
    task = Task(CheckFunction(test), entry_point, limits=TaskLimits(seconds=timeout))
    (verdict,) = judge_many(opener(use_docker), [(task, Candidate(code))], 1)
    if verdict.outcome == "harness_error":
        raise SandboxError(f"the test could not be run: {verdict.detail[-300:]}")
    found: dict[str, Any] = {"correct": verdict.passed}
    if not verdict.passed:
        found["error"] = ": ".join(filter(None, (verdict.label, verdict.detail)))
    if verdict.output:
        found["output"] = verdict.output
    return found
