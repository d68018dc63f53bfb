"""Traces of what runs, where the settings name a collector."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assistant.cli.output import say
from assistant.cli.setup import Setup
from assistant.events import Event
from assistant.record import redacted

if TYPE_CHECKING:
    from assistant.traces.otlp import Otlp


@contextmanager
def open_collector(setup: Setup) -> Iterator["Otlp | None"]:
    """What sends operations; None without a collector. What was lost is told at the end."""
    settings = setup.settings
    if not settings.otlp:
        yield None
        return
    from assistant.traces.otlp import Collector, Otlp

    with Otlp(Collector(settings.otlp)) as send:
        yield send
    if send.lost:
        what = f"{send.lost:,} of {send.sent + send.lost:,} operations"
        say(f"assistant: {what} did not reach the collector", error=True)


@contextmanager
def open_traces(setup: Setup, session: str) -> Iterator[Callable[[Event], None] | None]:
    """A sink for a session's events; None without a collector. No key reaches it."""
    with open_collector(setup) as send:
        if send is None:
            yield None
            return
        from assistant.traces.from_events import SessionTrace

        trace = SessionTrace(send, session, setup.settings.otlp_content)
        yield lambda event: trace(redacted(event, setup.redactor))
