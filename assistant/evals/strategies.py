"""The ways of getting code from a model: as parts of a schema, in a fence, in a chat, by going on.

Each asks through an ``Asking``, which keeps every reply as an attempt, and puts the code into the
attempts that have some.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from string import Template
from typing import Any, Literal, Protocol, get_args

from assistant.budget import Budget, Exhausted
from assistant.chat import Chat
from assistant.evals.asking import Asking
from assistant.evals.examples import ExampleCheck, examples
from assistant.evals.extracting import completion, ends, has_solution, program, solution
from assistant.evals.formatter import CodeFormatter, assembled
from assistant.evals.generated import GeneratedCode
from assistant.evals.problems import Problem
from assistant.events import ModelError, Replied, Said, UsageError
from assistant.model.structured import is_misfit
from assistant.prompts import prompt
from assistant.protocols import Executor, Terms
from assistant.purse import Stopped

Strategy = Literal["structured", "fence", "chat", "complete"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
LANGUAGES = {"python": "Python", "javascript": "JavaScript"}
BROKEN_REPLIES = 4
"""So many replies in a row that break off end a sample."""
FIRST_WAIT = 0.25
"""Seconds before the second try; each further one waits twice as long."""


class Sandboxes(Protocol):
    """Opens what the blocks of one chat run in."""

    def __call__(self) -> AbstractContextManager[Executor]: ...


@dataclass(frozen=True)
class Means:
    """What a strategy works with."""

    template: str
    formatter: CodeFormatter | None = None
    repairs: int = 2
    """How often a structured reply that does not fit is asked for again."""
    turns: int = 8
    """Replies of a chat at most."""
    block_seconds: float = 30.0
    open_executor: Sandboxes | None = None

    def asked(self, problem: Problem) -> str:
        return Template(self.template).safe_substitute(
            prompt=problem.prompt, language=LANGUAGES.get(problem.language, problem.language)
        )

    def put(self, asking: Asking, code: str | None, formatted: str | None = None) -> None:
        """Give the last attempt its code."""
        last = asking.attempts[-1]
        asking.attempts[-1] = replace(last, code=code, formatted=formatted)

    def tidied(self, code: str, problem: Problem, asking: Asking) -> str | None:
        """The program of a solution after formatting; None without a formatter."""
        if self.formatter is None:
            return None
        with asking.trace.span("format", asking.key, {"code": code}) as span:
            tidy = self.formatter.lint_code(self.formatter.add_imports(code))
            span.outputs["code"] = after = program(tidy, problem)
        return after


def default_template(strategy: Strategy) -> str:
    """The prompt of a strategy, with ``$prompt`` in the place of the task's own."""
    match strategy:
        case "structured":
            return prompt("eval_structured", prompt="$prompt")
        case "fence":
            return prompt("eval_fence", prompt="$prompt", language="$language")
        case "complete":
            return prompt("eval_complete", prompt="$prompt", language="$language")
        case "chat":
            return "$prompt"


def generate(strategy: Strategy, problem: Problem, asking: Asking, means: Means) -> None:
    """Get the code of one sample into ``asking.attempts``.

    Raises:
        ModelError: the model cannot answer.
        Exhausted, Stopped: the run's budget is used up, or it is being ended.
    """
    _WAYS[strategy](problem, asking, means)


def _fence(problem: Problem, asking: Asking, means: Means) -> None:
    reply = _whole(asking, [Said(means.asked(problem))])
    found = solution(reply.text, problem) if reply.finish == "stop" else None
    if found is not None:
        means.put(asking, program(found, problem), means.tidied(found, problem, asking))


def _complete(problem: Problem, asking: Asking, means: Means) -> None:
    reply = _whole(asking, [Said(means.asked(problem))])
    whole = reply.finish == "stop" or (reply.finish == "length" and ends(reply.text))
    code = completion(reply.text, problem) if whole else None
    if code is not None:
        means.put(asking, code, means.tidied(code, problem, asking))


def _structured(problem: Problem, asking: Asking, means: Means) -> None:
    messages: list[Said | Replied] = [Said(means.asked(problem))]
    for _ in range(means.repairs + 1):
        reply = _whole(asking, messages, GeneratedCode)
        if reply.finish == "stop":
            parts = GeneratedCode.model_validate_json(reply.text)
            code = assembled(parts)
            means.put(asking, program(code, problem), means.tidied(code, problem, asking))
            return
        if reply.finish != "broken":
            return
        messages += [reply, Said(prompt("eval_repair", complaint=reply.detail))]
    # It does not do schemas; code in words is code, too.
    asking.attempts[-1] = replace(asking.attempts[-1], finish="stop")
    if (found := has_solution(reply.text, problem)) is not None:
        means.put(asking, program(found, problem), means.tidied(found, problem, asking))


def _chat(problem: Problem, asking: Asking, means: Means) -> None:
    if means.open_executor is None:
        raise UsageError("a chat needs a sandbox for what it runs")
    tests = examples(problem)
    with means.open_executor() as executor:
        check = ExampleCheck(tests, lambda: _latest(asking, problem), executor) if tests else None
        budget = Budget(means.turns, None, None, None, 4 * means.turns)
        terms = Terms(budget, None, check, means.block_seconds, means.block_seconds)
        watched = _Watched(asking)
        chat = Chat(watched, executor, terms)
        chat.pour(Said(prompt("eval_chat", seconds=f"{means.block_seconds:g}"), "system"))
        ending = chat.say(means.asked(problem))
    if watched.ended is not None:
        raise watched.ended
    if ending.status == "sandbox-error":
        raise ModelError(f"the chat's sandbox failed: {ending.detail}")
    if ending.status == "interrupted":
        raise Stopped
    for place, attempt in enumerate(asking.attempts):
        found = has_solution(attempt.reply, problem) if attempt.finish == "stop" else None
        if found is not None:
            tidy = means.tidied(found, problem, asking)
            asking.attempts[place] = replace(attempt, code=program(found, problem), formatted=tidy)


class _Watched:
    """A chat's model; what ends the whole run is kept, since the loop ends turns with it."""

    def __init__(self, asking: Asking) -> None:
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


def _latest(asking: Asking, problem: Problem) -> str | None:
    """The program of the last reply that has one."""
    for attempt in reversed(asking.attempts):
        found = has_solution(attempt.reply, problem) if attempt.finish == "stop" else None
        if found is not None:
            return program(found, problem)
    return None


def _whole(asking: Asking, messages: Sequence[Said | Replied], schema: Any = None) -> Replied:
    """One reply to its end; one that breaks off is asked for again."""
    for times in range(BROKEN_REPLIES):
        asking.gate.pause(FIRST_WAIT * 2**times if times else 0.0, asking.purse)
        reply = asking.ask(messages, schema)
        if reply.finish != "broken" or is_misfit(reply.detail):
            return reply
    raise ModelError(f"{BROKEN_REPLIES} replies in a row broke off: {reply.detail}")


_WAYS: dict[Strategy, Callable[[Problem, Asking, Means], None]] = {
    "structured": _structured,
    "fence": _fence,
    "chat": _chat,
    "complete": _complete,
}
