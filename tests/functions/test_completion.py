"""Asking models: templates, lists of configurations, the cache, costs, faults."""

import json
import sqlite3
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assistant.code_utils import DEFAULT_MODEL, generate_code, improve_code, improve_function
from assistant.events import ModelError, UsageError
from assistant.functions import completion
from assistant.functions.cache import FILE, AnswerCache
from assistant.functions.completion import UnknownPriceWarning, create, extract_text
from assistant.functions.request import read_request
from assistant.functions.templates import filled
from assistant.settings import Settings

KEY = "sk-fake-canary-0123456789abcdef"
PRICE = [1.0, 2.0]


@pytest.fixture(autouse=True)
def server(llmock: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OPENAI_BASE_URL", llmock.base_url())
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return llmock


def said(server: Any) -> str:
    return "\n".join(m["content"] for m in server.last_request.body["messages"])


# Templates.


@pytest.mark.parametrize(
    ("template", "context", "text"),
    [
        ("plain {x}", None, "plain {x}"),
        ("plain {x}", {}, "plain {x}"),
        ("say {x}{y}", {"x": 1, "y": "{x}"}, "say 1{x}"),
        ("{{x}} {x}", {"x": 1}, "{x} 1"),
        ('{"a": {"b": 1}} {x}', {"x": 1}, '{"a": {"b": 1}} 1'),
        ("def f(): return {} # {x}", {"x": 1}, "def f(): return {} # 1"),
        ("{x.__class__} {x}", {"x": 1}, "{x.__class__} 1"),
        ("{x!r} {x}", {"x": "a"}, "{x!r} a"),
        ("{unknown} {x}", {"x": "a"}, "{unknown} a"),
        (lambda context: f"made of {context['x']}", {"x": 5}, "made of 5"),
    ],
)
def test_fields_are_filled(template: Any, context: Any, text: str) -> None:
    assert filled(template, context) == text


def test_messages_are_filled_too(server: Any) -> None:
    server.reply("ok", times=None)
    messages = [{"role": "system", "content": "Be {how}."}, {"role": "user", "content": "{x}?"}]
    create({"how": "brief", "x": 1}, messages=messages, price=PRICE)
    assert server.last_request.body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "1?"},
    ]
    create({"x": 1}, prompt="{x}", allow_format_str_template=False, price=PRICE)
    assert said(server) == "{x}"


# One call.


def test_what_chat_completions_takes_is_sent(server: Any) -> None:
    server.reply("ok", times=None)
    create(
        prompt="hi",
        model="gpt-4o",
        n=1,
        temperature=0.5,
        max_tokens=77,
        stop=["END"],
        seed=3,
        top_p=0.9,
        use_cache=False,
        price=PRICE,
    )
    body = server.last_request.body
    assert body["model"] == "gpt-4o"
    assert (body["temperature"], body["top_p"], body["seed"], body["stop"]) == (
        0.5,
        0.9,
        3,
        ["END"],
    )
    assert body.get("max_tokens", body.get("max_completion_tokens")) == 77
    assert not {"price", "use_cache", "prompt", "timeout", "context"} & set(body)


def test_several_answers(server: Any) -> None:
    server.reply("same", times=None)
    response = create(prompt="hi", n=3, price=PRICE)
    assert extract_text(response) == ["same"] * 3
    assert [choice["index"] for choice in response["choices"]] == [0, 1, 2]


def test_cost_is_dollars_from_the_callers_price(server: Any) -> None:
    server.reply("one two three", times=None)
    response = create(prompt="hi", price=PRICE)
    usage = response["usage"]
    want = (usage["prompt_tokens"] * 1.0 + usage["completion_tokens"] * 2.0) / 1000
    assert response["cost"] == pytest.approx(want)
    assert want > 0


def test_an_unknown_price_is_none_and_said_once(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "_warned", set())
    server.reply("ok", times=None)
    with pytest.warns(UnknownPriceWarning, match="no-such-model"):
        assert create(prompt="hi", model="no-such-model")["cost"] is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert create(prompt="hi", model="no-such-model")["cost"] is None


def test_the_users_own_model_goes_before_the_default(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.reply("ok", times=None)
    create(prompt="hi", price=PRICE)
    assert server.last_request.body["model"] == DEFAULT_MODEL
    monkeypatch.setenv("ASSISTANT_MODEL", "mine")
    create(prompt="hi", price=PRICE)
    assert server.last_request.body["model"] == "mine"


def test_the_users_key_goes_to_the_users_server_only() -> None:
    mine = Settings(api_key=KEY, base_url="http://mine.test/v1")
    other = {"prompt": "x", "base_url": "http://other.test/v1"}
    assert read_request({"prompt": "x"}, None, mine).api_key == KEY
    assert read_request(other, None, mine).api_key == ""
    assert read_request({**other, "api_key": "k"}, None, mine).api_key == "k"
    assert KEY not in repr(read_request({"prompt": "x"}, None, mine))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"prompt": 5},
        {"messages": ["hi"]},
        {"prompt": "x", "n": 0},
        {"prompt": "x", "n": True},
        {"prompt": "x", "api_type": "azure"},
        {"prompt": "x", "stream": True},
        {"prompt": "x", "price": 3},
        {"prompt": "x", "price": [-1, 2]},
        {"prompt": "x", "config_list": []},
        {"prompt": "x", "config_list": "gpt"},
        {"prompt": "x", "base_url": "no url"},
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(config: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        create(**config)


def test_without_a_key_and_a_server_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        create(prompt="hi")


# Lists of configurations.


def test_the_next_configuration_is_asked_where_one_is_refused(server: Any) -> None:
    server.reply("no", times=1).reply("yes", times=1).reply("late", times=None)
    seen: list[dict[str, Any]] = []

    def accept(**given: Any) -> bool:
        seen.append(given)
        return extract_text(given["response"]) == ["yes"]

    configs = [{"model": "a"}, {"model": "b"}, {"model": "c"}]
    response = create({"x": 1}, prompt="{x}", config_list=configs, filter_func=accept, price=PRICE)
    assert (response["config_id"], response["pass_filter"], response["model"]) == (1, True, "b")
    assert [one["base_config"] for one in seen] == configs[:2]
    assert all(one["context"] == {"x": 1} for one in seen)
    assert len(server.requests) == 2
    assert response["cost"] > 0


def test_when_all_are_refused_the_last_answer_comes(server: Any) -> None:
    server.reply("no", times=None)
    configs: list[dict[str, Any]] = [{"model": "a"}, {"model": "b"}]
    both = sum(create(prompt="hi", price=PRICE, **config)["cost"] for config in configs)
    refused = create(prompt="hi", config_list=configs, filter_func=lambda **_: False, price=PRICE)
    assert (refused["config_id"], refused["pass_filter"], refused["model"]) == (1, False, "b")
    assert refused["cost"] == pytest.approx(both)


def test_a_call_that_fails_goes_on_to_the_next(server: Any) -> None:
    server.fail(status=401, times=1).reply("ok", times=None)
    response = create(prompt="hi", config_list=[{"model": "a"}, {"model": "b"}], price=PRICE)
    assert (response["config_id"], response["model"]) == (1, "b")


def test_when_all_calls_fail_the_last_error_comes(server: Any) -> None:
    server.fail(status=401, times=None)
    with pytest.raises(ModelError) as caught:
        create(prompt="hi", config_list=[{"model": "a"}, {"model": "b"}])
    assert caught.value.kind == "auth"
    assert KEY not in str(caught.value)


def test_an_answer_is_not_lost_by_a_later_failure(server: Any) -> None:
    server.reply("so so", times=None)

    def refuse(**_: Any) -> bool:
        server.fail(status=401, times=None)
        return False

    configs = [{"model": "a"}, {"model": "b"}]
    kept = create(prompt="hi", config_list=configs, filter_func=refuse, price=PRICE)
    assert (kept["config_id"], kept["pass_filter"]) == (0, False)
    assert extract_text(kept) == ["so so"]


# The cache.


@pytest.mark.parametrize("name", ["cache_seed", "seed"])
def test_a_seed_remembers_answers(server: Any, tmp_path: Path, name: str) -> None:
    server.reply("first", times=1).reply("second", times=None)
    asked: dict[str, Any] = {"prompt": "hi", "cache_path_root": tmp_path, "price": PRICE}
    seed: dict[str, Any] = {name: 41}
    first = create(**asked, **seed)
    assert create(**asked, **seed) == first
    assert len(server.requests) == 1
    assert ("seed" in server.last_request.body) == (name == "seed")
    assert extract_text(create(**asked | {name: 42})) == ["second"]
    assert extract_text(create(**asked, **seed, temperature=1.0)) == ["second"]
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    assert KEY.encode() not in (tmp_path / FILE).read_bytes()


def test_nothing_is_remembered_unasked(server: Any) -> None:
    server.reply("ok", times=None)
    for more in ({}, {"seed": 1, "cache_seed": None}, {"seed": 1, "use_cache": False}):
        for _ in range(2):
            create(prompt="hi", price=PRICE, **more)
    assert len(server.requests) == 6
    assert not list(Path.home().rglob(FILE))


def test_a_damaged_cache_is_asked_past_or_told(server: Any, tmp_path: Path) -> None:
    server.reply("ok", times=None)
    asked: dict[str, Any] = {"prompt": "hi", "cache_path_root": tmp_path, "price": PRICE}
    create(**asked, cache_seed=1)
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("UPDATE answer SET json = ?", (json.dumps({"choices": [1]}),))
    database.close()
    assert extract_text(create(**asked, cache_seed=1)) == ["ok"]
    (tmp_path / FILE).write_bytes(b"no database at all, but long enough to be looked at")
    with pytest.raises(Exception, match="Delete that file"):
        create(**asked, cache_seed=1)


def test_the_cache_is_one_for_several_threads(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    caches = [AnswerCache(tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: caches[i % 8].keep(f"k{i}", {"i": i}), range(64)))
    assert [caches[0].get(f"k{i}") for i in range(64)] == [{"i": i} for i in range(64)]


# The functions over it.


def test_generate_code(server: Any) -> None:
    server.reply("Here:\n\n```python\nprint(1)\n```\nand\n```sh\nls\n```\n", times=None)
    blocks, cost = generate_code(prompt="{x}", context={"x": "print one"}, price=PRICE)
    assert blocks == [("python", "print(1)"), ("sh", "ls")]
    assert isinstance(cost, float)
    assert said(server) == "print one"


def test_generate_code_without_code(server: Any) -> None:
    server.reply("no code", times=None)
    assert generate_code(prompt="hi", price=PRICE)[0] == [("unknown", "no code")]


def test_improve_function(server: Any, tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_bytes("\ufeffdef f(x):\r\n    return {x}  # $name\r\n".encode())
    server.reply("better", times=None)
    text, cost = improve_function(file, "f", "be quick", price=PRICE)
    assert text == "better"
    assert isinstance(cost, float)
    asked = said(server)
    assert "def f(x):\n    return {x}  # $name" in asked
    assert "be quick" in asked
    improve_function(file, "f", "o", prompt="{func_name}|{objective}|{file_string}", price=PRICE)
    assert said(server) == "f|o|def f(x):\n    return {x}  # $name\n"
    own = [{"role": "user", "content": "{func_name}!"}]
    improve_function(file, "f", "o", messages=own, price=PRICE)
    assert said(server) == "f!"


def test_improve_code(server: Any, tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("a = 1")
    two.write_text("b = 2")
    server.reply("suggestions", times=None)
    assert improve_code([one, str(two)], "clarity", price=PRICE)[0] == "suggestions"
    only = said(server)
    assert f"{one}:\na = 1" in only
    assert f"{two}:\nb = 2" in only
    assert "improved code" not in only
    improve_code([one], "clarity", suggest_only=False, price=PRICE)
    assert "improved code" in said(server)
    improve_code([one], "o", False, prompt="{objective}{followup}", price=PRICE)
    assert said(server).startswith("o, followed by the improved code")
    assert one.read_text() == "a = 1"


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "gone.py"
    if content:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=r"gone\.py"):
        improve_function(file, "f", "o")
    with pytest.raises(UsageError, match=r"gone\.py"):
        improve_code([file], "o")
    with pytest.raises(UsageError, match="list"):
        improve_code(str(file), "o")


def test_texts_of_every_shape() -> None:
    old = {"choices": [{"text": "a"}, {"text": None}]}
    new = SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content="b"))])
    assert extract_text(old) == ["a", ""]
    assert extract_text(new) == ["b"]
    with pytest.raises(UsageError):
        extract_text("text")
