"""What one server and model turned out not to take, learned from its refusals, in memory."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from assistant.model.faults import Fault
from assistant.model.messages import has_pictures

NEEDED = ("model", "messages", "stream")
"""Parameters that no call can do without."""
TWINS = ("max_tokens", "max_completion_tokens")
LEAST_REPLY = 64
"""Tokens: below this much room the prompt counts as too long, not the reply."""

_REFUSED_CODES = ("unsupported_parameter", "unsupported_value", "unknown_parameter")
_REFUSED = re.compile(
    r"unsupported|not support|n't support|unrecogni[sz]ed|unknown|unexpected|extra_forbidden"
    r"|extra (?:inputs|fields)|not permitted|not allowed|not available|not implemented"
    r"|invalid (?:parameter|argument|field|name)|deprecated|cannot be used|only 1 is|must be 1\b",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"(?:at most|less than or equal to|maximum (?:value|allowed)\D{0,40}?)\D{0,4}(\d{2,7})"
)
_WINDOW = re.compile(
    r"(?:maximum context length (?:is|of)|context (?:size|window|length) (?:is|of)?|n_ctx)"
    r"\D{0,4}(\d{3,8})|\d{3,8} tokens > (\d{3,8}) maximum",
    re.IGNORECASE,
)
_PICTURES = re.compile(r"image|vision|multi-?modal|content.{0,40}(?:string|str\b)", re.IGNORECASE)


@dataclass
class Quirks:
    """One server and model: what to leave out, what to call by its other name, learned limits."""

    tokens_name: str = "max_tokens"
    swapped: bool = False
    dropped: set[str] = field(default_factory=set)
    most_reply: int | None = None
    window: int | None = None
    slowness: float = 1.0
    """So many times the usual silence is borne before the first word."""

    def fitted(self, params: Mapping[str, object], prompt: int) -> dict[str, object]:
        """The parameters as this server takes them, for a prompt of about so many tokens."""
        fitted = {k: v for k, v in params.items() if k not in self.dropped and k != "max_tokens"}
        most = params.get("max_tokens")
        if isinstance(most, int) and self.tokens_name not in self.dropped:
            fitted[self.tokens_name] = self.capped(most, prompt)
        return fitted

    def capped(self, most: int, prompt: int) -> int:
        """``most``, or less where a learned limit asks for it."""
        if self.most_reply:
            most = min(most, self.most_reply)
        if self.window:
            most = min(most, max(self.window - prompt, LEAST_REPLY))
        return most

    def learn(self, fault: Fault, sent: Mapping[str, object], prompt: int) -> str:
        """What a refusal teaches, as a sentence for the user; "" when the call stays refused.

        Each thing is learned once, so that a call is sent again a bounded number of times.
        """
        if fault.kind != "status" or fault.status not in (400, 404, 422, 500, 501):
            return ""
        asked = sent.get(self.tokens_name)
        if isinstance(asked, int) and (lesson := self._limit(fault, asked, prompt)):
            return lesson
        if fault.is_context:
            self._too_long(fault, prompt)
            return ""
        if _PICTURES.search(fault.message) and has_pictures(sent.get("messages")):
            self.dropped.add("pictures")
            return "the model takes no pictures; it is told of them in words"
        name = _refused_name(fault, sent)
        if name in TWINS:
            return self._swap(name)
        if name:
            self.dropped.add(name)
            return f"the server does not take {name!r}; it is left out from now on"
        return ""

    def _swap(self, name: str) -> str:
        if self.swapped:
            self.dropped.add(name)
            return "the server takes no limit for the reply; only this side holds it"
        self.swapped = True
        self.tokens_name = TWINS[1 - TWINS.index(name)]
        return f"the server wants {self.tokens_name!r} in place of {name!r}"

    def _limit(self, fault: Fault, asked: int, prompt: int) -> str:
        named = fault.param in TWINS or any(twin in fault.message for twin in TWINS)
        found = _MOST.search(fault.message) if named else None
        if found and self.most_reply is None and LEAST_REPLY <= int(found[1]) < asked:
            self.most_reply = int(found[1])
            return f"the model writes at most {found[1]} tokens per reply"
        window = _window(fault)
        if prompt + LEAST_REPLY < window < min(prompt + asked, self.window or prompt + asked):
            self.window = window
            return f"the model's window holds {window} tokens; replies are kept within it"
        return ""

    def _too_long(self, fault: Fault, prompt: int) -> None:
        """No reply fits beside the prompt; the window is remembered where the server names it."""
        window = _window(fault)
        if LEAST_REPLY < window <= prompt + LEAST_REPLY:
            self.window = min(window, self.window or window)


def _window(fault: Fault) -> int:
    """The size of the window that a refusal names, 0 where it names none."""
    found = _WINDOW.search(fault.message) if fault.is_context else None
    return int(found[1] or found[2]) if found else 0


def _refused_name(fault: Fault, sent: Mapping[str, object]) -> str:
    """The sent parameter that a refusal names as not taken, "" when it names none."""
    message = fault.message
    if "response_format" in sent and re.search(
        r"response_format|json_schema|structured output|grammar", f"{fault.param} {message}"
    ):
        return "response_format"  # Whatever is wrong with it: there is another way to ask.
    if fault.status in (500, 501):
        return ""
    if fault.code not in _REFUSED_CODES and not _REFUSED.search(message):
        return ""
    names = [name for name in sent if name not in NEEDED]
    for name in names:
        if fault.param == name or fault.param.startswith(f"{name}."):
            return name
    places = {name: _place(name, message) for name in names}
    named = [name for name in names if places[name] >= 0]
    return min(named, key=places.__getitem__, default="")


def _place(name: str, message: str) -> int:
    """Where a message names a parameter; short names count only in quotes or after a colon."""
    word = re.escape(name)
    plain = rf"\b{word}\b" if len(name) > 5 else rf"['\"`]{word}['\"`]|: {word}\b"
    found = re.search(plain, message)
    return found.start() if found else -1


_known: dict[tuple[str, str], Quirks] = {}
_lock = threading.Lock()


def quirks_of(base_url: str, model: str) -> Quirks:
    """The one memory of what this server and model take, shared by all who ask them."""
    with _lock:
        if (base_url, model) not in _known:
            newer = (urlsplit(base_url).hostname or "").endswith((".openai.com", ".azure.com"))
            _known[base_url, model] = Quirks(TWINS[newer])
        return _known[base_url, model]


def forget() -> None:
    """Start without any memory, as a new process does."""
    with _lock:
        _known.clear()
