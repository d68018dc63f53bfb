"""Runs of evaluations as traces: in the conventions' names, without content unless asked for."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from assistant.cli import main
from assistant.evals.runs import PipelineStamp, Span
from assistant.events import Usage
from assistant.traces.from_run import operation
from tests.evals.comparison.made import MANIFEST, stored
from tests.traces.collector import attributes, closed, collector

pytestmark = pytest.mark.usefixtures("own_handlers")

RUN = "20260101-000000-aaaa"
STAMP = PipelineStamp(
    "code", "0" * 16, "m-1", "fence", "$prompt", "1" * 64, "", {"temperature": "0.5", "seed": "7"}
)
ASKED = json.dumps([{"role": "system", "content": "be brief"}, {"role": "user", "content": "add?"}])
SPAN = Span(
    *("2", "1", "model", "s/0", 1, 100.0, 2.0),
    inputs={"messages": ASKED, "max_tokens": "500"},
    outputs={"reply": "secret words", "finish": "stop", "detail": ""},
    usage=Usage(10, 4, 5, 2, Decimal("0.25")),
)


def test_a_call_of_the_model() -> None:
    found = operation(SPAN, replace(MANIFEST, pipeline=STAMP))
    assert (found.name, found.client, found.start, found.seconds) == ("chat m-1", True, 100.0, 2.0)
    assert found.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m-1",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.seed": 7,
        "gen_ai.request.max_tokens": 500,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "assistant.cost.usd": 0.25,
        "gen_ai.conversation.id": "20260101-000000-a/s/0/1",
        "assistant.eval.run": "20260101-000000-a",
        "assistant.eval.data": "small",
        "assistant.eval.task": "s/0",
        "assistant.eval.sample": 1,
    }


def test_content_only_where_it_is_asked_for() -> None:
    failed = replace(SPAN, error="ModelError: with secret words")
    assert "secret words" not in repr(operation(failed, MANIFEST))
    assert operation(failed, MANIFEST).error == "ModelError"
    found = operation(SPAN, MANIFEST, content=True).attributes
    assert json.loads(str(found["gen_ai.input.messages"])) == [
        {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
        {"role": "user", "parts": [{"type": "text", "content": "add?"}]},
    ]
    assert json.loads(str(found["gen_ai.output.messages"])) == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "secret words"}],
            "finish_reason": "stop",
        }
    ]
    plain = operation(replace(SPAN, inputs={"messages": "no JSON"}), MANIFEST, content=True)
    assert "no JSON" in str(plain.attributes["gen_ai.input.messages"])


def test_other_operations() -> None:
    made = operation(replace(SPAN, operation="execute", inputs={"code": "x"}), MANIFEST, True)
    assert made.name == "execute_tool sandbox"
    assert made.attributes["gen_ai.tool.call.arguments"] == "x"
    assert operation(replace(SPAN, operation="format"), MANIFEST).name == "format"
    whole = operation(replace(SPAN, operation="load", task="", number=0), MANIFEST)
    assert "assistant.eval.task" not in whole.attributes


@pytest.fixture
def data() -> Path:
    folder = Path.home() / ".local/share/assistant"
    stored(folder, RUN, "01?", "model-a")
    return folder


def test_a_stored_run_is_sent_whole(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with collector() as received:
        assert main(["eval", "export", "last", "--otlp", received.url]) == 0
        assert main(["eval", "export", "last", "--otlp", received.url]) == 0
    assert "6 operations sent" in capsys.readouterr().err
    assert len(received.spans) == 12
    assert len({span.span_id for span in received.spans}) == 6
    assert len({span.trace_id for span in received.spans}) == 2
    roots = [span for span in received.spans[:6] if not span.parent_span_id]
    assert [span.name for span in roots] == ["invoke_agent code"] * 2
    ids = {span.span_id for span in roots}
    assert all(
        span.parent_span_id in ids for span in received.spans if span not in roots[:2] + roots
    )
    events = [(e.name, attributes(e)) for span in roots for e in span.events]
    assert events == [
        (
            "gen_ai.evaluation.result",
            {
                "gen_ai.evaluation.name": "tests",
                "gen_ai.evaluation.score.value": float(label == "passed"),
                "gen_ai.evaluation.score.label": label,
            },
        )
        for label in ("wrong_answer", "passed")
    ]


def test_the_reason_goes_with_content(data: Path) -> None:
    with collector() as received:
        assert main(["eval", "export", RUN, "--otlp", received.url, "--content"]) == 0
    told = [attributes(e) for span in received.spans for e in span.events]
    assert told[0]["gen_ai.evaluation.explanation"] == "assert add(1, 2) == 3"


def test_what_is_not_taken_is_told(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with collector(400) as received:
        assert main(["eval", "export", RUN, "--otlp", received.url]) == 2
    assert "the collector took 0 of 6 operations" in capsys.readouterr().err
    with closed() as url:
        assert main(["eval", "export", RUN, "--otlp", url]) == 2
    assert "sent" not in capsys.readouterr().err
    assert main(["eval", "export", RUN, "--otlp", "nowhere"]) == 2
