"""Traces of what runs, where the settings name a collector."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from assistant.cli.output import say
from assistant.cli.setup import Setup
from assistant.events import Event
from assistant.record import redacted
from assistant.redact import Redactor

if TYPE_CHECKING:
    from assistant.evals.runs import Manifest, Span
    from assistant.traces.operation import Operation, Value
    from assistant.traces.otlp import Otlp


@contextmanager
def open_collector(setup: Setup) -> Iterator["Otlp | None"]:
    """What sends operations; None without a collector. What was lost is told at the end."""
    settings = setup.settings
    if not settings.otlp:
        yield None
        return
    from assistant.traces.otlp import Collector, Otlp

    with Otlp(Collector(settings.otlp), settings.otlp_wait) as send:
        yield send
    if send.lost:
        what = f"{send.lost:,} of {send.sent + send.lost:,} operations"
        say(f"assistant: {what} did not reach the collector", error=True)


@contextmanager
def open_traces(
    setup: Setup, session: str, past: Iterable[Event] = ()
) -> Iterator[Callable[[Event], None] | None]:
    """A sink for a session's events, after those of ``past``; None without a collector. No key
    reaches it."""
    with open_collector(setup) as send:
        if send is None:
            yield None
            return
        from assistant.traces.from_events import SessionTrace

        clean = (redacted(event, setup.redactor) for event in past)
        trace = SessionTrace(send, session, setup.settings.otlp_content, past=clean)
        yield lambda event: trace(redacted(event, setup.redactor))


def run_trace(setup: Setup, send: "Otlp", manifest: "Manifest") -> "Callable[[Span], None]":
    """What gets the spans of an evaluation run; no key reaches it."""
    from assistant.traces.from_run import operation

    content = setup.settings.otlp_content
    return lambda span: send(_without_keys(operation(span, manifest, content), setup.redactor))


def _without_keys(made: "Operation", redactor: Redactor) -> "Operation":
    clean: dict[str, Value] = {
        name: redactor.text(value) if isinstance(value, str) else value
        for name, value in made.attributes.items()
    }
    return replace(made, attributes=clean, error=redactor.text(made.error))
