"""The model end to end against an independent server, which also judges how it behaves."""

from typing import Any

import pydantic
import pytest

from assistant.events import Chunk, ModelError, Notice, Retrying, Said
from assistant.model.openai_model import OpenAIModel, resolve_model
from assistant.model.options import ModelOptions, Secret, Timeouts
from tests.model.helpers import HISTORY, KEY, ask, text_of


class Invoice(pydantic.BaseModel):
    customer: str
    total: float
    lines: list[str]


@pytest.fixture
def model(llmock: Any) -> OpenAIModel:
    options = ModelOptions("gpt-4o", Secret(KEY), llmock.base_url(), timeouts=Timeouts(5.0, 0.5))
    return OpenAIModel(options)


def test_a_reply_streams_with_the_servers_usage(model: OpenAIModel, llmock: Any) -> None:
    llmock.reply("one two three four")
    happened, replied = ask(model)
    assert replied.text == text_of(happened) == "one two three four"
    assert replied.finish == "stop"
    assert not replied.usage.estimated
    assert replied.usage.prompt > 0
    assert len([event for event in happened if isinstance(event, Chunk)]) == 4
    assert llmock.last_request.body["stream_options"] == {"include_usage": True}
    llmock.assert_resilient(strict=True)


def test_a_schema_gives_an_object(model: OpenAIModel) -> None:
    _, replied = ask(model, schema=Invoice)
    Invoice.model_validate_json(replied.text)
    assert replied.finish == "stop"


def test_answers_at_once(model: OpenAIModel, llmock: Any) -> None:
    llmock.reply("same")
    done = model.complete([Said("hello")], 3)
    assert done.texts == ("same", "same", "same")


def test_too_many_requests_waits_as_asked(model: OpenAIModel, llmock: Any) -> None:
    llmock.rate_limit(times=2, retry_after=0.3).reply("ok")
    happened, replied = ask(model)
    assert replied.text == "ok"
    waits = [event.seconds for event in happened if isinstance(event, Retrying)]
    assert len(waits) == 2
    assert min(waits) >= 0.3
    llmock.assert_resilient(strict=True)


def test_a_passing_outage_is_sat_out(model: OpenAIModel, llmock: Any) -> None:
    llmock.fail(503, times=2).reply("ok")
    happened, replied = ask(model)
    assert replied.text == "ok"
    assert [type(event) for event in happened[:2]] == [Retrying, Retrying]
    llmock.assert_resilient(strict=True)


def test_an_outage_that_stays_is_an_error(llmock: Any) -> None:
    llmock.outage()
    model = OpenAIModel(ModelOptions("gpt-4o", Secret(KEY), llmock.base_url(), tries=2))
    with pytest.raises(ModelError, match="tried 2 times"):
        ask(model)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, None, "bad-request"),
        (401, "invalid_api_key", "auth"),
        (403, None, "auth"),
        (404, "model_not_found", "not-found"),
        (429, "insufficient_quota", "quota"),
    ],
)
def test_what_no_retry_cures_is_sent_once(
    model: OpenAIModel, llmock: Any, status: int, code: str | None, kind: str
) -> None:
    llmock.fail(status, times=None, code=code)
    with pytest.raises(ModelError) as caught:
        ask(model)
    assert caught.value.kind == kind
    assert len(llmock.requests) == 1
    assert not [f for f in llmock.verdict().findings if f.code == "retried_non_retryable"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [("disconnect", "dropped"), ("truncate", "before the reply"), ("corrupt", "no valid reply")],
)
def test_a_stream_that_breaks_is_never_taken_for_a_reply(
    model: OpenAIModel, llmock: Any, fault: str, said: str
) -> None:
    llmock.reply("one two three four")
    getattr(llmock, fault)(after_chunks=3)
    happened, replied = ask(model)
    assert replied.finish == "broken"
    assert said in replied.detail
    assert replied.text == text_of(happened) == "one two "
    assert replied.usage.estimated
    _, again = ask(model)  # What the loop does next; the connection must still serve.
    assert again.finish == "stop"


def test_a_stall_is_left(model: OpenAIModel, llmock: Any) -> None:
    llmock.reply("one two three four").stall(after_chunks=2, seconds=20)
    _, replied = ask(model)
    assert (replied.text, replied.finish) == ("one ", "broken")
    assert "silent" in replied.detail


def test_a_slow_first_word_is_borne_the_second_time(model: OpenAIModel, llmock: Any) -> None:
    llmock.slow_first_token(0.8, times=2)
    _, first = ask(model)
    _, second = ask(model)
    assert (first.finish, second.finish) == ("broken", "stop")


def test_a_prompt_that_is_too_long_says_so(model: OpenAIModel, llmock: Any) -> None:
    llmock.context_overflow()
    with pytest.raises(ModelError) as caught:
        ask(model)
    assert caught.value.kind == "context"
    assert len(llmock.requests) == 1


def test_a_window_enforced_by_the_server(model: OpenAIModel, llmock: Any) -> None:
    llmock.limits(context_window=5)
    with pytest.raises(ModelError) as caught:
        ask(model, history=[*HISTORY, Said("many words " * 100)])
    assert caught.value.kind == "context"


def test_real_quotas_are_waited_for(model: OpenAIModel, llmock: Any) -> None:
    llmock.limits(rpm=120)
    for _ in range(120):
        ask(model)
    happened, replied = ask(model)
    assert replied.finish == "stop"
    assert not [event for event in happened if isinstance(event, Notice)]
    assert not [f for f in llmock.verdict().findings if f.code == "retry_after_ignored"]


def test_the_servers_models_are_listed(llmock: Any) -> None:
    assert "gpt-4o" in resolve_model(llmock.base_url(), Secret(KEY))
