"""The model over canned answers: requests, replies, refusals, waits, learned limits."""

import json
import traceback
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pydantic
import pytest

from assistant.events import Chunk, ModelError, Notice, Replied, Retrying, Said
from assistant.model.openai_model import resolve_model
from assistant.model.options import Secret
from tests.model.helpers import (
    HELLO,
    HISTORY,
    KEY,
    FakeTime,
    ask,
    model_of,
    piece,
    refusal,
    run,
    sse,
    stream_of,
    text_of,
    usage,
)


class Person(pydantic.BaseModel):
    name: str
    age: int


def test_a_reply_is_streamed_and_counted() -> None:
    model, canned = model_of(stream_of(*HELLO))
    happened, replied = ask(model)
    assert happened == [Chunk("Hel"), Chunk("lo")]
    assert (replied.text, replied.finish, replied.detail) == ("Hello", "stop", "")
    assert (replied.usage.prompt, replied.usage.completion) == (20, 2)
    assert not replied.usage.estimated
    assert replied.usage.cost is None
    body = canned.bodies[0]
    assert body["messages"] == [
        {"role": "system", "content": "You write code."},
        {"role": "user", "content": "Say hello."},
    ]
    assert body["max_tokens"] == 500
    assert body["stream_options"] == {"include_usage": True}
    assert canned.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_options_are_sent_and_absent_ones_are_not() -> None:
    model, canned = model_of(
        stream_of(*HELLO), temperature=0.5, seed=7, stop=("END",), reasoning_effort="low"
    )
    ask(model)
    body = canned.bodies[0]
    assert body["temperature"] == 0.5
    assert body["seed"] == 7
    assert body["stop"] == ["END"]
    assert body["reasoning_effort"] == "low"
    bare, canned = model_of(stream_of(*HELLO))
    ask(bare)
    assert not {"temperature", "seed", "stop", "reasoning_effort"} & set(canned.bodies[0])


def test_openai_itself_gets_the_newer_name_for_the_cap() -> None:
    model, canned = model_of(stream_of(*HELLO), base_url="https://api.openai.com/v1")
    ask(model)
    assert canned.bodies[0]["max_completion_tokens"] == 500
    assert "max_tokens" not in canned.bodies[0]


def test_a_server_without_a_key_is_asked_with_a_placeholder() -> None:
    model, canned = model_of(stream_of(*HELLO), api_key=None)
    ask(model)
    assert canned.requests[0].headers["authorization"] == "Bearer none"


def test_results_are_sent_as_the_users_and_reasoning_is_not_sent_back() -> None:
    model, canned = model_of(stream_of(*HELLO))
    history = [Said("do it"), Replied("ok", reasoning="hm"), Said("it ran", "result")]
    ask(model, history=history)
    assert canned.bodies[0]["messages"] == [
        {"role": "user", "content": "do it"},
        {"role": "assistant", "content": "ok"},
        {"role": "user", "content": "it ran"},
    ]
    model, canned = model_of(stream_of(*HELLO), send_reasoning=True)
    ask(model, history=history)
    assert canned.bodies[0]["messages"][1]["reasoning_content"] == "hm"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_told_apart(field: str) -> None:
    answer = stream_of(
        piece(**{field: "Let me "}),
        piece(**{field: "think."}),
        piece("42"),
        piece(finish="stop"),
        usage(20, 9, completion_tokens_details={"reasoning_tokens": 8}),
    )
    happened, replied = ask(model_of(answer)[0])
    assert text_of(happened, "reasoning") == "Let me think."
    assert (replied.text, replied.reasoning) == ("42", "Let me think.")
    assert (replied.usage.completion, replied.usage.reasoning) == (9, 8)


def test_a_server_that_keeps_reasoning_out_of_the_completion_is_counted_in_full() -> None:
    counts = usage(20, 2, total_tokens=122, completion_tokens_details={"reasoning_tokens": 100})
    _, replied = ask(model_of(stream_of(piece("hi"), piece(finish="stop"), counts))[0])
    assert replied.usage.completion == 102


def test_without_usage_the_counts_are_ours_and_say_so() -> None:
    _, replied = ask(model_of(stream_of(piece("hello"), piece(finish="stop")))[0])
    assert replied.usage.estimated
    assert replied.usage.prompt > 0
    assert replied.usage.completion > 0


def test_the_price_is_known_for_a_known_server_only() -> None:
    answer = stream_of(piece("hi"), piece(finish="stop"), usage(1_000_000, 0))
    _, replied = ask(model_of(answer, model="gpt-4o", base_url="https://api.openai.com/v1")[0])
    assert replied.usage.cost == Decimal("2.5")
    _, replied = ask(model_of(answer, model="gpt-4o")[0])
    assert replied.usage.cost is None


@pytest.mark.parametrize(
    ("chunks", "finish", "said"),
    [
        ([piece("a"), piece(finish="length")], "length", "limit"),
        ([piece("a"), piece(finish="content_filter")], "filtered", "filter"),
        ([piece(refusal="I will "), piece(refusal="not.", finish="stop")], "refused", "refused"),
        ([piece("a"), piece(finish="tool_calls")], "broken", "tool"),
        ([piece("a"), piece(finish="error")], "broken", "'error'"),
        ([piece("a")], "broken", "before the reply was finished"),
        ([{**piece(), "choices": []}], "broken", "without choices"),
        ([], "broken", "without choices"),
    ],
)
def test_each_ending_has_its_own_word(chunks: list[Any], finish: str, said: str) -> None:
    _, replied = ask(model_of(stream_of(*chunks, "[DONE]"))[0])
    assert replied.finish == finish
    assert said in replied.detail


def test_a_refusal_is_shown_as_the_text() -> None:
    happened, replied = ask(model_of(stream_of(piece(refusal="No.", finish="stop")))[0])
    assert text_of(happened) == replied.text == "No."


def test_a_malformed_chunk_breaks_the_reply_and_keeps_its_text() -> None:
    _, replied = ask(model_of(stream_of(piece("some"), '{"choices": [{"de'))[0])
    assert (replied.text, replied.finish) == ("some", "broken")
    assert "no valid reply" in replied.detail
    assert replied.usage.estimated


@pytest.mark.parametrize(
    "odd",
    [
        "null",
        "[]",
        "5",
        '"text"',
        '{"choices": null}',
        '{"choices": 3}',
        '{"choices": [null]}',
        '{"choices": [{}]}',
        '{"choices": [{"delta": 3}]}',
        '{"choices": [{"delta": {"content": 3}}]}',
        '{"choices": [{"delta": {"content": {"a": 1}}}]}',
        '{"choices": [{"delta": {}, "finish_reason": 7}]}',
        '{"choices": [], "usage": 3}',
        '{"choices": [], "usage": {"prompt_tokens": "many", "completion_tokens": -1}}',
        '{"choices": [{"delta": {"reasoning": {"x": 1}}}]}',
        "{}",
    ],
)
def test_odd_chunks_are_passed_over(odd: str) -> None:
    _, replied = ask(model_of(stream_of(piece("Hel"), odd, piece("lo"), piece(finish="stop")))[0])
    assert replied.finish in ("stop", "broken")
    assert replied.text in ("Hello", "Hel")


def test_a_deeply_nested_chunk_is_no_crash() -> None:
    _, replied = ask(model_of(stream_of(piece("Hel"), "[" * 200_000))[0])
    assert (replied.text, replied.finish) == ("Hel", "broken")


def test_content_in_parts_is_joined() -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}, 3]
    _, replied = ask(model_of(stream_of(piece(content=parts), piece(finish="stop")))[0])
    assert replied.text == "Hello"


def test_nul_bytes_stay_and_lone_surrogates_are_replaced_and_told() -> None:
    answer = stream_of(piece("a\0b"), piece("\ud83d"), piece("\ude00"), piece("\udc00!", "stop"))
    happened, replied = ask(model_of(answer)[0])
    assert replied.text == "a\0b\U0001f600�!"
    assert text_of(happened) == replied.text
    assert any(isinstance(event, Notice) and "U+FFFD" in event.text for event in happened)


def test_surrogates_in_the_history_can_be_sent() -> None:
    model, canned = model_of(stream_of(*HELLO))
    ask(model, history=[Said("a\ud800b\0")])
    assert canned.bodies[0]["messages"][0]["content"] == "a�b\0"


def test_an_error_event_before_any_text_is_retried_like_a_refusal() -> None:
    time = FakeTime()
    error = {"error": {"message": "upstream is busy", "code": 429}}
    model, canned = model_of(stream_of(error), stream_of(*HELLO), time=time)
    happened, replied = ask(model)
    assert isinstance(happened[0], Retrying)
    assert replied.text == "Hello"
    assert len(canned.bodies) == 2


def test_an_error_event_after_text_breaks_the_reply() -> None:
    error = {"error": {"message": "upstream died", "code": 502}}
    model, canned = model_of(stream_of(piece("some"), error))
    _, replied = ask(model)
    assert (replied.text, replied.finish) == ("some", "broken")
    assert "upstream died" in replied.detail
    assert len(canned.bodies) == 1


def test_an_error_event_that_no_retry_cures_raises() -> None:
    error = {"error": {"message": "too long", "code": "context_length_exceeded"}}
    with pytest.raises(ModelError) as caught:
        ask(model_of(stream_of(error))[0])
    assert caught.value.kind == "context"


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (refusal(400, "bad thing"), "bad-request", "bad thing"),
        (refusal(401, "no such key"), "auth", "no such key"),
        (refusal(403, "not in your country"), "auth", "not in your country"),
        (refusal(404, "no such model", code="model_not_found"), "not-found", "model's name"),
        (refusal(404, "Not Found"), "not-found", "base URL"),
        (refusal(402, "balance too low"), "quota", "credit"),
        (refusal(429, "you spent it all", code="insufficient_quota"), "quota", "credit"),
        (refusal(429, "Request too large for m: limit 30000"), "context", "larger model"),
        (refusal(413, "big"), "context", "larger model"),
        (refusal(400, "x", code="context_length_exceeded"), "context", "larger model"),
        (refusal(400, "e", type="exceed_context_size_error", code=400), "context", "Nothing is"),
        (
            refusal(404, "This model is only supported in v1/responses and not in v1/chat"),
            "unsupported",
            "Responses",
        ),
        (refusal(404, "This is not a chat model"), "unsupported", "Responses"),
        (httpx2.Response(301, headers={"location": "https://else.test/"}), "not-found", "else"),
        (httpx2.Response(200, html="<html>hello</html>"), "not-found", "text/html"),
        (httpx2.Response(200, json={"hello": 1}), "not-found", "application/json"),
    ],
)
def test_what_no_retry_cures_is_an_error_at_once(
    answer: httpx2.Response, kind: str, said: str
) -> None:
    time = FakeTime()
    model, canned = model_of(answer, time=time)
    with pytest.raises(ModelError) as caught:
        ask(model)
    assert caught.value.kind == kind
    assert said in str(caught.value)
    assert "\n" not in caught.value.message
    assert caught.value.remedy
    assert len(canned.bodies) == 1
    assert time.slept == []


def test_redirects_carry_the_key_nowhere() -> None:
    away = httpx2.Response(307, headers={"location": "http://thief.test/v1/chat/completions"})
    model, canned = model_of(away)
    with pytest.raises(ModelError, match=r"thief\.test"):
        ask(model)
    assert [request.url.host for request in canned.requests] == ["server.test"]


def test_retry_after_is_honoured_and_told_before_the_wait() -> None:
    time = FakeTime()
    model, _ = model_of(
        refusal(429, "slow down", {"retry-after": "3"}),
        refusal(503, "busy", {"retry-after-ms": "1500"}),
        stream_of(*HELLO),
        time=time,
    )
    reply = model.reply(HISTORY, max_tokens=500, seconds=60)
    first = next(reply)
    assert isinstance(first, Retrying)
    assert time.slept == []
    happened, replied = run(reply)
    assert replied.text == "Hello"
    waits = [first.seconds, *(e.seconds for e in happened if isinstance(e, Retrying))]
    assert waits == time.slept
    assert 3.0 <= waits[0] <= 3.4
    assert 1.5 <= waits[1] <= 1.7
    assert "slow down" in first.why


def test_a_long_retry_after_is_waited_for_where_the_call_has_the_time() -> None:
    time = FakeTime()
    patient = (refusal(429, "later", {"retry-after": "300"}), stream_of(*HELLO))
    _, replied = ask(model_of(*patient, time=time)[0], seconds=1000)
    assert replied.text == "Hello"
    assert time.slept[0] >= 300
    time = FakeTime()
    with pytest.raises(ModelError, match=r"wait 300 s, and 200 s are left") as caught:
        ask(model_of(*patient, time=time)[0], seconds=200)
    assert caught.value.kind == "unavailable"
    assert time.slept == []


def test_without_a_hint_the_waits_grow_and_end() -> None:
    time = FakeTime()
    model, canned = model_of(refusal(500, "oops"), time=time, tries=6)
    with pytest.raises(ModelError, match="tried 6 times") as caught:
        ask(model, seconds=float("inf"))
    assert caught.value.kind == "unavailable"
    assert len(canned.bodies) == 6
    for slept, least in zip(time.slept, [0.5, 1, 2, 4, 8], strict=True):
        assert least <= slept <= least * 1.251


def test_the_time_of_the_call_bounds_all_waits() -> None:
    time = FakeTime()
    model, _ = model_of(refusal(500, "oops"), time=time)
    with pytest.raises(ModelError):
        ask(model, seconds=5)
    assert sum(time.slept) < 5


def test_a_server_that_is_not_there_is_given_up_sooner() -> None:
    time = FakeTime()
    model, canned = model_of(httpx2.ConnectError("Connection refused"), time=time)
    with pytest.raises(ModelError, match="Connection refused") as caught:
        ask(model)
    assert caught.value.kind == "unavailable"
    assert "server.test" in caught.value.remedy
    assert len(canned.bodies) == 4


def test_the_servers_word_on_retrying_counts() -> None:
    model, canned = model_of(refusal(500, "never", {"x-should-retry": "false"}))
    with pytest.raises(ModelError):
        ask(model)
    assert len(canned.bodies) == 1


def test_a_call_that_was_accepted_and_then_silent_is_not_sent_again_here() -> None:
    model, canned = model_of(httpx2.ReadTimeout("silence"))
    _, replied = ask(model)
    assert (replied.text, replied.finish) == ("", "broken")
    assert "silent" in replied.detail
    assert replied.usage.prompt > 0
    assert len(canned.bodies) == 1


def test_patience_doubles_after_silence_before_the_first_word() -> None:
    model, canned = model_of(httpx2.ReadTimeout("silence"))
    ask(model, seconds=1000)
    ask(model, seconds=1000)
    ask(model, seconds=100)
    reads = [request.extensions["timeout"]["read"] for request in canned.requests]
    assert reads == [60, 120, 100]


def test_ctrl_c_returns_what_came() -> None:
    model, _ = model_of(stream_of(*HELLO))
    reply = model.reply(HISTORY, max_tokens=500, seconds=30)
    assert next(reply) == Chunk("Hel")
    with pytest.raises(StopIteration) as end:
        reply.throw(KeyboardInterrupt())
    replied = end.value.value
    assert (replied.text, replied.finish) == ("Hel", "interrupted")
    assert replied.usage.estimated


def test_ctrl_c_while_waiting_has_used_nothing() -> None:
    model, _ = model_of(refusal(500, "oops"), stream_of(*HELLO))
    reply = model.reply(HISTORY, max_tokens=500, seconds=30)
    assert isinstance(next(reply), Retrying)
    with pytest.raises(StopIteration) as end:
        reply.throw(KeyboardInterrupt())
    replied = end.value.value
    assert (replied.text, replied.finish, replied.usage.total) == ("", "interrupted", 0)


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ({"temperature": 0.2}, "temperature"),
        ({"stop": ("X",)}, "stop"),
        ({"seed": 3}, "seed"),
        ({"reasoning_effort": "low"}, "reasoning_effort"),
        ({}, "stream_options"),
    ],
)
@pytest.mark.parametrize("shape", ["openai", "prose", "pydantic"])
def test_an_unsupported_parameter_is_left_out_and_told_once(
    option: dict[str, Any], name: str, shape: str
) -> None:
    refused = {
        "openai": refusal(400, "Unsupported.", code="unsupported_parameter", param=name),
        "prose": refusal(400, f"Unrecognized request argument supplied: {name}"),
        "pydantic": httpx2.Response(
            422, json={"detail": [{"type": "extra_forbidden", "loc": ["body", name]}]}
        ),
    }[shape]
    model, canned = model_of(refused, stream_of(*HELLO), **option)
    happened, replied = ask(model)
    assert replied.text == "Hello"
    notices = [event for event in happened if isinstance(event, Notice)]
    assert len(notices) == 1
    assert name in notices[0].text
    assert name in canned.bodies[0]
    assert name not in canned.bodies[1]
    happened, _ = ask(model)  # Learned for good, and for every model object.
    assert not [event for event in happened if isinstance(event, Notice)]
    assert name not in canned.bodies[2]
    other, other_canned = model_of(stream_of(*HELLO), **option)
    ask(other)
    assert name not in other_canned.bodies[0]


@pytest.mark.parametrize(
    ("url", "first", "second"),
    [
        ("http://server.test/v1", "max_tokens", "max_completion_tokens"),
        ("https://api.openai.com/v1", "max_completion_tokens", "max_tokens"),
    ],
)
def test_the_cap_is_sent_under_its_other_name(url: str, first: str, second: str) -> None:
    said = f"Unsupported parameter: '{first}' is not supported. Use '{second}' instead."
    refused = refusal(400, said, code="unsupported_parameter", param=first)
    model, canned = model_of(refused, stream_of(*HELLO), base_url=url)
    happened, _ = ask(model)
    assert second in canned.bodies[1]
    assert first not in canned.bodies[1]
    assert [event for event in happened if isinstance(event, Notice)]


def test_a_cap_that_is_too_large_is_learned_not_dropped() -> None:
    said = "max_tokens is too large: 500. This model supports at most 400 completion tokens."
    model, canned = model_of(refusal(400, said, param="max_tokens"), stream_of(*HELLO))
    assert model.max_reply == 16_384
    ask(model)
    assert canned.bodies[1]["max_tokens"] == 400
    assert model.max_reply == 400


def test_a_small_window_is_learned_from_its_refusal() -> None:
    said = (
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens"
        " (30 in the messages, 5000 in the completion)."
    )
    refused = refusal(400, said, code="context_length_exceeded")
    model, canned = model_of(refused, stream_of(*HELLO))
    _, replied = ask(model, max_tokens=5000)
    assert replied.text == "Hello"
    assert 3900 < canned.bodies[1]["max_tokens"] < 4096


def test_a_limit_in_other_words() -> None:
    said = (
        "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is"
        " less than the `context_window` for this model"
    )
    model, canned = model_of(refusal(400, said), stream_of(*HELLO))
    ask(model, max_tokens=9000)
    assert canned.bodies[1]["max_tokens"] == 8192


def test_a_known_window_is_kept_without_being_told(tmp_path: Path) -> None:
    table = tmp_path / "prices.toml"
    table.write_text('["test-model"]\nwindow = 2000\nmax_output = 900\n')
    model, canned = model_of(stream_of(*HELLO), prices=table)
    assert (model.window, model.max_reply) == (2000, 900)
    ask(model, max_tokens=2000)
    assert 1900 < canned.bodies[0]["max_tokens"] < 2000
    ask(model, max_tokens=100)
    assert canned.bodies[1]["max_tokens"] == 100


def test_a_refusal_that_stays_is_an_error() -> None:
    refused = refusal(400, "Unsupported.", code="unsupported_parameter", param="temperature")
    model, canned = model_of(refused, temperature=1.0)
    with pytest.raises(ModelError) as caught:
        ask(model)
    assert caught.value.kind == "bad-request"
    assert len(canned.bodies) == 2


def test_a_server_that_ignores_the_cap_is_cut_off() -> None:
    flood = [piece("word " * 1000) for _ in range(100)]
    _, replied = ask(model_of(stream_of(*flood, piece(finish="stop")))[0], max_tokens=100)
    assert replied.finish == "length"
    assert len(replied.text) < 12_000


def test_a_schema_is_sent_strictly_and_the_text_is_its_json() -> None:
    answer = stream_of(piece('{"name": "Ada",'), piece(' "age": 36}'), piece(finish="stop"))
    model, canned = model_of(answer)
    _, replied = ask(model, schema=Person)
    assert Person.model_validate_json(replied.text) == Person(name="Ada", age=36)
    shape = canned.bodies[0]["response_format"]
    assert shape["type"] == "json_schema"
    assert shape["json_schema"]["strict"] is True
    assert shape["json_schema"]["schema"]["additionalProperties"] is False


def test_without_schemas_a_server_is_asked_in_words() -> None:
    fenced = stream_of(piece('Here:\n```json\n{"name": "Ada", "age": 36}\n```\n', "stop"))
    refused = refusal(400, "response_format type must be text or json_object")
    model, canned = model_of(refused, fenced)
    happened, replied = ask(model, schema=Person)
    assert replied.text == '{"name": "Ada", "age": 36}'
    assert replied.finish == "stop"
    assert "response_format" not in canned.bodies[1]
    words = canned.bodies[1]["messages"][-1]["content"]
    assert words.startswith("Say hello.")
    assert '"age"' in words
    assert [event for event in happened if isinstance(event, Notice)]


def test_a_server_that_ignores_the_schema_is_asked_in_words_next_time() -> None:
    prose = stream_of(piece("Ada is 36.", "stop"))
    bare = stream_of(piece('{"name": "Ada", "age": 36}', "stop"))
    model, canned = model_of(prose, bare)
    _, replied = ask(model, schema=Person)
    assert replied.finish == "broken"
    assert "no JSON" in replied.detail
    _, replied = ask(model, schema=Person)
    assert replied.finish == "stop"
    assert "response_format" not in canned.bodies[1]


def test_json_that_does_not_fit_is_broken_and_says_where() -> None:
    answer = stream_of(piece('{"name": "Ada", "age": "old"}', "stop"))
    _, replied = ask(model_of(answer)[0], schema=Person)
    assert replied.finish == "broken"
    assert "age" in replied.detail


def whole(*texts: str, finish: str = "stop", **more: object) -> httpx2.Response:
    choices = [
        {"index": i, "message": {"role": "assistant", "content": t}, "finish_reason": finish}
        for i, t in enumerate(texts)
    ]
    counts = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return httpx2.Response(200, json={"choices": choices, "usage": counts, **more})


def test_complete_gives_several_answers_at_once() -> None:
    model, canned = model_of(whole("a", "b", "c"))
    done = model.complete(HISTORY, 3, temperature=1.0, stop=["\n\n"], seed=5, max_tokens=50)
    assert done.texts == ("a", "b", "c")
    assert done.finishes == ("stop",) * 3
    assert (done.usage.prompt, done.usage.completion) == (10, 5)
    body = canned.bodies[0]
    assert (body["n"], body["temperature"], body["stop"], body["seed"]) == (3, 1.0, ["\n\n"], 5)
    assert body["max_tokens"] == 50
    assert "stream" not in body


def test_complete_asks_on_where_a_server_gives_one_answer() -> None:
    model, canned = model_of(whole("a"), whole("b"), whole("c"))
    done = model.complete(HISTORY, 3, seed=5)
    assert done.texts == ("a", "b", "c")
    assert [body["seed"] for body in canned.bodies] == [5, 6, 7]
    assert (done.usage.prompt, done.usage.completion) == (30, 15)


def test_complete_learns_that_n_is_refused() -> None:
    said: list[Any] = []
    model, canned = model_of(refusal(400, "'n' must be 1: only 1 is supported"), whole("a"))
    done = model.complete(HISTORY, 2, on_event=said.append)
    assert done.texts == ("a", "a")
    assert [body.get("n") for body in canned.bodies] == [2, None, None]
    assert isinstance(said[0], Notice)


def test_complete_cuts_at_a_stop_word_itself_where_the_server_does_not() -> None:
    refused = refusal(400, "Unsupported parameter: 'stop'", param="stop")
    model, _ = model_of(refused, whole("one\n\ntwo"))
    assert model.complete(HISTORY, stop=["\n\n"]).texts == ("one",)


def test_complete_takes_messages_and_parameters_as_they_are() -> None:
    model, canned = model_of(whole("ok"))
    messages = [{"role": "user", "content": [{"type": "text", "text": "hi \ud800"}]}]
    model.complete(messages, extra={"top_p": 0.5, "logit_bias": {"5": 1}})
    assert canned.bodies[0]["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "hi �"}]}
    ]
    assert canned.bodies[0]["top_p"] == 0.5
    assert canned.bodies[0]["logit_bias"] == {"5": 1}


def test_complete_retries_and_maps_as_reply_does() -> None:
    time = FakeTime()
    events: list[object] = []
    model, _ = model_of(refusal(500, "oops"), whole("ok"), time=time)
    assert model.complete(HISTORY, on_event=events.append).texts == ("ok",)
    assert [type(event) for event in events] == [Retrying]
    with pytest.raises(ModelError) as caught:
        model_of(refusal(401, "no"))[0].complete(HISTORY)
    assert caught.value.kind == "auth"
    with pytest.raises(ModelError) as caught:
        model_of(httpx2.Response(200, html="<p>"))[0].complete(HISTORY)
    assert caught.value.kind == "not-found"


@pytest.mark.parametrize(
    ("answer", "finish"),
    [
        (whole("cut", finish="length"), "length"),
        (whole("x", finish="content_filter"), "filtered"),
        (whole(), "broken"),
    ],
)
def test_complete_says_how_each_answer_ended(answer: httpx2.Response, finish: str) -> None:
    done = model_of(answer)[0].complete(HISTORY)
    assert done.finishes == (finish,)
    assert done.details[0]


def test_complete_takes_a_schema_and_hides_reasoning() -> None:
    text = '<think>hm, Ada</think>\n{"name": "Ada", "age": 36}'
    model, canned = model_of(whole(text))
    done = model.complete(HISTORY, schema=Person)
    assert done.texts == ('{"name": "Ada", "age": 36}',)
    assert canned.bodies[0]["response_format"]["type"] == "json_schema"


def test_the_models_of_a_server_are_listed() -> None:
    def serve(request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/v1/models"
        listed = [{"id": "b"}, {"id": "a"}, {"id": 3}, {}]
        return httpx2.Response(200, json={"object": "list", "data": listed})

    url = "http://server.test/v1"
    assert resolve_model(url, transport=httpx2.MockTransport(serve)) == ["b", "a"]
    refused = httpx2.MockTransport(lambda request: refusal(401, f"bad key {KEY}"))
    with pytest.raises(ModelError) as caught:
        resolve_model(url, Secret(KEY), transport=refused)
    assert caught.value.kind == "auth"
    assert KEY not in str(caught.value)
    page = httpx2.MockTransport(lambda request: httpx2.Response(200, html="<p>"))
    with pytest.raises(ModelError, match="base URL"):
        resolve_model(url, transport=page)


def test_the_count_follows_what_the_server_counted() -> None:
    long: list[Said | Replied] = [Said("some words of a long prompt " * 200)]
    model, _ = model_of(stream_of(piece("ok"), piece(finish="stop"), usage(5000, 1)))
    assert model.count(long) < 5000
    ask(model, history=long)
    grown = [*long, Replied("ok"), Said("more words " * 100)]
    assert 5000 < model.count(long) < 5300
    assert model.count(grown) > model.count(long) + 100


CANARY_ANSWERS: dict[str, Any] = {
    "body": refusal(401, f"Incorrect API key provided: {KEY}."),
    "body in pieces": refusal(400, f"key {KEY[:10]}\x00{KEY[10:]} \x1b[31mred"),
    "json": httpx2.Response(400, json={"detail": {"headers": {"authorization": KEY}}}),
    "html": httpx2.Response(502, html=f"<pre>Authorization: Bearer {KEY}</pre>"),
    "long body": refusal(400, "x" * 9990 + KEY + "y" * 5_000_000),
    "event": stream_of({"error": {"message": f"bad key {KEY}", "code": 401}}),
    "late event": stream_of(piece("hi"), {"error": {"message": f"key {KEY}"}}),
    "text": stream_of(*[piece(letter) for letter in f"your key is {KEY}, ok"], piece("", "stop")),
    "reasoning": stream_of(piece(reasoning=f"the key {KEY}"), piece("hm", "stop")),
    "garbled": stream_of(piece("hi"), f'{{"a": "{KEY}'),
    "redirect": httpx2.Response(302, headers={"location": f"http://x.test/?k={KEY}"}),
    "unsupported": refusal(400, f"Unsupported {KEY}", code="unsupported_value", param="seed"),
    "connection": httpx2.ConnectError(f"cannot send {KEY}"),
    "finish": stream_of(piece("hi", f"reason {KEY}")),
    "page": httpx2.Response(200, text=KEY, headers={"content-type": f"text/{KEY}"}),
}


@pytest.mark.parametrize("name", CANARY_ANSWERS)
def test_the_key_is_in_nothing_that_comes_out(name: str) -> None:
    model, canned = model_of(CANARY_ANSWERS[name], seed=1)
    out: list[object] = [repr(model), repr(model.options), str(model.options)]
    said: list[str] = []
    for call in ("reply", "complete"):
        try:
            if call == "reply":
                happened, replied = ask(model)
                shown = text_of(happened), text_of(happened, "reasoning")
                out += [*happened, replied, shown]
            else:
                out.append(model.complete(HISTORY, on_event=out.append))
        except ModelError as error:
            said.append(str(error))
            out += [repr(error), "".join(traceback.format_exception(error))]
    assert canned.bodies
    assert KEY not in repr(out)
    for one in said:
        assert KEY not in one
        assert len(one) < 1000
        assert not {"\x1b", "\0"} & set(one)


def test_the_key_is_not_sent_as_text() -> None:
    model, canned = model_of(stream_of(*HELLO))
    ask(model, history=[Said(f"my key is {KEY}")])
    assert KEY not in json.dumps(canned.bodies)


def test_a_reply_of_ten_megabytes_costs_linear_time(tmp_path: Path) -> None:
    table = tmp_path / "prices.toml"
    table.write_text('["*"]\ninput = 0\noutput = 0\n')
    chunks = [piece("y" * 1000 + "\n")] * 10_000
    answer = httpx2.Response(
        200,
        headers={"content-type": "text/event-stream"},
        content=sse(*chunks, piece(finish="stop"), usage(10, 2_500_000), "[DONE]"),
    )
    model, _ = model_of(answer, prices=table)
    _, replied = ask(model, max_tokens=3_000_000)
    assert len(replied.text) == 10_010_000
    assert replied.finish == "stop"
    assert replied.usage.cost == 0


def test_a_server_that_finds_ever_new_faults_is_given_up() -> None:
    windows = iter(range(15_000, 1_000, -1))

    def shrink(request: httpx2.Request) -> httpx2.Response:
        said = f"This model's maximum context length is {next(windows)} tokens."
        return refusal(400, said, code="context_length_exceeded")

    model, canned = model_of(shrink)
    with pytest.raises(ModelError) as caught:
        ask(model, max_tokens=16_000)
    assert caught.value.kind == "context"
    assert len(canned.bodies) < 20
