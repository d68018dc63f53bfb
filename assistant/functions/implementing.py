"""Functions written by a cascade of configurations, the first that passes generated assertions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assistant.code.fences import UNKNOWN, extract_code
from assistant.events import UsageError
from assistant.functions.completion import Response, added, ask, extract_text
from assistant.functions.constants import DEFAULT_MODEL
from assistant.functions.judging import Assert, Made, eval_function_completions
from assistant.functions.request import cheap
from assistant.functions.solutions import entry_of, solution_of
from assistant.prompts import prompt
from assistant.settings import load_settings

_TOKENS = 256
_MORE_TOKENS = 4096
"""Where a model has thought its way through the first allowance and written nothing."""


def generate_assertions(definition: str, **config: Any) -> Made:
    """Ask a model for assert statements, one for each example in a docstring.

    Args:
        definition: signature and docstring.
        config: as for ``create`` in ``assistant.functions.completion``; a ``prompt`` may have the
            field definition. 256 tokens, up to a blank line, unless it says otherwise.

    Returns:
        The statements; and the cost in dollars, None where it is not known.

    Raises:
        ModelError: no model answered. UsageError: the configuration cannot be meant.
    """
    values = {"definition": definition}
    default = prompt("generate_assertions", **values)
    defaults = {"model": cheap(_settings()), "max_tokens": _TOKENS, "stop": "\n\n"}
    response = ask(values, default, defaults, config)
    cost = response["cost"]
    text = _assertions(response)
    cut = response["choices"][0]["finish_reason"] == "length"
    if cut and not text.strip() and not {"max_tokens", "max_completion_tokens"} & set(config):
        response = ask(values, default, {**defaults, "max_tokens": _MORE_TOKENS}, config)
        text, cost = _assertions(response), added(cost, response["cost"])
    return text, cost


def _assertions(response: Response) -> str:
    text = extract_text(response)[0]
    blocks = [code for lang, code in extract_code(text) if lang != UNKNOWN]
    return "\n".join(blocks) or text


class PassAssertionFilter:
    """Accepts a response in which one of the answers keeps the assertions.

    ``cost`` is dollars spent on making assertions so far (None where unknown), ``metrics`` what
    ``eval_function_completions`` said of the last response, ``responses`` its solutions.
    """

    def __init__(self, assertions: Assert) -> None:
        self._assertions = assertions
        self.cost: float | None = 0.0
        self.metrics: dict[str, Any] | None = None
        self.responses: list[str] | None = None

    def pass_assertions(self, context: Mapping[str, Any], response: object, **_: object) -> bool:
        """Whether a response will do; ``context`` holds the definition.

        Assertions that are made once are kept for the responses that follow.
        """
        definition = str(context["definition"])
        entry = entry_of(definition)
        texts = extract_text(response)
        metrics = eval_function_completions(texts, definition, assertions=self._assertions)
        if isinstance(metrics["assertions"], str):
            self._assertions = metrics["assertions"]
        self.cost = added(self.cost, metrics["gen_cost"])
        self.metrics = metrics
        self.responses = [solution_of(text, definition, entry) for text in texts]
        return bool(metrics["succeed_assertions"])


def implement(
    definition: str | Mapping[str, Any],
    configs: Sequence[Mapping[str, Any]] | None = None,
    assertions: str | Callable[[str], Made] = generate_assertions,
) -> tuple[str, float | None, int]:
    """Implement a function by the first configuration whose answer keeps the assertions.

    Args:
        definition: signature and docstring, with what stands before them; or a dict with these as
            "definition" and what else the prompts of the configurations use.
        configs: as for ``create`` in ``assistant.functions.completion``, cheapest first; those
            without a prompt or messages get ours. Default: the fast model once without chance,
            then seven times with; then the stronger one once, twice and once more.
        assertions: their text, or what makes them. That is called where there is something to
            choose from: more than one configuration or answer.

    Returns:
        The solution: a whole function, or the rest of the definition, as the model gave it; the
        cost in dollars of all that was asked, None where unknown; the index of the configuration.
        When none keeps the assertions: the last answer, and its index.

    Raises:
        ModelError: no model answered. UsageError: a configuration cannot be meant. RuntimeError: no
            container engine answers, which judges the answers.
    """
    context = dict(definition) if isinstance(definition, Mapping) else {"definition": definition}
    if not isinstance(context.get("definition"), str):
        raise UsageError("the definition must be a text, or a dict with one as 'definition'")
    chosen = list(configs) if configs is not None else cascade()
    if not chosen:
        raise UsageError("configs is empty", "Leave it out, or name a configuration.")
    cost: float | None = 0.0
    if callable(assertions) and len(chosen) > 1:
        assertions, cost = assertions(context["definition"])
    judge = PassAssertionFilter(assertions)
    default = prompt("implement", definition=context["definition"])
    asked = {"config_list": chosen, "filter_func": judge.pass_assertions}
    response = ask(context, default, {}, asked)
    assert judge.responses is not None
    assert judge.metrics is not None
    cost = added(cost, added(judge.cost, response["cost"]))
    return judge.responses[judge.metrics["index_selected"]], cost, int(response["config_id"])


def cascade() -> list[dict[str, Any]]:
    """The usual configurations of ``implement``; the user's own model, where one is set, in all."""
    settings = _settings()
    fast, strong = cheap(settings), settings.model or DEFAULT_MODEL
    return [
        {"model": fast, "temperature": 0},
        {"model": fast, "temperature": 1, "n": 7},
        {"model": strong, "temperature": 0},
        {"model": strong, "temperature": 1, "n": 2},
        {"model": strong, "temperature": 1, "prompt": _careful},
    ]


def _careful(context: Mapping[str, Any]) -> str:
    return prompt("implement_carefully", definition=context["definition"])


def _settings() -> Any:
    return load_settings({"ignore_project": True})
