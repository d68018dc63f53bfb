"""One logical call: what is sent, and sent again while waiting or leaving something out helps."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from assistant.events import Notice, Retrying
from assistant.model import structured
from assistant.model.faults import Fault, as_error, told
from assistant.model.messages import in_words, with_words
from assistant.model.options import ModelOptions
from assistant.model.quirks import Quirks
from assistant.model.retry import LONGEST_ASKED, Patience
from assistant.prompts import prompt

MOST_LESSONS = 12
"""A server that finds fault with more than that in one call is not worth asking."""
Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the calls see it; a test brings its own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: messages, parameters by the names of Chat Completions, a schema or None."""

    messages: Sequence[Mapping[str, Any]]
    params: Mapping[str, object]
    tokens: int
    """Prompt tokens, at most."""
    schema: type[structured.Schema] | None = None

    def also(self, params: Mapping[str, object]) -> "Request":
        """The same with further parameters; None takes one away."""
        merged = {**self.params, **params}
        given = {key: value for key, value in merged.items() if value is not None}
        return Request(self.messages, given, self.tokens, self.schema)

    def sent(self, quirks: Quirks) -> dict[str, object]:
        """The parameters as this server takes them, messages included."""
        sent = quirks.fitted(self.params, self.tokens)
        no_pictures = "pictures" in quirks.dropped
        messages = in_words(self.messages) if no_pictures else self.messages
        if self.schema and "response_format" not in sent:
            words = prompt("schema_fallback", schema=structured.in_words(self.schema))
            messages = with_words(messages, words)
        return {**sent, "messages": messages}


@dataclass
class Call:
    """A call under way: whom it goes to, what was learned of them, and when it must be over."""

    options: ModelOptions
    quirks: Quirks
    shown: Callable[[str], str]
    """Redacts what is told of errors."""
    clock: Clock
    seconds: float
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.clock.now()

    @classmethod
    def plain(cls, options: ModelOptions, shown: Callable[[str], str], seconds: float) -> "Call":
        """A call of a kind that nothing is learned from."""
        return cls(options, Quirks(), shown, Clock(), seconds)

    @property
    def elapsed(self) -> float:
        return self.clock.now() - self.began

    @property
    def left(self) -> float:
        return self.seconds - self.elapsed

    def insist(
        self, request: Request, once: Callable[[dict[str, object]], Got]
    ) -> Generator[Retrying | Notice, None, Got]:
        """The result of ``once``, tried again as long as another try can help.

        Raises:
            ModelError: no further try would help, or none fits into the time that is left.
        """
        patience = Patience(self.options.tries, lambda: self.left)
        lessons = 0
        while True:
            sent = request.sent(self.quirks)
            try:
                return once(sent)
            except Fault as caught:
                fault = caught
            lesson = self.quirks.learn(fault, sent, request.tokens)
            if lesson and lessons < MOST_LESSONS:
                lessons += 1
                yield Notice(f"{self.options.model} at {self.options.host}: {lesson}")
                continue
            wait = patience.after(fault, told(fault, self.shown))
            if wait is None:
                raise self.given_up(fault, patience.failures) from fault
            yield wait
            self.clock.sleep(wait.seconds)

    def given_up(self, fault: Fault, failures: int) -> Exception:
        error = as_error(fault, self.options, self.shown)
        longest = min(self.left, LONGEST_ASKED)
        if fault.retryable and fault.wait is not None and fault.wait >= longest:
            error.remedy = (
                f"It asks to wait {fault.wait:.0f} s, and {max(longest, 0):.0f} s are left for"
                " this call. Try again later, or allow more time."
            )
        elif fault.retryable and failures > 1:
            error.message += f" (tried {failures} times)"
        return error
