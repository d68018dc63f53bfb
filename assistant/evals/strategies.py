"""The ways of getting code from a model: as parts of a schema, in a fence, in a chat, by going on.

Each asks through a ``SampleModel``, which keeps every reply as an attempt, and puts the code into
the attempts that have some.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from assistant.evals.asking import SampleModel
from assistant.evals.chatting import chat, complaint_of
from assistant.evals.extracting import completion, ends, has_solution, program, solution
from assistant.evals.formatter import assembled
from assistant.evals.generated import GeneratedCode
from assistant.evals.in_files import Files
from assistant.evals.problems import Problem
from assistant.evals.strategy_context import Strategy, StrategyContext
from assistant.events import ModelError, Replied, Said
from assistant.model.structured import is_misfit
from assistant.prompts import prompt

BROKEN_REPLIES = 4
"""So many replies in a row that break off end a sample."""
FIRST_WAIT = 0.25
"""Seconds before the second try; each further one waits twice as long."""


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


def generate(
    strategy: Strategy, problem: Problem, asking: SampleModel, context: StrategyContext
) -> None:
    """Get the code of one sample into ``asking.attempts``.

    Raises:
        ModelError: the model cannot answer.
        Exhausted, Stopped: the run's budget is used up, or it is being ended.
    """
    _WAYS[strategy](problem, asking, context)


def _fence(problem: Problem, asking: SampleModel, context: StrategyContext) -> None:
    messages: list[Said | Replied] = [Said(context.asked(problem))]
    for number in range(context.tries):
        reply = _whole(asking, messages)
        found = solution(reply.text, problem) if reply.finish == "stop" else None
        if found is not None:
            context.put(asking, program(found, problem), context.tidied(found, problem, asking))
        last = number + 1 == context.tries
        complaint = None if last else complaint_of(context, asking)
        if complaint is None or not isinstance(problem.tests, Files):
            return
        again = prompt("eval_try_again", name=problem.tests.answer, complaint=complaint)
        messages += [reply, Said(again)]


def _complete(problem: Problem, asking: SampleModel, context: StrategyContext) -> None:
    reply = _whole(asking, [Said(context.asked(problem))])
    whole = reply.finish == "stop" or (reply.finish == "length" and ends(reply.text))
    code = completion(reply.text, problem) if whole else None
    if code is not None:
        context.put(asking, code, context.tidied(code, problem, asking))


def _structured(problem: Problem, asking: SampleModel, context: StrategyContext) -> None:
    messages: list[Said | Replied] = [Said(context.asked(problem))]
    for _ in range(context.repairs + 1):
        reply = _whole(asking, messages, GeneratedCode)
        if reply.finish == "stop":
            parts = GeneratedCode.model_validate_json(reply.text)
            code = assembled(parts)
            context.put(asking, program(code, problem), context.tidied(code, problem, asking))
            return
        if reply.finish != "broken":
            return
        messages += [reply, Said(prompt("eval_repair", complaint=reply.detail))]
    # It does not do schemas; code in words is code, too.
    asking.attempts[-1] = replace(asking.attempts[-1], finish="stop")
    if (found := has_solution(reply.text, problem)) is not None:
        context.put(asking, program(found, problem), context.tidied(found, problem, asking))


def _whole(asking: SampleModel, messages: Sequence[Said | Replied], schema: Any = None) -> Replied:
    """One reply to its end; one that breaks off is asked for again."""
    for times in range(BROKEN_REPLIES):
        asking.gate.pause(FIRST_WAIT * 2**times if times else 0.0, asking.purse)
        reply = asking.ask(messages, schema)
        if reply.finish != "broken" or is_misfit(reply.detail):
            return reply
    raise ModelError(f"{BROKEN_REPLIES} replies in a row broke off: {reply.detail}")


_WAYS: dict[Strategy, Callable[[Problem, SampleModel, StrategyContext], None]] = {
    "structured": _structured,
    "fence": _fence,
    "chat": chat,
    "complete": _complete,
}
