"""The pipeline: each strategy's replies and code, and every odd end of a reply as a class."""

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from assistant.budget import Budget, Exhausted
from assistant.evals import strategies
from assistant.evals.asking import Gate, SampleModel
from assistant.evals.datasets import STARTER, load
from assistant.evals.formatter import CodeFormatter
from assistant.evals.generated import GeneratedCode
from assistant.evals.pipeline import Around, CodeGenerationPipeline, Parameters
from assistant.evals.runs import Call, Generated, Sample, Span
from assistant.evals.strategy_context import Strategy
from assistant.evals.trace import Trace
from assistant.events import (
    CodeBlock,
    ExecResult,
    ModelError,
    Notice,
    Output,
    Replied,
    Said,
    Usage,
    UsageError,
)
from assistant.model.replay import ScriptedModel
from assistant.purse import UNCAPPED, Purse
from tests.fakes import ListModel

PROBLEM = load(str(STARTER)).problems[0]
BODY = PROBLEM.reference.removeprefix(PROBLEM.prompt)
FENCED = f"```python\n{PROBLEM.reference}```\n"
PARTS = GeneratedCode(
    function_signature="def is_leap_year(year: int) -> Optional[bool]:",
    function_args_with_docstring_within_triple_quotes='"""Tell whether it is one."""',
    code_logic="import os\nreturn year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)",
).model_dump_json()


def generated(
    strategy: Strategy, *replies: str | Replied | BaseException, **more: Any
) -> tuple[Generated, ListModel, list[Span], list[Call]]:
    model = ListModel(*replies)
    spans: list[Span] = []
    calls: list[Call] = []
    purse = Purse(more.pop("budget", UNCAPPED))
    asking = SampleModel(("starter/1", 1), model, purse, Gate(), Trace(spans.append), calls.append)
    open_executor = more.pop("open_executor", None)
    pipeline = CodeGenerationPipeline(model, strategy=strategy, **more)
    return pipeline.generated(PROBLEM, asking, Around(open_executor)), model, spans, calls


def leap(code: str | None, year: int) -> bool:
    names: dict[str, Any] = {}
    assert code is not None
    exec(code, names)
    found = names["is_leap_year"](year)
    assert isinstance(found, bool)
    return found


def test_a_structured_reply_is_put_together_and_tidied() -> None:
    found, model, spans, calls = generated("structured", PARTS)
    (attempt,) = found.attempts
    assert leap(attempt.formatted, 2024)
    assert not leap(attempt.formatted, 1900)
    assert "import os" not in (attempt.formatted or "")
    assert "from typing import Optional" in (attempt.formatted or "")
    assert "import os" in (attempt.code or "")
    assert PROBLEM.prompt.strip() in model.seen[0][-1].text
    assert [(span.operation, bool(span.parent)) for span in spans] == [
        ("model", True),
        ("format", True),
        ("predict", False),
    ]
    assert spans[0].parent == spans[1].parent == spans[2].id
    assert json.loads(spans[0].inputs["messages"])[0]["content"] == model.seen[0][0].text
    assert (calls[0].task, calls[0].number, calls[0].completion) == ("starter/1", 1, 1000)


def test_a_structured_reply_that_does_not_fit_is_asked_for_again() -> None:
    misfit = Replied("no", Usage(5, 0, 5), "broken", detail="the reply holds no JSON")
    found, model, _, _ = generated("structured", misfit, PARTS)
    assert [a.code is None for a in found.attempts] == [True, False]
    assert "holds no JSON" in model.seen[1][-1].text
    worded = replace(misfit, text=FENCED)
    found, model, _, _ = generated("structured", misfit, misfit, worded, formatter=None)
    assert leap(found.attempts[-1].code, 2000)
    assert found.attempts[-1].finish == "stop"
    found, _, _, _ = generated("structured", misfit, misfit, misfit)
    assert Sample(found).result == "no_code_in_reply"


def test_a_reply_that_breaks_off_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategies, "FIRST_WAIT", 0.001)
    broken = Replied("```py", Usage(5, 0, 5, estimated=True), "broken", detail="dropped")
    found, model, _, _ = generated("fence", broken, broken, FENCED)
    assert [a.finish for a in found.attempts] == ["broken", "broken", "stop"]
    assert leap(found.attempts[-1].code, 2024)
    assert model.seen[0] == model.seen[2]
    found, _, _, _ = generated("fence", *[broken] * 9)
    assert "4 replies in a row broke off" in found.fault
    assert Sample(found).result == "model_error"


@pytest.mark.parametrize("strategy", ["structured", "fence", "complete"])
@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (Replied("I will not.", Usage(5, 0, 5), "refused"), "refused"),
        (Replied("", Usage(5, 0, 0), "filtered"), "refused"),
        (Replied(FENCED, Usage(5, 0, 5), "length"), "reply_cut"),
        (ModelError("no such model", "", "not-found"), "model_error"),
    ],
)
def test_odd_ends_are_classes_of_result(
    strategy: Strategy, reply: Replied | BaseException, result: str
) -> None:
    found, _, _, _ = generated(strategy, reply)
    assert Sample(found).result == result


def test_a_continuation() -> None:
    found, _, _, _ = generated("complete", BODY + "\nprint(is_leap_year(")
    assert leap(found.attempts[0].code, 2000)
    assert found.attempts[0].formatted is None
    # Base models never stop by themselves: what is cut behind the function's end is whole.
    cut = Replied(BODY + "\nprint(is_leap", Usage(5, 0, 5), "length")
    found, _, _, _ = generated("complete", cut)
    assert leap(found.attempts[0].code, 2000)
    found, _, _, _ = generated("complete", replace(cut, text="    if year % 4"))
    assert Sample(found).result == "reply_cut"


class Sandbox:
    """Runs blocks here, one namespace for all; what a session does."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.ran: list[str] = []

    def look(self) -> Sequence[str]:
        return ()

    def run(self, block: CodeBlock, seconds: float) -> Generator[Output | Notice, None, ExecResult]:
        self.ran.append(block.code)
        try:
            exec(block.code, self.names)
        except Exception as error:  # noqa: BLE001 - as a sandbox does.
            return ExecResult(1, f"{type(error).__name__}: {error}")
        return ExecResult(0, "")
        yield


def chat(*replies: str | Replied | BaseException, **more: Any) -> tuple[Generated, Sandbox]:
    sandbox = Sandbox()

    @contextmanager
    def opened() -> Iterator[Sandbox]:
        yield sandbox

    found, *_ = generated("chat", *replies, open_executor=opened, **more)
    return found, sandbox


WRONG = "```python\ndef is_leap_year(year):\n    return year % 4 == 1\n```\n"


def test_a_chat_takes_turns_with_the_public_examples_alone() -> None:
    found, sandbox = chat(WRONG, "That should do.", FENCED, "Done.")
    assert [a.code is None for a in found.attempts] == [False, True, False, True]
    assert not leap(found.attempts[0].code, 2024)
    assert leap(found.attempts[2].code, 2024)
    everything = "\n".join(sandbox.ran)
    assert "is_leap_year(2024)" in everything  # The example of its docstring.
    assert "1900" not in everything  # A hidden test.
    assert not found.fault
    assert Sample(found).result == "undecided"


def test_a_chat_ends_after_its_turns() -> None:
    parameters = Parameters(turns=3)
    tries = [FENCED.replace("year % 4", f"year % {n}") for n in range(5, 12)]
    found, _ = chat(*tries, parameters=parameters)
    assert len(found.attempts) == 3
    assert Sample(found).result == "undecided"


def test_a_chat_whose_model_fails_is_a_model_error() -> None:
    found, _ = chat(FENCED, ModelError("gone"))
    assert "gone" in found.fault
    assert Sample(found).result == "model_error"


def test_the_budget_of_the_run_ends_every_strategy() -> None:
    small = Budget(None, 300, None, None, None)
    for strategy in ("structured", "fence", "complete"):
        with pytest.raises(Exhausted):
            generated(strategy, FENCED, budget=small)
    with pytest.raises(Exhausted):
        chat(FENCED, "Done.", budget=Budget(1, None, None, None, None))


def test_an_unknown_price_cannot_keep_a_dollar_cap() -> None:
    capped = Budget(None, None, Decimal(1), None, None, dollars_required=True)
    found, model, _, _ = generated("fence", FENCED, budget=capped)
    assert "price" in found.fault
    assert model.seen == []


def test_the_version_covers_all_that_it_depends_on() -> None:
    def version(**more: Any) -> str:
        model = ScriptedModel([], name=more.pop("model", "a"))
        return CodeGenerationPipeline(model, **more).version

    usual = version()
    others = [
        version(model="b"),
        version(name="mine"),
        version(strategy="fence"),
        version(prompt="Do it: $prompt"),
        version(formatter=None),
        version(formatter=CodeFormatter("ruff")),
        version(parameters=Parameters(temperature=0.5)),
        version(parameters=Parameters(seed=1)),
    ]
    assert version() == usual
    assert len({usual, *others}) == 9


def test_the_library() -> None:
    model = ListModel(PARTS, PARTS, "It cannot be done.")
    pipeline = CodeGenerationPipeline(model)
    assert leap(pipeline.predict(PROBLEM.prompt), 2024)
    assert pipeline.generate_code(PROBLEM.prompt).code_logic.startswith("import os")
    with pytest.raises(ModelError, match="gave no code"):
        CodeGenerationPipeline(model, strategy="fence").predict(PROBLEM.prompt)
    assert isinstance(model.seen[0][0], Said)


def test_what_cannot_be_meant() -> None:
    with pytest.raises(UsageError, match="strategy"):
        CodeGenerationPipeline(ScriptedModel([]), strategy="none")  # type: ignore[arg-type]  # No such one.
    with pytest.raises(UsageError, match=r"\$prompt"):
        CodeGenerationPipeline(ScriptedModel([]), prompt="Do it.")
    with pytest.raises(UsageError, match="linter"):
        CodeFormatter("black")  # type: ignore[arg-type]  # No such one.


def test_ruff_tidies_too() -> None:
    code = "import os\nimport re, sys\ndef f( x:List[int] ):\n  y = 1\n  return re.escape(str(x))\n"
    formatter = CodeFormatter("ruff")
    tidy = formatter.lint_code(formatter.add_imports(code))
    assert "import os" not in tidy
    assert "from typing import List" in tidy
    assert "def f(x: List[int]):" in tidy
    assert formatter.lint_code("def f(:\n") == "def f(:\n"
