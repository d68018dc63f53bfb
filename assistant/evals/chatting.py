"""The strategy ``chat``: the assistant's own loop, for one sample of a task.

A function is tried out on the examples that everyone sees. An exercise is a file in a folder that
the model edits; its tests stay outside. With further tries they are run between them, and the
model is told what they said.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from assistant.budget import Budget, Exhausted
from assistant.chat import Chat
from assistant.evals.asking import SampleModel
from assistant.evals.examples import ExampleCheck, examples
from assistant.evals.extracting import has_solution, program
from assistant.evals.in_files import Files
from assistant.evals.problems import Problem
from assistant.evals.strategy_context import SandboxFolder, StrategyContext
from assistant.events import ModelError, Said, UsageError
from assistant.feedback import quoted
from assistant.prompts import prompt
from assistant.protocols import Check, Executor, Terms
from assistant.purse import Stopped

LARGEST = 1 << 20
"""Bytes of the file of an exercise, at most."""
_CHANCE = re.compile(
    r" \(\d[\d.]* m?s\)|^Time: .*$| in \d[\d.]*s$|(?<=/exam-)\w{6}(?=/first\.js:)", re.MULTILINE
)
"""How long tests took, and the name of a folder: what differs each time. A recording of a run must
ask the same again."""


def chat(problem: Problem, asking: SampleModel, context: StrategyContext) -> None:
    """Talk about a function until it meets its examples; or about an exercise, until its end."""
    if isinstance(problem.tests, Files):
        _edit(problem, problem.tests, asking, context)
        return
    tests = examples(problem)
    system = prompt("eval_chat", seconds=f"{context.block_seconds:g}")

    def check(executor: Executor) -> Check | None:
        if not tests:
            return None
        return ExampleCheck(tests, lambda: _latest(asking, problem), executor)

    with _opened(asking, context, system, check) as (say, _):
        say(context.asked(problem))
    for place, attempt in enumerate(asking.attempts):
        found = has_solution(attempt.reply, problem) if attempt.finish == "stop" else None
        if found is not None:
            tidy = context.tidied(found, problem, asking)
            asking.attempts[place] = replace(attempt, code=program(found, problem), formatted=tidy)


def _edit(problem: Problem, files: Files, asking: SampleModel, context: StrategyContext) -> None:
    """The file as the model leaves it is the code of its last reply, of each try."""
    name = files.answer
    seconds = f"{context.block_seconds:g}"
    system = prompt("eval_edit", name=name, language=problem.language, seconds=seconds)
    with _opened(asking, context, system) as (say, executor):
        if not isinstance(executor, SandboxFolder):
            raise UsageError("an exercise is edited in a sandbox with a folder")
        there = {path: text.encode() for path, text in files.beginning.items()}
        executor.write(there, problem.task_id)
        asked = context.asked(problem)
        for number in range(context.tries):
            if number:
                complaint = complaint_of(context, asking)
                if complaint is None:
                    return
                asked = prompt("eval_edit_again", name=name, complaint=complaint)
            before = len(asking.attempts)
            say(asked)
            if len(asking.attempts) == before:
                return
            code = _left(executor, name, there[name]) or _latest(asking, problem)
            context.put(asking, code)


def complaint_of(context: StrategyContext, asking: SampleModel) -> str | None:
    """What the tests said of the last attempt; None where they are met or could not be run."""
    code = asking.attempts[-1].code
    if code is None or context.judge is None:
        return None
    verdict = context.judge(code)
    if verdict.passed or verdict.outcome == "harness_error":
        return None
    said = _CHANCE.sub("", verdict.detail).strip() or verdict.label
    return quoted(said, "")


def _left(folder: SandboxFolder, name: str, stub: bytes) -> str | None:
    """The file as it is now; None where it is gone, or as it was."""
    try:
        data = folder.read(name, LARGEST)
    except UsageError:
        return None
    return None if data == stub else data.decode("utf-8", "replace")


@contextmanager
def _opened(
    asking: SampleModel,
    context: StrategyContext,
    system: str,
    check: Callable[[Executor], Check | None] = lambda executor: None,
) -> Iterator[tuple[Callable[[str], None], Any]]:
    """A conversation in a sandbox of its own: what says something in it, and the sandbox."""
    if context.open_executor is None:
        raise UsageError("a chat needs a sandbox for what it runs")
    with context.open_executor() as executor:
        budget = Budget(context.turns, None, None, None, 4 * context.turns)
        terms = Terms(budget, None, check(executor), context.block_seconds, context.block_seconds)
        watched = _Watched(asking)
        talk = Chat(watched, executor, terms)
        talk.pour(Said(system, "system"))

        def say(words: str) -> None:
            ending = talk.say(words)
            if watched.ended is not None:
                raise watched.ended
            if ending.status == "sandbox-error":
                raise ModelError(f"the chat's sandbox failed: {ending.detail}")
            if ending.status == "interrupted":
                raise Stopped

        yield say, executor


class _Watched:
    """A chat's model; what ends the whole run is kept, since the loop ends turns with it."""

    def __init__(self, asking: SampleModel) -> None:
        self._asking = asking
        self.name, self.max_reply = asking.name, asking.max_reply
        self.count, self.cost = asking.count, asking.cost
        self.ended: Exhausted | ModelError | None = None

    def reply(
        self, messages: Any, /, *, max_tokens: int, seconds: float, schema: Any = None
    ) -> Any:
        try:
            return (yield from self._asking.reply(messages, max_tokens=max_tokens, seconds=seconds))
        except (Exhausted, ModelError) as error:
            self.ended = error
            raise


def _latest(asking: SampleModel, problem: Problem) -> str | None:
    """The program of the last reply that has one."""
    for attempt in reversed(asking.attempts):
        found = has_solution(attempt.reply, problem) if attempt.finish == "stop" else None
        if found is not None:
            return program(found, problem)
    return None
