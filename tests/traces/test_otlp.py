"""Sending: what arrives is what was handed over; a bad collector delays and breaks nothing."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType

import pytest

from assistant.events import UsageError
from assistant.traces import genai, otlp
from assistant.traces.operation import Event, Operation
from assistant.traces.otlp import Collector, Otlp
from tests.traces.collector import attributes, closed, collector, stalled

ONE = Operation(
    "trace",
    "a",
    "",
    "invoke_agent x",
    1_700_000_000.5,
    2.25,
    {"n": 1, "f": 0.5, "b": True, "l": ["x"]},
)
TWO = Operation("trace", "b", "a", "chat m", 1_700_000_001.0, 0.5, client=True, error="Oops: why")


def test_what_arrives_is_what_was_handed_over() -> None:
    event = Event("told", 1_700_000_002.0, {"k": "v"})
    with collector() as received:
        place = Collector(received.url, {"x-key": "k"}, {"wandb.entity": "e"})
        send = Otlp(place, last=60)
        with send:
            send(ONE)
            send(Operation("trace", "b", "a", "chat m", 1.0, 0.5, events=(event,), client=True))
            send(TWO)
    assert (send.sent, send.lost) == (3, 0)
    assert set(received.paths) == {"/v1/traces"}
    assert received.headers[0]["x-key"] == "k"
    assert received.resources[0]["service.name"] == "assistant"
    assert received.resources[0]["wandb.entity"] == "e"
    first, second, third = received.spans
    assert attributes(first) == {"n": 1, "f": 0.5, "b": True, "l": ["x"]}
    assert first.start_time_unix_nano == 1_700_000_000_500_000_000
    assert first.end_time_unix_nano - first.start_time_unix_nano == 2_250_000_000
    assert first.parent_span_id == b""
    assert second.parent_span_id == first.span_id
    assert second.trace_id == first.trace_id
    assert second.span_id == third.span_id
    assert (first.kind, second.kind) == (1, 3)
    assert [(e.name, attributes(e)) for e in second.events] == [("told", {"k": "v"})]
    assert third.status.code == 2
    assert attributes(third) == {"error.type": "Oops"}
    assert "why" not in str(third)


def test_many_arrive_in_few_calls() -> None:
    with collector() as received, Otlp(Collector(received.url), last=60) as send:
        for number in range(3_000):
            send(Operation("t", str(number), "", "x", 1.0, 0.0))
    assert (send.sent, send.lost) == (3_000, 0)
    assert len({span.span_id for span in received.spans}) == 3_000
    assert len(received.paths) < 60


@pytest.mark.parametrize("bad", [closed, stalled])
def test_a_dead_collector_costs_only_traces(
    bad: Callable[[], AbstractContextManager[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although a single call to it would be waited for, or tried again, for ten minutes."""
    monkeypatch.setattr(otlp, "_CALL_SECONDS", 600.0)
    with bad() as url:
        began = time.monotonic()
        with Otlp(Collector(url), last=0.2) as send:
            for number in range(1_000):
                send(Operation("t", str(number), "", "x", 1.0, 0.0))
        assert time.monotonic() - began < 60
    assert (send.sent, send.lost) == (0, 1_000)


def test_a_collector_that_refuses_is_no_error() -> None:
    with collector(400) as received, Otlp(Collector(received.url), last=60) as send:
        send(ONE)
    assert (send.sent, send.lost) == (0, 1)


def test_a_full_queue_drops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "QUEUED", 10)
    with stalled() as url, Otlp(Collector(url), last=0.1) as send:
        for number in range(5_000):
            send(Operation("t", str(number), "", "x", 1.0, 0.0))
    assert send.lost == 5_000


def test_text_that_cannot_be_carried_is_sent_escaped() -> None:
    event = Event("e", 1.0, {"y": "\ud800"})
    odd = Operation("\ud800", "\ud801", "", "\ud800", 1.0, 0.0, {"x": "\ud800"}, events=(event,))
    with collector() as received, Otlp(Collector(received.url), last=60) as send:
        send(odd)
        send(ONE)
    assert send.sent == 2
    first, second = received.spans
    assert (first.name, attributes(first)) == ("\\ud800", {"x": "\\ud800"})
    assert second.name == "invoke_agent x"


_PROGRAM = """
import sys
from assistant.traces.operation import Operation
from assistant.traces.otlp import Collector, Otlp
with Otlp(Collector(sys.argv[1]), last=0.2) as send:
    send(Operation("t", "1", "", "x", 1.0, 0.0))
print("the run is over", send.lost)
"""


@pytest.mark.parametrize("bad", [closed, stalled])
def test_the_program_ends_and_prints_nothing_else(
    bad: Callable[[], AbstractContextManager[str]],
) -> None:
    with bad() as url:
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, url], capture_output=True, text=True, timeout=60
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "the run is over 1\n", "")


@pytest.mark.parametrize("url", ["localhost:4318", "ftp://x", "", "http://"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(UsageError, match="no address"):
        Otlp(Collector(url))


def test_a_path_of_ones_own_is_kept() -> None:
    assert Collector("http://h/otel/v1/traces").endpoint == "http://h/otel/v1/traces"
    assert Collector("http://h:4318/").endpoint == "http://h:4318/v1/traces"


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(UsageError, match=r"assistant\[otel\]"):
        Otlp(Collector("http://localhost:4318"))


def test_names_are_those_of_the_registry() -> None:
    """As the library's own list has them."""
    from opentelemetry.semconv._incubating.attributes import gen_ai_attributes

    theirs = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI")}
    ours = {
        value for value in vars(genai).values() if isinstance(value, str) and value[:7] == "gen_ai."
    }
    assert len(ours) > 20
    assert ours - theirs == {genai.EVALUATION_RESULT}
    deprecated = re.findall(
        r'"(gen_ai[^"]+)"\n"""\nDeprecated: Replaced', _source(gen_ai_attributes)
    )
    assert deprecated
    assert not ours & set(deprecated)


def _source(module: ModuleType) -> str:
    import inspect

    return inspect.getsource(module)
