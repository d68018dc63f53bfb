"""A collector on loopback that keeps what it is sent, or is as bad as one can be."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.traces.loopback import Quiet, serving


@dataclass
class Received:
    url: str = ""
    spans: list[Any] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    def by_name(self) -> dict[str, Any]:
        return {span.name: span for span in self.spans}


def attributes(holder: Any) -> dict[str, Any]:
    """The attributes of a span, an event or a resource as plain values."""
    found: dict[str, Any] = {}
    for one in holder.attributes:
        kind = one.value.WhichOneof("value")
        value = getattr(one.value, kind)
        found[one.key] = [v.string_value for v in value.values] if kind == "array_value" else value
    return found


@contextmanager
def collector(status: int = 200) -> Iterator[Received]:
    """It answers with ``status`` and keeps the spans."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    received = Received()

    class Answer(Quiet):
        def do_POST(self) -> None:
            asked = ExportTraceServiceRequest()
            asked.ParseFromString(self.body())
            received.paths.append(self.path)
            received.headers.append({k.lower(): v for k, v in self.headers.items()})
            for resource in asked.resource_spans:
                received.resources.append(attributes(resource.resource))
                for scope in resource.scope_spans:
                    received.spans.extend(scope.spans)
            self.tell(status)

    with serving(Answer) as received.url:
        yield received


@contextmanager
def stalled() -> Iterator[str]:
    """It takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def closed() -> Iterator[str]:
    """Nobody listens there."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
