"""What is judged: a task with its tests, a solution, and the verdict about it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Outcome = Literal[
    "passed",
    "wrong_answer",
    "runtime_error",
    "syntax_error",
    "missing_entry_point",
    "timeout",
    "out_of_memory",
    "process_limit",
    "exit_before_verdict",
    "crash",
    "no_code_in_reply",
    "harness_error",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class CheckFunction:
    """Code that defines ``check(candidate)``, as HumanEval has it."""

    code: str


@dataclass(frozen=True, slots=True)
class Assertions:
    """Statements that use the solution's names, run one after the other, as MBPP has them."""

    lines: Sequence[str]
    setup: str = ""
    """Imports that the statements need."""


@dataclass(frozen=True, slots=True)
class Program:
    """Test code of any shape; classes derived from ``unittest.TestCase`` in it are run."""

    code: str


@dataclass(frozen=True, slots=True)
class Cases:
    """Arguments to call the entry point with; what is right comes from a reference solution.

    Equal, or close by ``atol`` (floats always by at least 1e-6). ``oracle`` is code that defines
    ``oracle(arguments, answer, expected) -> bool``, for tasks with several right answers.
    """

    inputs: Sequence[Sequence[Any]]
    """Plain values and standard containers of them."""
    reference: str
    atol: float = 0.0
    oracle: str = ""


Tests = CheckFunction | Assertions | Program | Cases


@dataclass(frozen=True, slots=True)
class TaskLimits:
    """Seconds for loading and all tests together; bytes of memory for each process."""

    seconds: float = 10.0
    memory: int = 2 << 30


@dataclass(frozen=True, slots=True)
class Task:
    """``definition`` is the code that the task itself gives: what it defines is trusted, and tests
    use it in place of the solution's own (but for the entry point)."""

    tests: Tests
    entry_point: str = ""
    """May be empty where the tests name what they use."""
    definition: str = ""
    limits: TaskLimits = field(default_factory=TaskLimits)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A whole program. None: the reply had no code."""

    code: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a solution. Only ``passed`` says that all tests ran and were met."""

    outcome: Outcome
    detail: str = ""
    """The failing line of the tests, the traceback, the reason; may show expected values."""
    kind: str = ""
    """The exception's type of a runtime_error, the signal of a crash."""
    input: str = ""
    """The last call before the failure and its answer, for people to read."""
    output: str = ""
    """The start of what the solution printed."""
    seconds: float = 0.0
    calls: int = 0

    @property
    def passed(self) -> bool:
        return self.outcome == "passed"

    @property
    def label(self) -> str:
        """The class with its type: ``runtime_error(ValueError)``."""
        return f"{self.outcome}({self.kind})" if self.kind else self.outcome


def digest(task: Task, candidate: Candidate, image: str) -> str:
    """The same for what must get the same verdict: task, tests, limits, code and image."""
    # Reprs tell tuples, lists and sets apart, which JSON would not.
    parts = (repr(task), candidate.code, image)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
