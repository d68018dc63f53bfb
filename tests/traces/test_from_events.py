"""Sessions as traces, from the events that every sink gets."""

import json
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
    Reset,
    Said,
    Started,
    Usage,
)
from assistant.traces.from_events import SessionTrace
from assistant.traces.operation import MESSAGES, TEXT, Operation, given
from tests.cli.conftest import Program
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


def asked(one: Operation) -> list[tuple[str, str]]:
    listed = json.loads(str(one.attributes["gen_ai.input.messages"]))
    return [(message["role"], message["parts"][0]["content"]) for message in listed]


def test_content_is_all_that_the_model_was_given() -> None:
    found = traced(Started("1", "m-1"), Said("rules", "system"), *TURN, *TURN, content=True)
    chats = [one for one in found if one.name == "chat m-1"]
    start = [("system", "rules"), ("user", "do it")]
    assert asked(chats[0]) == start
    assert asked(chats[1]) == [*start, ("assistant", "code"), ("user", "it failed")]
    # As the server gets it: without a reply that broke off, neighbours joined.
    last = [("assistant", "code"), ("user", "it failed\n\ndo it"), ("assistant", "code")]
    assert asked(chats[3]) == [*start, *last, ("user", "it failed")]
    fresh = traced(Started("1", "m-1"), *TURN, Reset(), *TURN, content=True)
    assert asked([one for one in fresh if one.name == "chat m-1"][2]) == [("user", "do it")]


def test_a_session_that_goes_on_in_another_process() -> None:
    found: list[Operation] = []
    past = (Started("1", "m-1"), Said("rules", "system"), *TURN, Said("cut off"))
    trace = SessionTrace(found.append, "s-1", True, past=past)
    assert found == []
    for event in (Said("go on"), Replied("yes"), Finished("done")):
        trace(event)
    assert [one.name for one in found] == ["chat m-1", "invoke_agent assistant"]
    assert asked(found[0])[0] == ("system", "rules")
    assert asked(found[0])[-1] == ("user", "it failed\n\ncut off\n\ngo on")
    before = traced(*past)
    ids = {(one.trace, one.id) for one in (*before, *found)}
    assert len(ids) == len(before) + 2
    silent: list[Operation] = []
    trace = SessionTrace(silent.append, "s-1", past=past)
    for event in (Said("go on"), Replied("yes")):
        trace(event)
    assert "rules" not in repr(silent)
    assert "go on" not in repr(silent)


def test_what_is_given_is_bounded() -> None:
    long = [("system", "rules"), *(("user", f"{n} " + "x" * 9_000) for n in range(20))]
    told = given(long)
    assert len(told) < 1.2 * MESSAGES
    texts = [message["parts"][0]["content"] for message in json.loads(told)]
    assert texts[0] == "rules"
    assert "13 messages left out" in texts[1]
    assert texts[-1].startswith("19 ")
    (one,) = json.loads(given([("user", "a" * 50_000 + "z")]))
    text = one["parts"][0]["content"]
    assert len(text) < TEXT + 100
    assert text.endswith("z")
    assert "34,001 characters left out" in text
    assert json.loads(given([])) == []


@pytest.mark.parametrize("content", ["true", "false"])
def test_a_real_run_is_traced(
    program: Program,
    replies: Any,
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
    program: Program,
    replies: Any,
) -> None:
    with closed() as url:
        program.variables["ASSISTANT_OTLP"] = url
        replies("Nothing to do.")
        done = program("run", "Say something.")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing to do." in done.stdout
    assert "2 of 2 operations did not reach the collector" in done.stderr
