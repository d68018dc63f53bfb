"""Asks the models of a list of configurations, in order, until an answer will do."""

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assistant.events import Event, ModelError, Notice, Retrying, UsageError
from assistant.functions.cache import AnswerCache
from assistant.functions.paying import Completing, completed
from assistant.functions.request import Request, opened, read_request
from assistant.functions.templates import Context
from assistant.settings import Settings, load_settings

log = logging.getLogger("assistant.functions")

Config = Mapping[str, Any]
Response = dict[str, Any]
Filter = Callable[..., bool]
Opener = Callable[[Request, Settings], Completing]


class UnknownPriceWarning(UserWarning):
    """What a model costs is not known, so that a cost is None. Said once for each model."""


_warned: set[tuple[str, str]] = set()


def create(context: Context | None = None, **config: Any) -> Response:
    """Answers to one prompt, in the shape of Chat Completions.

    Args:
        context: fills the ``{name}`` fields of ``prompt`` or of the ``messages``.
        config: what Chat Completions takes (model, messages, n, temperature, max_tokens, stop,
            seed, timeout in seconds, ...) or ``prompt`` in place of messages; ``api_key``,
            ``base_url``; ``config_list``, configurations that are laid over these in turn;
            ``filter_func(context=, base_config=, response=)``, False sends the next one;
            ``purse`` (a ``assistant.purse.Purse``), what all calls that it is given to may use;
            ``opener(request, settings)``, what opens a request's model in our place;
            ``cache_seed`` (else ``seed``) to remember answers by, ``cache_path_root`` where.

    Returns:
        A dict with model, choices (message.content, finish_reason), usage, and besides these
        cost (dollars for all that was asked, None where a price is unknown), config_id (in the
        list) and pass_filter. When all configurations are refused: the last answer, with
        pass_filter False. An answer from the cache has the cost that it had when it was made.

    Raises:
        ModelError: no configuration was answered; the error of the last one.
        UsageError: a configuration cannot be meant.
        Exhausted: the purse has no room for the next call.
    """
    asked, configs, accept = _split(config)
    settings = load_settings({"ignore_project": True})
    spent: float | None = 0.0
    response: Response | None = None
    failed: ModelError | None = None
    for index, one in enumerate(configs):
        whole = {**asked, **one}
        try:
            answer = _answered(read_request(whole, context, settings), whole, settings)
        except ModelError as error:
            log.info("configuration %s: %s", index, error.message)
            failed = error
            continue
        response = {**answer, "config_id": index, "pass_filter": True}
        spent = added(spent, answer["cost"])
        if accept is not None:
            passed = accept(context=context, base_config=dict(one), response=response)
            response["pass_filter"] = bool(passed)
        if response["pass_filter"]:
            break
    if response is None:
        assert failed is not None
        raise failed
    response["cost"] = spent
    return response


def ask(values: Context, default: str, defaults: Config, config: Config) -> Response:
    """``create`` with a prompt of ours, ``default``, where ``config`` brings none of its own.

    ``values`` are the context of a prompt of the caller's, with what their own ``context`` adds.
    """
    context = {**values, **(config.get("context") or {})}
    rest = {key: value for key, value in config.items() if key != "context"}
    if "request_timeout" in rest:
        defaults = {key: value for key, value in defaults.items() if key != "timeout"}
    return create(context, **{"prompt": lambda _: default, **defaults, **rest})


def _split(config: Config) -> tuple[Config, Sequence[Config], Filter | None]:
    """What all configurations share, the configurations, and who judges an answer."""
    asked = {k: v for k, v in config.items() if k not in ("config_list", "filter_func", "context")}
    configs = config.get("config_list")
    if configs is None:
        configs = [{}]
    if not isinstance(configs, Sequence) or not all(isinstance(one, Mapping) for one in configs):
        raise UsageError("config_list must be a list of dicts")
    if not configs:
        raise UsageError("config_list is empty", "Leave it out, or name a configuration.")
    return asked, configs, config.get("filter_func")


def _answered(request: Request, config: Config, settings: Settings) -> Response:
    if request.cache_seed is None:
        return _asked(request, settings, config)
    cache = AnswerCache(config.get("cache_path_root"))
    kept = cache.get(request.key)
    if kept is None or not is_response(kept):
        kept = _asked(request, settings, config)
        if all(choice["finish_reason"] in ("stop", "length") for choice in kept["choices"]):
            cache.keep(request.key, kept)
    return kept


def _asked(request: Request, settings: Settings, config: Config) -> Response:
    open_model: Opener = config.get("opener") or opened
    done = completed(open_model(request, settings), request, config.get("purse"), _tell)
    cost: float | None
    if request.price:
        prompt, completion = request.price
        cost = (done.usage.prompt * prompt + done.usage.completion * completion) / 1000
    else:
        cost = None if done.usage.cost is None else float(done.usage.cost)
    if cost is None:
        _warn_once(request)
    choices = [
        {"index": i, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        for i, (text, finish) in enumerate(zip(done.texts, done.finishes, strict=True))
    ]
    usage = {
        "prompt_tokens": done.usage.prompt,
        "completion_tokens": done.usage.completion,
        "total_tokens": done.usage.total,
    }
    return {"model": request.model, "choices": choices, "usage": usage, "cost": cost}


def _tell(event: Event) -> None:
    if isinstance(event, Retrying):
        log.info("waiting %.0f s: %s", event.seconds, event.why)
    elif isinstance(event, Notice):
        log.info("%s", event.text)


def _warn_once(request: Request) -> None:
    which = (request.base_url, request.model)
    if which not in _warned:
        _warned.add(which)
        warnings.warn(
            f"what {request.model} costs is not known, so the cost is None; give price=[dollars for"
            " 1000 tokens of prompt, of completion], or a table of prices in the settings",
            UnknownPriceWarning,
            stacklevel=5,
        )


def added(one: float | None, other: float | None) -> float | None:
    """The sum of two costs; unknown where one is."""
    return None if one is None or other is None else one + other


def extract_text(response: object) -> list[str]:
    """The texts of a response of Chat Completions or the older Completions, dict or object."""
    choices = _part(response, "choices")
    if not isinstance(choices, Sequence):
        raise UsageError("a response without choices holds no text")
    texts: list[str] = []
    for choice in choices:
        message = _part(choice, "message")
        text = _part(choice, "text") if message is None else _part(message, "content")
        texts.append(text if isinstance(text, str) else "")
    return texts


def is_response(response: object) -> bool:
    """Whether a dict that was kept is what ``create`` keeps."""
    choices = _part(response, "choices")
    cost = _part(response, "cost")
    return (
        isinstance(choices, list)
        and all(isinstance(_part(_part(c, "message"), "content"), str) for c in choices)
        and (cost is None or isinstance(cost, int | float))
    )


def _part(thing: object, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
