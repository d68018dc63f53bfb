"""A sink that makes operations of a session's events."""

import time
from collections.abc import Callable, Iterable

from assistant.events import (
    Checked,
    Compacted,
    Event,
    Finished,
    Ran,
    Replied,
    Reset,
    Rewound,
    Said,
    Started,
)
from assistant.traces import genai as g
from assistant.traces.operation import Operation, Value, given, message, messages, used
from assistant.transcript import history

_BAD = ("model-error", "sandbox-error")
"""Endings that are faults; others are answers."""


_SEEN = (Said, Replied, Reset, Compacted, Rewound)
"""Events that decide what the model is given."""


class SessionTrace:
    """Hands an operation to ``sink`` for each reply, each run of code, each check, and, when it is
    over, for the turn around them. ``content``: with what was said, run and printed; a reply's
    messages are all that the model was given, those of an earlier process (``past``) too."""

    def __init__(
        self,
        sink: Callable[[Operation], None],
        session: str,
        content: bool = False,
        clock: Callable[[], float] = time.time,
        past: Iterable[Event] = (),
    ) -> None:
        self._sink: Callable[[Operation], None] = lambda operation: None
        self._session, self._content, self._clock = session, content, clock
        self._model = ""
        self._transcript: list[Event] = []
        self._turns = self._count = 0
        self._began: float | None = None
        for event in past:
            self(event)
        self._began, self._sink = None, sink

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self._model = event.model
        elif isinstance(event, Said):
            if self._began is None and event.role == "user":
                self._began, self._turns, self._count = self._clock(), self._turns + 1, 0
        elif isinstance(event, Replied):
            self._replied(event)
        elif isinstance(event, Ran):
            self._ran(event)
        elif isinstance(event, Checked):
            found: dict[str, Value] = {g.EXIT_CODE: event.exit_code}
            found |= {g.OUTPUT + "check": event.output} if self._content else {}
            self._put("check", event.seconds, found)
        elif isinstance(event, Finished):
            self._finished(event)
        if self._content and isinstance(event, _SEEN):
            self._transcript.append(event)

    def _replied(self, event: Replied) -> None:
        found: dict[str, Value] = {
            g.OPERATION: g.CHAT,
            g.PROVIDER: g.OPENAI,
            g.REQUEST_MODEL: self._model,
            g.FINISH_REASONS: [event.finish],
            **used(event.usage),
        }
        if self._content:
            found[g.INPUT_MESSAGES] = given([_spoken(one) for one in history(self._transcript)])
            found[g.OUTPUT_MESSAGES] = messages(message("assistant", event.text, event.finish))
        error = event.finish if event.finish in ("broken", "failed") else ""
        self._put(f"{g.CHAT} {self._model}", event.seconds, found, error, client=True)

    def _ran(self, event: Ran) -> None:
        tool = event.block.lang
        found: dict[str, Value] = {g.OPERATION: g.EXECUTE_TOOL, g.TOOL_NAME: tool}
        found |= {g.TOOL_TYPE: g.FUNCTION, g.EXIT_CODE: event.result.exit_code}
        if self._content:
            found |= {g.TOOL_ARGUMENTS: event.block.code, g.TOOL_RESULT: event.result.output}
        # A program that fails is a result; one that was stopped is told with the reason.
        error = event.result.reason or ""
        self._put(f"{g.EXECUTE_TOOL} {tool}", event.result.seconds, found, error)

    def _finished(self, event: Finished) -> None:
        now = self._clock()
        began, self._began = self._began or now, None
        error = event.status if event.status in _BAD else ""
        found: dict[str, Value] = {g.OPERATION: g.INVOKE_AGENT, g.AGENT: "assistant"}
        found |= {g.CONVERSATION: self._session, g.STATUS: event.status}
        name = f"{g.INVOKE_AGENT} assistant"
        self._sink(Operation(self._trace, "turn", "", name, began, now - began, found, error=error))

    @property
    def _trace(self) -> str:
        return f"{self._session}\n{self._turns}"

    def _put(
        self,
        name: str,
        seconds: float,
        attributes: dict[str, Value],
        error: str = "",
        client: bool = False,
    ) -> None:
        self._count += 1
        found = {**attributes, g.CONVERSATION: self._session}
        start = self._clock() - seconds
        self._sink(
            Operation(
                self._trace, str(self._count), "turn", name, start, seconds, found, client, error
            )
        )


def _spoken(one: Said | Replied) -> tuple[str, str]:
    """As the server gets it: what the harness feeds back comes from the user."""
    if isinstance(one, Replied):
        return "assistant", one.text
    return "system" if one.role == "system" else "user", one.text
