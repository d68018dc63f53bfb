"""Answers judged by tests and assertions, and the cascade of configurations over that."""

from collections.abc import Callable
from typing import Any

import pytest

from assistant.code_utils import (
    DEFAULT_MODEL,
    FAST_MODEL,
    PassAssertionFilter,
    eval_function_completions,
    generate_assertions,
    implement,
)
from assistant.events import ModelError, UsageError
from assistant.functions import judging
from assistant.functions.implementing import cascade
from assistant.functions.solutions import entry_of

EITHER = pytest.mark.parametrize(
    "use_docker",
    [pytest.param(False, id="here"), pytest.param(True, id="container", marks=pytest.mark.docker)],
)
DEFINITION = '''from typing import List

def total(xs: List[int]) -> int:
    """Sum.
    >>> total([1, 2])
    3
    """
'''
TEST = """
METADATA = {}

def check(candidate):
    assert candidate([1, 2]) == 3
    assert candidate([]) == 0
"""
KEEPS = "assert total([1, 2]) == 3\nassert total([]) == 0"
RIGHT = "    return sum(xs)\n"
WHOLE = "def total(xs: List[int]) -> int:\n    return sum(xs)\n"
FENCED = f"Here it is.\n\n```python\n{WHOLE}```\n"
WRONG = "    return 4\n"
FORGED = [
    "    import os; os._exit(0)\n",
    "    import sys; sys.exit(0)\n",
    "    import atexit, os; atexit.register(os._exit, 0); raise SystemExit(0)\n",
    "    print('passed', flush=True); import os; os._exit(0)\n",
    "    class Equal:\n        def __eq__(self, other): return True\n    return Equal()\n",
    "    import builtins; builtins.AssertionError = type('A', (), {}); return 1\n",
    "    raise SystemExit(0)\n",
]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The filter and implement always judge in a container; here they need none."""
    opener = judging.opener
    monkeypatch.setattr(judging, "opener", lambda use_docker: opener(False))


@pytest.fixture
def server(llmock: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OPENAI_BASE_URL", llmock.base_url())
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake-canary-0123456789abcdef")
    return llmock


def never(definition: str) -> tuple[str, float]:
    raise AssertionError("not to be called")


def response(*texts: str) -> dict[str, Any]:
    return {"choices": [{"message": {"content": text}} for text in texts]}


# eval_function_completions


@EITHER
def test_success_and_expected_success(use_docker: bool) -> None:
    judged = eval_function_completions(
        [RIGHT, WRONG, FENCED, WHOLE], DEFINITION, TEST, "total", use_docker=use_docker
    )
    assert judged == {"expected_success": 1 - (1 - 3 / 4) ** 4, "success": True}
    none = eval_function_completions([WRONG], DEFINITION, TEST, use_docker=use_docker)
    assert none == {"expected_success": 0.0, "success": False}


@EITHER
def test_a_verdict_cannot_be_forged(use_docker: bool) -> None:
    judged = eval_function_completions(FORGED, DEFINITION, TEST, "total", use_docker=use_docker)
    assert judged == {"expected_success": 0.0, "success": False}
    by_text = eval_function_completions(FORGED, DEFINITION, assertions=KEEPS, use_docker=use_docker)
    assert not by_text["succeed_assertions"]


def test_assertions_as_a_text_select_the_first_that_keeps_them() -> None:
    judged = eval_function_completions(
        [WRONG, FENCED, RIGHT], DEFINITION, assertions=KEEPS, use_docker=False
    )
    assert judged == {
        "index_selected": 1,
        "succeed_assertions": True,
        "gen_cost": 0.0,
        "assertions": KEEPS,
    }


def test_where_none_keeps_them_the_last_is_selected_and_tested() -> None:
    judged = eval_function_completions(
        [WRONG, RIGHT],
        DEFINITION,
        TEST,
        "total",
        assertions="assert total([1]) == 7",
        use_docker=False,
    )
    assert judged["index_selected"] == 1
    assert not judged["succeed_assertions"]
    assert judged["success"]


@pytest.mark.parametrize("text", ["", "Sorry, I cannot.", "x = 1", "pass"])
def test_a_text_that_asserts_nothing_is_kept_by_nobody(text: str) -> None:
    judged = eval_function_completions([RIGHT], DEFINITION, assertions=text, use_docker=False)
    assert not judged["succeed_assertions"]


def test_assertions_are_made_only_where_there_is_a_choice() -> None:
    one = eval_function_completions([RIGHT], DEFINITION, assertions=never, use_docker=False)
    assert (one["index_selected"], one["gen_cost"], one["assertions"]) == (0, 0.0, None)
    two = eval_function_completions(
        [WRONG, RIGHT], DEFINITION, assertions=lambda _: (KEEPS, 0.25), use_docker=False
    )
    assert two == {
        "index_selected": 1,
        "succeed_assertions": True,
        "gen_cost": 0.25,
        "assertions": KEEPS,
    }


def test_nothing_to_judge_is_an_error() -> None:
    ways: list[dict[str, Any]] = [{"test": TEST}, {"assertions": KEEPS}]
    for given in ways:
        with pytest.raises(ValueError, match="no responses"):
            eval_function_completions([], DEFINITION, use_docker=False, **given)
    with pytest.raises(UsageError, match="neither"):
        eval_function_completions([RIGHT], DEFINITION, use_docker=False)


def test_a_made_up_check_is_not_the_test() -> None:
    own = f"{WHOLE}\ndef check(candidate):\n    pass\n"
    wrong = f"def total(xs):\n{WRONG}\ndef check(candidate):\n    pass\n"
    judged = eval_function_completions([own, wrong], DEFINITION, TEST, "total", use_docker=False)
    assert judged["expected_success"] == 0.75


def test_other_test_code_and_a_call_of_check_of_its_own() -> None:
    for test in ("assert total([5]) == 5", f"{TEST}\ncheck(total)\n"):
        judged = eval_function_completions([RIGHT, WRONG], DEFINITION, test, use_docker=False)
        assert judged["expected_success"] == 0.75, test


def test_the_time_limit_holds_for_each() -> None:
    loop = "    while True: pass\n"
    judged = eval_function_completions(
        [loop, RIGHT], DEFINITION, TEST, "total", timeout=1, use_docker=False
    )
    assert judged["success"]
    assert judged["expected_success"] == 0.75


def test_hostile_texts_are_failures_not_errors() -> None:
    texts = ["\0", "\ud800", "x" * 1_000_000, "(" * 100_000, "", "```"]
    judged = eval_function_completions(texts, DEFINITION, TEST, "total", use_docker=False)
    assert judged == {"expected_success": 0.0, "success": False}


# PassAssertionFilter


def test_the_filter_keeps_its_assertions(here: None) -> None:
    made: list[str] = []

    def make(definition: str) -> tuple[str, float | None]:
        made.append(definition)
        return KEEPS, 0.5

    judge = PassAssertionFilter(make)
    context = {"definition": DEFINITION}
    assert not judge.pass_assertions(context, response(WRONG, WRONG))
    assert judge.pass_assertions(context=context, response=response(FENCED), base_config={})
    assert made == [DEFINITION]
    assert judge.cost == 0.5
    assert judge.metrics is not None
    assert judge.metrics["assertions"] == KEEPS
    assert judge.responses == [WHOLE.rstrip("\n")]


def test_the_filter_keeps_a_text_from_call_to_call(here: None) -> None:
    judge = PassAssertionFilter(KEEPS)
    for texts, passes in (((WRONG,), False), ((WRONG, RIGHT), True), ((WRONG,), False)):
        assert judge.pass_assertions({"definition": DEFINITION}, response(*texts)) is passes


def test_an_unknown_cost_stays_unknown(here: None) -> None:
    judge = PassAssertionFilter(lambda _: (KEEPS, None))
    judge.pass_assertions({"definition": DEFINITION}, response(RIGHT, RIGHT))
    assert judge.cost is None


# generate_assertions


@pytest.mark.parametrize("answer", [KEEPS, f"```python\n{KEEPS}\n```"])
def test_assertions_come_without_fences(server: Any, answer: str) -> None:
    server.reply(answer, times=None)
    text, cost = generate_assertions(DEFINITION, price=[1, 1])
    assert text == KEEPS
    assert isinstance(cost, float)
    body = server.last_request.body
    assert body["model"] == FAST_MODEL
    assert body.get("max_tokens", body.get("max_completion_tokens")) == 256
    assert body["stop"] in ("\n\n", ["\n\n"])
    assert DEFINITION.strip() in body["messages"][-1]["content"]


def test_a_callers_prompt_for_assertions(server: Any) -> None:
    server.reply(KEEPS, times=None)
    generate_assertions("def f(): ...", prompt="{definition} {{}}", model="mine", price=[1, 1])
    assert server.last_request.body["messages"][-1]["content"] == "def f(): ... {}"
    assert server.last_request.body["model"] == "mine"


# implement


def scripted(monkeypatch: pytest.MonkeyPatch, answer: Callable[[dict[str, Any]], list[str]]) -> Any:
    """Answers by the configuration, in the place of a server."""
    from assistant.functions import completion

    asked: list[dict[str, Any]] = []

    def one(request: Any, settings: Any, purse: Any) -> dict[str, Any]:
        asked.append({"model": request.model, "n": request.n, "messages": request.messages})
        texts = answer(asked[-1])
        return {**response(*texts), "model": request.model, "usage": {}, "cost": 0.125}

    monkeypatch.setattr(completion, "_asked", one)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake-canary-0123456789abcdef")
    return asked


def test_the_cascade_is_cheapest_first(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = scripted(monkeypatch, lambda config: [WRONG] * config["n"])
    code, cost, index = implement(DEFINITION, assertions=KEEPS)
    assert [one["n"] for one in asked] == [1, 7, 1, 2, 1]
    assert [one["model"] for one in asked] == [FAST_MODEL] * 2 + [DEFAULT_MODEL] * 3
    assert (code, cost, index) == (WRONG, 5 * 0.125, 4)


def test_the_first_that_passes_ends_it(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(config: dict[str, Any]) -> list[str]:
        return [WRONG] if config["n"] == 1 else [WRONG, WRONG, FENCED, WRONG, RIGHT, WRONG, WRONG]

    asked = scripted(monkeypatch, answer)
    made: list[str] = []

    def make(definition: str) -> tuple[str, float]:
        made.append(definition)
        return KEEPS, 1.0

    code, cost, index = implement(DEFINITION, assertions=make)
    assert (code, cost, index) == (WHOLE.rstrip("\n"), 1.25, 1)
    assert len(asked) == 2
    assert made == [DEFINITION]


def test_one_configuration_needs_no_assertions(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = scripted(monkeypatch, lambda config: [RIGHT])
    given = {"definition": DEFINITION, "x": 7}
    code, cost, index = implement(given, [{"model": "m", "prompt": "{x}{definition}"}], never)
    assert (code, cost, index) == (RIGHT, 0.125, 0)
    assert asked[0]["messages"][0]["content"] == f"7{DEFINITION}"


def test_end_to_end_against_a_server(server: Any, here: None) -> None:
    server.reply(KEEPS, times=1).reply(WRONG, times=1).reply(FENCED, times=None)
    configs = [{"model": "a", "price": [1, 1]}, {"model": "b", "price": [1, 1]}]
    code, _, index = implement(
        DEFINITION, configs, lambda text: generate_assertions(text, price=[1, 1])
    )
    assert (code, index) == (WHOLE.rstrip("\n"), 1)
    assert entry_of(code) == "total"
    assert eval_function_completions([code], DEFINITION, TEST, use_docker=False)["success"]


def test_faults_of_implement(server: Any, here: None) -> None:
    server.fail(status=401, times=None)
    with pytest.raises(ModelError):
        implement(DEFINITION, [{"model": "a"}], KEEPS)
    with pytest.raises(UsageError, match="empty"):
        implement(DEFINITION, [], KEEPS)
    with pytest.raises(UsageError, match="definition"):
        implement({"prompt": "x"}, None, KEEPS)


def test_the_users_own_model_is_in_all_of_the_cascade(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_MODEL", "mine")
    assert {config["model"] for config in cascade()} == {"mine"}
