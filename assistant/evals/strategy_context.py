"""What a strategy is handed to work with: the prompt, a formatter, limits, a sandbox, a judge."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from string import Template
from typing import Literal, Protocol, get_args, runtime_checkable

from assistant.evals.asking import SampleModel
from assistant.evals.extracting import program
from assistant.evals.formatter import CodeFormatter
from assistant.evals.problems import Problem
from assistant.protocols import Executor
from assistant.verdicts.task import Verdict

Strategy = Literal["structured", "fence", "chat", "complete"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
LANGUAGES = {
    "python": "Python",
    "javascript": "JavaScript",
    "cpp": "C++",
    "go": "Go",
    "java": "Java",
    "rust": "Rust",
}


class Sandboxes(Protocol):
    """Opens what the blocks of one chat run in."""

    def __call__(self) -> AbstractContextManager[Executor]: ...


@runtime_checkable
class SandboxFolder(Protocol):
    """A sandbox with a folder whose files can be given and taken."""

    def write(self, files: Mapping[str, bytes], title: str) -> str: ...
    def read(self, path: str, most: int) -> bytes: ...


@dataclass(frozen=True)
class StrategyContext:
    """What a strategy works with."""

    template: str
    formatter: CodeFormatter | None = None
    repairs: int = 2
    """How often a structured reply that does not fit is asked for again."""
    turns: int = 8
    """Replies of a chat at most."""
    block_seconds: float = 30.0
    open_executor: Sandboxes | None = None
    tries: int = 1
    """Answers to an exercise at most, each after what its tests said of the one before."""
    judge: Callable[[str], Verdict] | None = None
    """Runs the task's tests on a program; used between tries alone."""

    def asked(self, problem: Problem) -> str:
        return Template(self.template).safe_substitute(
            prompt=problem.prompt, language=LANGUAGES.get(problem.language, problem.language)
        )

    def put(self, asking: SampleModel, code: str | None, formatted: str | None = None) -> None:
        """Give the last attempt its code."""
        last = asking.attempts[-1]
        asking.attempts[-1] = replace(last, code=code, formatted=formatted)

    def tidied(self, code: str, problem: Problem, asking: SampleModel) -> str | None:
        """The program of a solution after formatting; None without a formatter."""
        if self.formatter is None:
            return None
        with asking.trace.span("format", asking.key, {"code": code}) as span:
            tidy = self.formatter.lint_code(self.formatter.add_imports(code))
            span.outputs["code"] = after = program(tidy, problem)
        return after
