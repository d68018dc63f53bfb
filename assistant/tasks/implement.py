"""Filling a function: a cascade of models, until an answer passes its assertions and check."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from assistant.code.filling import NoFit, Stub
from assistant.functions.completion import added, ask, extract_text
from assistant.functions.execute import UseDocker
from assistant.functions.implementing import cascade, generate_assertions
from assistant.functions.judging import eval_function_completions
from assistant.functions.solutions import program_of, solution_of
from assistant.prompts import prompt

Tell = Callable[[str], None]
Accept = Callable[[str], bool]
"""Whether a program that defines the function will do. Raises NoFit where it does not fit."""


@dataclass(frozen=True, slots=True)
class Implemented:
    """Which configuration was taken, from 0, None if no answer would do; ``cost`` in dollars."""

    index: int | None
    cost: float | None
    assertions: str
    detail: str = ""


def implement_function(
    stub: Stub, accept: Accept, use_docker: UseDocker, tell: Tell, served: Mapping[str, Any]
) -> Implemented:
    """Ask the usual configurations, cheapest first, until an answer passes.

    ``served`` says which model, base_url and api_key, where the usual ones are not meant, and may
    hold the ``purse`` that all calls are paid from.
    An answer has to keep the assertions that a model made of the docstring, if it made any, and
    then to be accepted. Raises ModelError, SandboxError, UsageError, and RuntimeError where no
    engine answers, and Exhausted where the purse has no room for the next call.
    """
    assertions, cost = generate_assertions(stub.definition, **served)
    count = sum(line.lstrip().startswith("assert") for line in assertions.splitlines())
    tell(_made(count))
    # What asserts nothing could be kept by no answer.
    trial = _Trial(stub, accept, use_docker, tell, assertions.strip() if count else "")
    default = prompt("implement", definition=stub.definition)
    configs = [{**config, **served} for config in cascade()]
    asked = {"config_list": configs, "filter_func": trial.passes}
    response = ask({"definition": stub.definition}, default, {}, asked)
    cost = added(cost, response["cost"])
    index = int(response["config_id"]) if trial.accepted else None
    return Implemented(index, cost, assertions, trial.why)


def _made(count: int) -> str:
    if not count:
        return "no assertion was made from the docstring"
    made = "1 assertion was" if count == 1 else f"{count} assertions were"
    return f"{made} made from the docstring; a solution has to keep them"


class _Trial:
    """The answers so far; ``why`` the last one would not do."""

    def __init__(
        self, stub: Stub, accept: Accept, use_docker: UseDocker, tell: Tell, assertions: str
    ) -> None:
        self.stub, self.accept, self.use_docker, self.tell = stub, accept, use_docker, tell
        self.assertions = assertions
        self.accepted, self.why = False, ""

    def passes(self, context: Mapping[str, Any], response: object, **_: object) -> bool:
        """Whether an answer of a response will do."""
        self.why = self.fault([text for text in extract_text(response) if text.strip()])
        self.accepted = not self.why
        if self.why:
            self.tell(f"an answer was not taken: {self.why}")
        return self.accepted

    def fault(self, texts: list[str]) -> str:
        """Why none of the answers will do, "" if one does, which then was accepted."""
        why = "it is empty"
        while texts:
            chosen = self.keeps(texts)
            if chosen is None:
                return why if why != "it is empty" else "it does not keep the assertions"
            definition, entry = self.stub.definition, self.stub.name
            solution = solution_of(texts[chosen], definition, entry)
            try:
                if self.accept(program_of(solution, definition, entry)):
                    return ""
                why = "the check fails"
            except NoFit as error:
                why = str(error)
            texts = [text for text in texts[chosen + 1 :] if text not in texts[: chosen + 1]]
        return why

    def keeps(self, texts: list[str]) -> int | None:
        """The first answer that keeps the assertions, None if none does."""
        if not self.assertions:
            return 0
        metrics = eval_function_completions(
            texts,
            self.stub.definition,
            entry_point=self.stub.name,
            assertions=self.assertions,
            use_docker=self.use_docker,
        )
        return int(metrics["index_selected"]) if metrics["succeed_assertions"] else None
