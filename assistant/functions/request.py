"""One configuration of a completion, read: whom it asks, what for, and what it is known by."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.events import UsageError
from assistant.functions.constants import DEFAULT_MODEL, FAST_MODEL
from assistant.functions.templates import Context, messages_of

if TYPE_CHECKING:
    from assistant.model.openai_model import OpenAIModel
    from assistant.model.options import Params
    from assistant.settings import Settings

_OURS = frozenset(
    {
        *("model", "prompt", "messages", "n", "max_tokens", "max_completion_tokens", "temperature"),
        *("stop", "seed", "timeout", "request_timeout", "api_key", "base_url", "api_base"),
        *("api_type", "api_version", "price", "tags", "stream", "cache_seed", "use_cache"),
        *("cache_path_root", "cache", "context", "config_list", "filter_func", "purse"),
        "opener",
        *("allow_format_str_template", "raise_on_ratelimit_or_timeout", "retry_wait_time"),
        *("retry_timeout", "max_retry_period"),
    }
)
"""What is read here or means nothing to a server; all else is sent as it is."""
_SERVERS = (None, "", "openai", "open_ai")


@dataclass(frozen=True)
class Request:
    """What one configuration asks for. ``n`` is how many answers."""

    model: str
    messages: list[dict[str, Any]]
    base_url: str
    api_key: str = field(repr=False)
    n: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)
    """For ``OpenAIModel.complete``."""
    price: tuple[float, float] | None = None
    """Dollars for a thousand tokens of prompt and of completion, where the caller says so."""
    cache_seed: int | str | None = None

    @property
    def key(self) -> str:
        """Known by this in a cache: all that the answer depends on, the key left out."""
        asked = [self.base_url, self.model, self.messages, self.n, dict(self.params)]
        text = json.dumps([self.cache_seed, asked], sort_keys=True, default=repr)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_request(
    config: Mapping[str, Any], context: Context | None, settings: "Settings"
) -> Request:
    """A configuration with what the user's settings add: model, server and key.

    Raises:
        UsageError: it asks for what cannot be meant, or nothing says how to reach a model.
    """
    base_url = str(config.get("base_url") or config.get("api_base") or settings.base_url)
    own_server = bool(config.get("base_url") or config.get("api_base"))
    # The user's key is for the user's server: another one gets only the key that comes with it.
    ours = not own_server or base_url == settings.base_url
    key = str(config.get("api_key") or (settings.api_key if ours else ""))
    if not key and not base_url:
        raise UsageError(
            "there is no model to talk to: no API key, and no server of your own",
            "Set OPENAI_API_KEY or OPENAI_BASE_URL, or give api_key or base_url.",
        )
    if config.get("api_type") not in _SERVERS:
        raise UsageError(
            f"api_type={config['api_type']!r} is not supported",
            "Give the base_url of a server that speaks Chat Completions.",
        )
    if config.get("stream"):
        raise UsageError("stream=True is not supported here", "Leave stream out.")
    return Request(
        str(config.get("model") or settings.model or DEFAULT_MODEL),
        messages_of(config, context),
        base_url,
        key,
        _count(config.get("n")),
        _params(config),
        _price(config.get("price")),
        _cache_seed(config),
    )


def cheap(settings: "Settings") -> str:
    """The model for what is tried first: the user's own choice, else FAST_MODEL."""
    return settings.model or FAST_MODEL


def _count(n: object) -> int:
    if n is None:
        return 1
    if type(n) is not int or n < 1:
        raise UsageError(f"n={n!r}: the number of answers must be 1 or more")
    return n


def _params(config: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {
        "max_tokens": config.get("max_tokens") or config.get("max_completion_tokens"),
        "seconds": config.get("timeout") or config.get("request_timeout"),
        "temperature": config.get("temperature"),
        "stop": config.get("stop"),
        "seed": config.get("seed"),
    }
    extra = {k: v for k, v in config.items() if k not in _OURS and v is not None}
    params = {key: value for key, value in given.items() if value is not None}
    return {**params, "extra": extra} if extra else params


def _price(price: object) -> tuple[float, float] | None:
    if price is None:
        return None
    parts = list(price) if isinstance(price, list | tuple) else []
    numbers = [float(one) for one in parts if type(one) in (int, float) and one >= 0]
    if len(parts) != 2 or len(numbers) != 2:
        raise UsageError(
            f"price={price!r} is not a price",
            "Give the dollars for 1000 tokens: [prompt, completion].",
        )
    return numbers[0], numbers[1]


def _cache_seed(config: Mapping[str, Any]) -> int | str | None:
    """The seed that answers are remembered by; None where they are not."""
    if config.get("use_cache") is False:
        return None
    name = "cache_seed" if "cache_seed" in config else "seed"
    seed = config.get(name)
    return seed if isinstance(seed, int | str) and not isinstance(seed, bool) else None


def opened(request: Request, settings: "Settings") -> "OpenAIModel":
    """The model of a request; nothing is sent by this."""
    # Late: programs that only run or extract code need no model.
    from assistant.model.openai_model import OpenAIModel
    from assistant.model.options import OPENAI_URL, ModelOptions, Secret
    from assistant.redact import Redactor

    key = Secret(request.api_key) if request.api_key else None
    options = ModelOptions(
        request.model,
        api_key=key,
        base_url=request.base_url or OPENAI_URL,
        max_reply=settings.max_reply,
        temperature=settings.temperature,
        prices=Path(settings.prices) if settings.prices else None,
    )
    return OpenAIModel(options, redactor=Redactor((*settings.secrets, *options.secrets)))


def params_of(request: Request) -> "Params":
    params: Any = dict(request.params)
    made: Params = params
    return made
