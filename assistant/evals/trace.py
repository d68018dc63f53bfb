"""Spans of operations: who called whom, with what, and how long it took."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count

from assistant.evals.runs import Key, Span
from assistant.events import Usage

_numbers = count(1)
_under_way: ContextVar[str] = ContextVar("span", default="")


@dataclass
class OpenSpan:
    """An operation under way: what it puts out is filled in as it becomes known."""

    outputs: dict[str, str] = field(default_factory=dict)
    usage: Usage | None = None


class Trace:
    """Makes spans and hands each to ``sink`` when it ends; the parent is the one around it.

    Spans nest within a thread. ``prefix`` tells those of one process from those of another.
    """

    def __init__(self, sink: Callable[[Span], None], prefix: str = "") -> None:
        self._sink, self._prefix = sink, prefix

    @contextmanager
    def span(
        self, operation: str, key: Key = ("", 0), inputs: Mapping[str, str] | None = None
    ) -> Iterator[OpenSpan]:
        id = self.number()
        parent = _under_way.get()
        token = _under_way.set(id)
        found, error = OpenSpan(), ""
        start, began = time.time(), time.perf_counter()
        try:
            yield found
        except BaseException as raised:
            error = f"{type(raised).__name__}: {raised}".split("\n")[0]
            raise
        finally:
            seconds = round(time.perf_counter() - began, 6)
            _under_way.reset(token)
            whole = Span(
                id,
                parent,
                operation,
                *key,
                round(start, 6),
                seconds,
                inputs or {},
                found.outputs,
                found.usage,
                error,
            )
            self._sink(whole)

    def past(self, span: Span) -> None:
        """One that is over already."""
        self._sink(span)

    def number(self) -> str:
        """The id of a span."""
        return f"{self._prefix}{next(_numbers)}"
