"""Sessions as traces, from the events that every sink gets."""

from decimal import Decimal
from typing import Any

import pytest

from assistant.events import (
    Checked,
    CodeBlock,
    ExecResult,
    Finished,
    Ran,
    Replied,
    Said,
    Started,
    Usage,
)
from assistant.traces.from_events import SessionTrace
from assistant.traces.operation import Operation
from tests.cli.conftest import Program, folder, home, program, replies  # noqa: F401
from tests.traces.collector import attributes, closed, collector

BLOCK = CodeBlock("python", "print('secret')")
TURN = (
    Said("do it"),
    Replied("code", Usage(10, 0, 5, 0, Decimal("0.5")), seconds=2.0),
    Ran(BLOCK, ExecResult(1, "secret", 1.0)),
    Said("it failed", "result"),
    Replied("", finish="broken", seconds=1.0),
    Checked(True, "pytest", 0, "secret", seconds=0.5),
    Finished("done"),
)


def traced(*events: Any, content: bool = False) -> list[Operation]:
    found: list[Operation] = []
    times = iter(range(100, 1_000, 10))
    trace = SessionTrace(found.append, "s-1", content, lambda: float(next(times)))
    for event in events:
        trace(event)
    return found


def test_one_turn() -> None:
    found = traced(Started("1", "m-1"), Said("rules", "system"), *TURN)
    assert [one.name for one in found] == [
        *("chat m-1", "execute_tool python", "chat m-1", "check", "invoke_agent assistant"),
    ]
    turn = found[-1]
    assert turn.parent == ""
    assert all(one.parent == turn.id and one.trace == turn.trace for one in found[:-1])
    assert all(one.attributes["gen_ai.conversation.id"] == "s-1" for one in found)
    assert turn.start == 100
    assert turn.attributes["assistant.status"] == "done"
    first = found[0]
    assert (first.start, first.seconds) == (108.0, 2.0)
    assert first.attributes["gen_ai.usage.input_tokens"] == 10
    assert first.attributes["assistant.cost.usd"] == 0.5
    assert found[1].attributes["assistant.exit_code"] == 1
    assert found[1].error == ""
    assert found[2].error == "broken"
    assert "secret" not in repr(found)
    assert "do it" not in repr(found)


def test_turns_are_traces_of_one_conversation() -> None:
    found = traced(Started("1", "m-1"), *TURN, *TURN)
    assert len({one.trace for one in found}) == 2
    assert len({(one.trace, one.id) for one in found}) == len(found)


def test_with_content() -> None:
    found = traced(Started("1", "m-1"), *TURN, content=True)
    assert "do it" in str(found[0].attributes["gen_ai.input.messages"])
    assert "it failed" in str(found[2].attributes["gen_ai.input.messages"])
    assert found[1].attributes["gen_ai.tool.call.arguments"] == "print('secret')"
    assert found[1].attributes["gen_ai.tool.call.result"] == "secret"


@pytest.mark.parametrize("content", ["true", "false"])
def test_a_real_run_is_traced(
    program: Program,  # noqa: F811
    replies: Any,  # noqa: F811
    content: str,
) -> None:
    with collector() as received:
        program.variables |= {
            "ASSISTANT_OTLP_WAIT": "60",
            "ASSISTANT_OTLP": received.url,
            "ASSISTANT_OTLP_CONTENT": content,
        }
        replies("```python\nprint(6 * 7)\n```\n", "Done: 42.")
        done = program("run", "Compute it.")
    assert done.returncode == 0, done.stdout + done.stderr
    names = [span.name for span in received.spans]
    assert sorted(names) == [
        *("chat gpt-4o", "chat gpt-4o", "execute_tool python", "invoke_agent assistant"),
    ]
    chat = attributes(received.by_name()["chat gpt-4o"])
    assert chat["gen_ai.usage.output_tokens"] > 0
    assert ("gen_ai.output.messages" in chat) == (content == "true")


def test_a_real_run_with_a_dead_collector(
    program: Program,  # noqa: F811
    replies: Any,  # noqa: F811
) -> None:
    with closed() as url:
        program.variables["ASSISTANT_OTLP"] = url
        replies("Nothing to do.")
        done = program("run", "Say something.")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing to do." in done.stdout
    assert "2 of 2 operations did not reach the collector" in done.stderr
