"""What can go wrong with a call, and what the user is told; knows no client library."""

import re
from collections.abc import Callable
from typing import Literal

from assistant.events import ModelError, ModelErrorKind
from assistant.model.options import ModelOptions

FaultKind = Literal[
    "status",
    "connect",
    "silent",
    "dropped",
    "garbled",
    "certificate",
    "redirect",
    "wrong-page",
    "late",
]
"""status: the server said no (also by an error event inside a stream). connect: it was not reached,
or left before it answered. silent: no byte for too long. dropped: left in the middle. garbled: what
came is not what the protocol says. wrong-page: an answer, but not from a chat endpoint.
late: the time of the whole call was over."""

MOST_SAID = 10_000
"""Characters kept of what a server said."""
QUOTA_CODES = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active")
_CONTEXT = re.compile(
    r"context[ _](?:length|window|size)|maximum context|exceed_context|prompt is too long"
    r"|too many (?:input )?tokens|input is too long",
    re.IGNORECASE,
)
_OTHER_API = re.compile(
    r"only (?:supported|available) (?:in|by|with|through) (?:the )?[`'\"]?(?:/?v1/)?responses"
    r"|not a chat model|use the responses api|not supported in the v1/chat/completions"
    r"|did you mean to use v1/(?:completions|responses)",
    re.IGNORECASE,
)
_EVENT_STATUS = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "overloaded_error": 503,
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "model_not_found": 404,
}


class Fault(Exception):
    """A call that failed, as the server or the connection told it. ``message`` is unredacted."""

    def __init__(
        self,
        kind: FaultKind,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        param: str = "",
    ) -> None:
        super().__init__(kind)  # Not the message: it may echo a key into a traceback.
        self.kind: FaultKind = kind
        self.message = message[:MOST_SAID]
        self.status = status
        self.code = code
        self.param = param
        self.wait: float | None = None
        """Seconds the server asks to wait before another try."""
        self.again: bool | None = None
        """The server's own word on whether another try makes sense."""

    @property
    def is_quota(self) -> bool:
        return self.status == 402 or self.code in QUOTA_CODES

    @property
    def is_context(self) -> bool:
        """The prompt (with the reply asked for) does not fit, now or later."""
        if self.code == "context_length_exceeded" or self.status == 413:
            return True
        if self.status == 429:  # One request above the limit per minute: no wait makes it fit.
            return "request too large" in self.message.lower()
        said = f"{self.code} {self.message}"
        return self.status in (400, 422, 500) and _CONTEXT.search(said) is not None

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed a little later."""
        if self.kind == "connect":
            return True
        if self.kind != "status" or self.status is None or self.is_quota or self.is_context:
            return False
        if self.again is not None:
            return self.again
        passing = self.status >= 500 and self.status not in (501, 505)
        return passing or self.status in (408, 409, 425, 429)

    @property
    def why(self) -> str:
        """What happened, in a few words of ours."""
        if self.kind == "status":
            busy = self.status == 429 and not self.is_quota
            return "too many requests (429)" if busy else f"the server answered {self.status}"
        return {
            "connect": "the server cannot be reached",
            "silent": "the server is silent for too long",
            "dropped": "the connection was dropped",
            "garbled": "the server sent what is no valid reply",
            "certificate": "the server's certificate cannot be trusted",
            "redirect": f"the server answered with a redirect ({self.status})",
            "late": "the time of the call was over",
            "wrong-page": "the server answered, but not as a chat model does",
        }[self.kind]


def event_status(code: str, kind: str) -> int:
    """The HTTP status that an error event inside a stream stands for."""
    if code.isdecimal() and 400 <= int(code) < 600:
        return int(code)
    return _EVENT_STATUS.get(code) or _EVENT_STATUS.get(kind) or 500


def flat(text: str, most: int = 300) -> str:
    """One line without control characters, at most ``most`` characters long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def told(fault: Fault, shown: Callable[[str], str]) -> str:
    """What happened and what the server said: one line, safe to show and to keep.

    Control characters go first, so that a key broken up by them is found; the cut comes last,
    so that no half of a key is left over.
    """
    said = flat(shown(flat(fault.message, MOST_SAID)))
    return f"{fault.why}: {said}" if said else fault.why


def as_error(fault: Fault, options: ModelOptions, shown: Callable[[str], str]) -> ModelError:
    """The error that a user sees when no further try is made."""
    kind, remedy = _judged(fault, options)
    message = f"{flat(options.model, 100)} at {options.host}: {told(fault, shown)}"
    return ModelError(message, remedy, kind)


def _judged(fault: Fault, options: ModelOptions) -> tuple[ModelErrorKind, str]:
    if fault.is_quota:
        return "quota", "The account has no credit left; trying again does not help. Add credit."
    if fault.is_context:
        return "context", "Nothing is lost: /compact, a new conversation, or a larger model helps."
    if fault.kind != "status":
        return _unanswered(fault, options)
    status = fault.status or 0
    if _OTHER_API.search(fault.message):
        return (
            "unsupported",
            "This model is not served by Chat Completions (only by the Responses or an older API)."
            " Choose a chat model: --model NAME",
        )
    if status in (401, 403):
        if options.api_key:
            return "auth", "Check the API key and what it may use."
        return "auth", "The server wants a key: set OPENAI_API_KEY."
    if status == 404 and (fault.code == "model_not_found" or options.model in fault.message):
        return "not-found", "Check the model's name; the server lists its own at /models."
    if status in (404, 405):
        return "not-found", "Check the base URL; most end in /v1 (--base-url)."
    if status in (408, 409, 425, 429) or status >= 500:
        return "unavailable", "Try again later."
    return "bad-request", "The request was refused as it is; sending it again does not help."


def _unanswered(fault: Fault, options: ModelOptions) -> tuple[ModelErrorKind, str]:
    if fault.kind == "certificate":
        return "unavailable", "Check the URL; for a private authority set SSL_CERT_FILE."
    if fault.kind == "redirect":
        return "not-found", "Redirects are not followed; set --base-url to where it points."
    if fault.kind == "wrong-page":
        return "not-found", "Check the base URL; most end in /v1 (--base-url)."
    return "unavailable", f"Check that {options.host} is the right server and that it runs."
