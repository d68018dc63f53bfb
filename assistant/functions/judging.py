"""Which of several answers pass their tests: judged side by side, each in a fresh sandbox."""

import logging
import math
import os
from collections.abc import Callable, Sequence
from typing import Any

from assistant.events import UsageError
from assistant.functions.docker_choice import needed_engine
from assistant.functions.execute import UseDocker
from assistant.functions.images import first_image, wanted
from assistant.functions.solutions import entry_of, is_program, program_of, solution_of
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import connect
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.options import SAMPLE, SandboxOptions
from assistant.settings_functions import environment
from assistant.verdicts.judgement import Fresh
from assistant.verdicts.pool import judge_many
from assistant.verdicts.task import Assertions, Candidate, CheckFunction, Program, Task, TaskLimits

log = logging.getLogger("assistant.functions")

Made = tuple[str, float | None]
Assert = str | Callable[[str], Made] | None
"""Assertions, or what makes them of a definition, with the cost in dollars."""
_MOST_WORKERS = 4


class NothingToJudge(UsageError, ValueError):
    """There is no response, or nothing that says which one is right."""


def eval_function_completions(
    responses: Sequence[str],
    definition: str,
    test: str | None = None,
    entry_point: str | None = None,
    assertions: Assert = None,
    timeout: float = 3,
    use_docker: UseDocker = True,
) -> dict[str, Any]:
    """How many answers to "complete this function" pass, or which one to take.

    Args:
        responses: what a model answered: a whole function (with or without prose and fences around
            it), or the rest of the definition. Text from ``def check(`` on is ignored.
        definition: signature and docstring, with what stands before them.
        test: code that defines ``check(candidate)``, as HumanEval has it, or any other test code.
        entry_point: the function's name; by default the last that the definition begins.
        assertions: assert statements, or a function that makes them: definition -> (text, dollars).
            Such a function is called only where there is a choice: for more than one response.
            Where there are none in the end, no response succeeds by them.
        timeout: seconds for each response.
        use_docker: as for ``execute_code``. False judges here, where nothing holds a response back.

    Returns:
        Without assertions: {"expected_success": 1 - (1 - passed/n)^n, "success": whether any
        passes}. With assertions: {"index_selected": the first response that keeps them, else the
        last, "succeed_assertions": whether one does, "success": whether the selected one passes the
        test (only where a test is given), "gen_cost": dollars, None where unknown, "assertions":
        their text, None where none were made}.

    Raises:
        NothingToJudge (a UsageError and ValueError): no responses, or neither test nor assertions.
        RuntimeError, SandboxError: see ``execute_code``.

    Behaves as FLAML's and AutoGen's function of this name, but for what was mended: a response
    cannot forge its verdict (by leaving early, by an answer that equals everything, by what it
    prints or patches); assertions given as a text count; no responses is an error; they are judged
    side by side.
    """
    if not responses:
        raise NothingToJudge("there are no responses to evaluate", "Ask for at least one.")
    if test is None and assertions is None:
        raise NothingToJudge(
            "neither a test nor assertions are given: nothing says which response is right",
            "Give test (and entry_point), or assertions.",
        )
    exam = _Exam(responses, definition, entry_point, timeout, use_docker)
    if assertions is None:
        return _how_many(exam, test or "")
    made: tuple[str | None, float | None] = (None, 0.0)
    if isinstance(assertions, str):
        made = (assertions, 0.0)
    elif len(responses) > 1:
        made = assertions(definition)
    return {**_which(exam, made[0], test), "gen_cost": made[1], "assertions": made[0]}


def _how_many(exam: "_Exam", test: str) -> dict[str, Any]:
    """How sure it is that one of so many responses passes the test."""
    passed, n = sum(exam.passed(_test(test, exam.entry))), len(exam.programs)
    return {"expected_success": 1 - math.pow(1 - passed / n, n), "success": passed > 0}


def _which(exam: "_Exam", text: str | None, test: str | None) -> dict[str, Any]:
    """The response that assertions choose, and whether it passes the test, if there is one."""
    n = len(exam.programs)
    kept = exam.passed(Assertions([text])) if text and text.strip() else [False] * n
    index = kept.index(True) if True in kept else n - 1
    found: dict[str, Any] = {"index_selected": index, "succeed_assertions": any(kept)}
    if test is not None:
        found["success"] = exam.passed(_test(test, exam.entry), index)[0]
    return found


def _test(test: str, entry: str) -> CheckFunction | Program:
    is_check = "def check(" in test and f"check({entry})" not in test
    return CheckFunction(test) if is_check else Program(test)


class _Exam:
    """Several responses to one definition."""

    def __init__(
        self,
        responses: Sequence[str],
        definition: str,
        entry_point: str | None,
        timeout: float,
        use_docker: UseDocker,
    ) -> None:
        self.entry = entry_point or entry_of(definition)
        solutions = [solution_of(text, definition, self.entry) for text in responses]
        self.programs = [program_of(text, definition, self.entry) for text in solutions]
        self.given = definition if is_program(definition) else ""
        self.limits = TaskLimits(seconds=float(timeout))
        self.open = opener(use_docker)

    def passed(
        self, tests: Assertions | CheckFunction | Program, only: int | None = None
    ) -> list[bool]:
        """Which responses pass, in their order."""
        task = Task(tests, self.entry, self.given, self.limits)
        chosen = self.programs if only is None else [self.programs[only]]
        jobs = [(task, Candidate(program)) for program in chosen]
        workers = min(_MOST_WORKERS, os.cpu_count() or 1)
        verdicts = judge_many(self.open, jobs, workers)
        for verdict in verdicts:
            if verdict.outcome == "harness_error":
                log.warning("a test could not be run: %s", verdict.detail[-500:])
        return [verdict.passed for verdict in verdicts]


def opener(use_docker: UseDocker) -> Callable[[], Any]:
    """What opens a sandbox for one worker."""
    if not use_docker:
        return lambda: LocalSandbox(LocalOptions(environment(), "pooled", values=False))
    engine = needed_engine()
    with connect(engine.endpoint, 1800) as client:
        image = first_image(client, wanted(use_docker))
    options = SandboxOptions(image, "pooled", SAMPLE, values=False)

    def opened() -> Any:
        sandbox: Fresh = DockerSandbox(engine, options)
        return sandbox

    return opened
