"""What a model is opened with, and what one call may be asked besides: plain values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit

from assistant.events import Finish, Usage, UsageError

OPENAI_URL = "https://api.openai.com/v1"


class Secret:
    """A key that no ``repr``, ``str`` or traceback shows; only ``reveal`` gives it out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.strip()

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a key is not written anywhere")

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: ``connect`` to reach the server, ``silence`` between two bytes of an answer.

    A model that thinks longer than ``silence`` before its first word is asked again with twice
    the patience, as long as the call's own time allows.
    """

    connect: float = 10.0
    silence: float = 60.0


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """One model on one server. Raises UsageError where a value cannot be meant."""

    model: str
    api_key: Secret | None = None
    base_url: str = OPENAI_URL
    max_reply: int = 16_384
    """Tokens, hidden reasoning included, that one call may ask for at most."""
    window: int | None = None
    """Tokens of prompt and reply together that the model holds; None: what is known of it."""
    temperature: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: str | None = None
    send_reasoning: bool = False
    """Send a reply's reasoning back with it, for the few servers that ask for it."""
    prices: Path | None = None
    """A TOML price table of the user's; it wins over the one that comes with the package."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    tries: int = 8
    """How often a call that never started is sent at most."""

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise UsageError("no model is named", "Name one: --model NAME")
        if self.max_reply < 1 or self.tries < 1:
            raise UsageError(f"max_reply and tries must be above 0: {self.max_reply}, {self.tries}")
        check_server(self.base_url, self.api_key)

    @property
    def host(self) -> str:
        """The server's name for messages: no user name, password, path or query."""
        return host_of(self.base_url)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that nothing may show."""
        return secrets_of(self.base_url, self.api_key)


def check_server(base_url: str, api_key: Secret | None) -> None:
    """Refuse a URL or a key that no request could be built from, without showing the key."""
    remedy = "Give the server's URL as http://HOST:PORT/v1 or https://HOST/v1 (--base-url)."
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not base_url.isprintable() or " " in base_url:
        shown = "".join(c if c.isprintable() else "?" for c in base_url.rpartition("@")[2])
        raise UsageError(f"the base URL cannot be used: {shown[:200]!r}", remedy)
    key = api_key.reveal() if api_key else ""
    if not (key.isascii() and key.isprintable()):
        raise UsageError(
            "the API key holds characters that no key can hold (line breaks, accents, ...)",
            "Copy the key again; it is one line of plain ASCII.",
        )


def host_of(base_url: str) -> str:
    parts = urlsplit(base_url)
    name = parts.hostname or ""
    return f"{name}:{parts.port}" if parts.port else name


def secrets_of(base_url: str, api_key: Secret | None) -> tuple[str, ...]:
    password = urlsplit(base_url).password
    return tuple(s for s in (api_key.reveal() if api_key else "", password or "") if s)


class Params(TypedDict, total=False):
    """What ``complete`` may be asked besides the messages; what is absent is not sent."""

    max_tokens: int
    seconds: float
    temperature: float
    stop: str | list[str]
    seed: int
    schema: object
    """A pydantic model class: each text is JSON that fits it, or its finish is "broken"."""
    extra: Mapping[str, object]
    """Further fields of Chat Completions, sent as they are: top_p, logit_bias, ..."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Several answers to one prompt; ``usage`` covers them all, calls for more included."""

    texts: tuple[str, ...]
    usage: Usage
    finishes: tuple[Finish, ...]
    details: tuple[str, ...] = ()
    """Why each ended, "" where it simply stopped."""
