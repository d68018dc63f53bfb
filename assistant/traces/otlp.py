"""Sends operations to an OpenTelemetry collector; one that is slow or dead costs the run nothing.

Whoever traces only puts into a queue. A thread sends; when the queue is full, or the collector
does not answer, operations are dropped and counted.
"""

import hashlib
import logging
import queue
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Self
from urllib.parse import urlsplit

from assistant.events import UsageError
from assistant.traces.genai import ERROR_TYPE
from assistant.traces.operation import Operation, Value

QUEUED = 20_000
"""Operations that may wait to be sent."""
_BATCH = 500
_CALL_SECONDS = 5.0
"""So long one batch may take."""
LAST_SECONDS = 1.0
"""So long the end of a run waits for what is not sent yet."""
_PATH = "/v1/traces"


@dataclass(frozen=True, slots=True)
class Collector:
    """Where to send. Headers, such as keys, are also taken from OTEL_EXPORTER_OTLP_HEADERS, by
    the exporter itself."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    resource: Mapping[str, str] = field(default_factory=dict)
    """Attributes of the sender, as some collectors route by them."""

    @property
    def endpoint(self) -> str:
        """A bare address gets the usual path.

        Raises:
            UsageError: it is no address of a web server.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(
                f"{self.url!r} is no address of a collector", "Example: http://localhost:4318"
            )
        return self.url if parts.path.strip("/") else self.url.rstrip("/") + _PATH


class Otlp:
    """Use it with ``with``; calling it hands over an operation, and never waits or raises.

    At the end it waits at most ``LAST_SECONDS`` (or ``last``) for the rest. ``sent`` and ``lost``
    then say what became of all operations.

    Raises:
        UsageError: OpenTelemetry is not installed, or the address is none.
    """

    def __init__(self, collector: Collector, last: float = LAST_SECONDS) -> None:
        self._exporter = _exporter(collector)
        self._made = _Made(collector)
        self._last = last
        self._queue: queue.Queue[Operation | None] = queue.Queue(QUEUED)
        self._lock = threading.Lock()
        self._taken = self.sent = 0
        self._thread = threading.Thread(target=self._work, name="otlp", daemon=True)

    @property
    def lost(self) -> int:
        return self._taken - self.sent

    def __call__(self, operation: Operation) -> None:
        with self._lock:
            self._taken += 1
        try:
            self._queue.put_nowait(operation)
        except queue.Full:
            return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        end = time.monotonic() + self._last
        with suppress(queue.Full):
            self._queue.put(None, timeout=self._last)
        self._thread.join(max(0.0, end - time.monotonic()))
        # Wakes it where it waits to try again. A daemon, it cannot hold up the program's end.
        threading.Thread(target=self._exporter.shutdown, daemon=True).start()

    def _work(self) -> None:
        last = False
        while not last:
            batch = [self._queue.get()]
            while len(batch) < _BATCH and batch[-1] is not None:
                try:
                    batch.append(self._queue.get(timeout=0.2))
                except queue.Empty:
                    break
            last = batch[-1] is None
            found = [operation for operation in batch if operation is not None]
            if found and _export(self._exporter, self._made, found):
                self.sent += len(found)


def send_all(collector: Collector, operations: Iterable[Operation]) -> tuple[int, int]:
    """Sends what is stored, here and now; returns how many were sent and how many were not.

    Gives up at the first batch that cannot be sent. Raises UsageError as ``Otlp`` does.
    """
    exporter, made = _exporter(collector), _Made(collector)
    waiting, sent = iter(operations), 0
    while batch := list(islice(waiting, _BATCH)):
        if not _export(exporter, made, batch):
            return sent, len(batch) + sum(1 for _ in waiting)
        sent += len(batch)
    return sent, 0


def _export(exporter: Any, made: "_Made", batch: Sequence[Operation]) -> bool:
    try:
        done: bool = exporter.export([made.span(one) for one in batch]).value == 0
    except Exception:  # noqa: BLE001 - whatever a collector or a library does costs only traces.
        return False
    return done


class _Made:
    """Makes the library's spans of operations."""

    def __init__(self, collector: Collector) -> None:
        # Late: of an extra.
        from opentelemetry import trace
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import Event, ReadableSpan
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._trace, self._span, self._event = trace, ReadableSpan, Event
        self._resource = Resource.create({"service.name": "assistant", **collector.resource})
        self._scope = InstrumentationScope("assistant")

    def span(self, one: Operation) -> Any:
        trace = self._trace
        failed = {ERROR_TYPE: one.error.partition(":")[0][:100]} if one.error else {}
        code = trace.StatusCode.ERROR if one.error else trace.StatusCode.UNSET
        start = _nanoseconds(one.start)
        return self._span(
            _sound(one.name),
            self._context(one.trace, one.id),
            self._context(one.trace, one.parent) if one.parent else None,
            self._resource,
            _sound_all({**one.attributes, **failed}),
            [self._event(e.name, _sound_all(e.attributes), _nanoseconds(e.at)) for e in one.events],
            kind=trace.SpanKind.CLIENT if one.client else trace.SpanKind.INTERNAL,
            status=trace.Status(code),
            start_time=start,
            end_time=start + _nanoseconds(one.seconds),
            instrumentation_scope=self._scope,
        )

    def _context(self, trace: str, id: str) -> Any:
        return self._trace.SpanContext(
            _number(trace, 16),
            _number(f"{trace}\n{id}", 8),
            is_remote=False,
            trace_flags=self._trace.TraceFlags(1),
        )


def _sound(text: str) -> str:
    """Text that UTF-8 can carry: one that it cannot would lose its whole batch."""
    return text.encode("utf-8", "backslashreplace").decode()


def _sound_all(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {k: _sound(v) if isinstance(v, str) else v for k, v in attributes.items()}


def _number(text: str, size: int) -> int:
    """The same for the same text, so that what is sent twice is seen once; never 0."""
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()
    return int.from_bytes(digest[:size], "big") or 1


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)


def _exporter(collector: Collector) -> Any:
    endpoint = collector.endpoint
    try:
        # Late: of an extra.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        remedy = 'Install the extra: pip install "assistant[otel]"'
        raise UsageError("Traces need OpenTelemetry", remedy) from error
    # What it has to say of a dead collector is counted here, and told once.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
    headers = dict(collector.headers) or None
    return OTLPSpanExporter(endpoint=endpoint, headers=headers, timeout=_CALL_SECONDS)
