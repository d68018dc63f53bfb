"""Stored runs as comparisons see them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant.evals.comparison.from_run import language, measured, steps
from assistant.evals.run_reader import load_run
from assistant.evals.runs import Span
from assistant.events import Usage
from tests.evals.comparison.made import stored


def test_a_stored_run(tmp_path: Path) -> None:
    run = measured(load_run(stored(tmp_path, "run-a", "10?", "model-a")))
    assert (run.id, run.name) == ("run-a", "model-a · fence")
    passed, failed, fault = run.samples
    assert (passed.passed, passed.decided, passed.seconds) == (True, True, 1.5)
    assert (failed.outcome, failed.passed, failed.decided) == ("wrong_answer", False, True)
    assert (fault.outcome, fault.decided, fault.cost) == ("model_error", False, None)
    assert run.conditions["data"] == "small abababababab"
    assert run.conditions["limits"] == "memory 2 GiB, seconds 10"
    assert any("1 of 4 samples are missing" in note for note in run.notes)
    shown = run.show([("s/1", 1)])
    assert list(shown) == [("s/1", 1)]
    assert shown["s/1", 1].input == "add(1, 2) -> -1"
    names = [(step.name, step.depth) for step in shown["s/1", 1].steps]
    assert names == [("predict", 0), ("model", 1), ("score", 1)]


def test_operations_are_a_tree_in_the_order_they_began() -> None:
    def span(id: str, parent: str, start: float, **more: Any) -> Span:
        return Span(id, parent, f"op {id}", "t", 1, start, 1.0, **more)

    made = steps(
        [
            span(
                "c", "b", 12.0, usage=Usage(10, 0, 5), outputs={"finish": "stop", "reply": "long"}
            ),
            span("b", "a", 11.0, error="ValueError: bad\nluck"),
            span("a", "lost", 10.0),
            span(
                "d", "", 9.5, inputs={"which": "before formatting"}, outputs={"verdict": "passed"}
            ),
        ]
    )
    assert [(s.name, s.depth, s.start) for s in made] == [
        *(("op d", 0, 0.0), ("op a", 0, 0.5), ("op b", 1, 1.5), ("op c", 2, 2.5)),
    ]
    assert made[0].detail == "before formatting, passed"
    assert made[2].detail == "ValueError: bad luck"
    assert made[3].detail == "10 tokens in, 5 out, stop"
    assert steps([]) == []


def test_code_is_in_the_language_that_the_run_keeps(tmp_path: Path) -> None:
    run = load_run(stored(tmp_path, "run-a", "1111", "model-a"))

    def shown(**more: Any) -> list[str]:
        data = replace(run.manifest.data, **more)
        keys = [("s/1", 1), ("s/2", 1)]
        found = measured(replace(run, manifest=replace(run.manifest, data=data))).show(keys)
        return [found[key].lang for key in keys]

    assert shown(language="go", languages={"s/2": "rust"}) == ["go", "rust"]
    assert shown() == ["python", "python"]  # Written before that was kept: by its looks.


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(x):\n    return x\n", "python"),
        ("def f(x:\n    return x\n", "python"),
        ("const f = (xs) => xs.map((x) => x * 2);\nmodule.exports = { f };\n", "javascript"),
        ("", "python"),
    ],
)
def test_the_language_of_code(code: str, found: str) -> None:
    assert language(code) == found
