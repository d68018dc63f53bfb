"""The examples that a task shows to everyone, as the check of a chat: never its hidden tests."""

import ast
import doctest
from collections.abc import Callable, Generator
from dataclasses import dataclass

from assistant.evals.problems import Problem
from assistant.evals.python_text import parsed
from assistant.events import Asked, Checked, Checking, CodeBlock, Notice, Output
from assistant.protocols import Executor

_NAME = "the examples of the task"
_DOCTESTS = """
def _examples():
    import doctest
    text = {text!r}
    found = doctest.DocTestParser().get_doctest(text, globals(), "examples", "examples", 0)
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert not runner.run(found).failed, "examples failed"
_examples()
"""


def examples(problem: Problem) -> str:
    """A program that runs the examples in the task's text; empty where it shows none.

    They are what stands behind ``>>>`` and lines that begin with ``assert``.
    """
    tree = parsed(problem.prompt) or parsed(problem.prompt + "\n    pass\n")
    if tree is None:
        return ""
    holders = (ast.Module, ast.FunctionDef, ast.ClassDef)
    texts = [ast.get_docstring(n) or "" for n in ast.walk(tree) if isinstance(n, holders)]
    doctests = [text for text in texts if _has_examples(text)]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    asserts = [line for line in lines if line.startswith("assert ") and parsed(line)]
    programs = [_DOCTESTS.format(text=text) for text in doctests]
    return "\n".join([*programs, *asserts])


def _has_examples(text: str) -> bool:
    try:
        return bool(doctest.DocTestParser().get_examples(text))
    except ValueError:
        return False


@dataclass(frozen=True)
class ExampleCheck:
    """Passes when the latest solution meets the task's own examples, in the chat's sandbox."""

    tests: str
    latest: Callable[[], str | None]
    executor: Executor
    command: str = _NAME

    def run(
        self, seconds: float, /
    ) -> Generator[Checking | Output | Notice | Asked, None, Checked]:
        yield Checking(self.command)
        code = self.latest()
        if code is None:
            return Checked(False, self.command, 1, detail="no reply has the function in a block")
        block = CodeBlock("python", f"{code}\n\n{self.tests}\n")
        result = yield from self.executor.run(block, seconds)
        detail = "" if result.ok else "an example does not hold"
        return Checked(
            result.ok, self.command, result.exit_code, result.output, detail, result.seconds
        )
