"""Figures and words of a comparison: right on small runs by hand, and at every edge."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from assistant.evals.comparison import wording as w
from assistant.evals.comparison.as_json import as_json
from assistant.evals.comparison.compared import (
    Comparison,
    compare_runs,
    differing_facts,
    label,
)
from assistant.evals.comparison.measured import Measured, Sampled
from assistant.evals.comparison.summary import quantile, summarize
from assistant.evals.comparison.text import lines, table
from assistant.evals.power import detectable
from assistant.evals.statistics import holm, mcnemar, wilson
from assistant.events import UsageError
from tests.evals.comparison.made import drawn, verdicts


def told(comparison: Comparison) -> str:
    return "\n".join(lines(comparison))


def test_two_runs_of_one_sample_each() -> None:
    before = verdicts(*"0000011111", name="a")
    after = verdicts(*"1111111110", name="b")
    found = compare_runs([before, after])
    (pair,) = found.pairs
    assert pair.paired.difference.value == pytest.approx(0.4)
    assert (pair.won, pair.lost) == (["t0", "t1", "t2", "t3", "t4"], ["t9"])
    assert pair.p == pair.paired.p == mcnemar(5, 1)
    assert found.summaries[0].passes[1] == wilson(5, 10)
    assert found.common == [f"t{n}" for n in range(10)]
    assert found.differing == ["t0", "t1", "t2", "t3", "t4", "t9"]
    words = told(found)
    visible = 100 * detectable(10, 0.6**0.5)
    assert f"No difference found between A and B; with 10 tasks one of {visible:.1f}" in words
    assert "B is better than A at 5 tasks: t0, t1, t2, t3, t4" in words
    assert "Warning" not in words


def test_a_difference_is_told_with_its_direction() -> None:
    worse, better = verdicts(*"0" * 20, name="a"), verdicts(*"1" * 15, *"0" * 5, name="b")
    assert "B solves more than A, by 75.0 points." in told(compare_runs([worse, better]))
    assert "A solves more than B, by 75.0 points." in told(compare_runs([better, worse]))
    assert "B minus A is −75.0 points" in told(compare_runs([better, worse]))


def test_several_runs_are_held_to_more() -> None:
    """p by Holm over all pairs, and what would have been visible at the first step's level."""
    runs = [verdicts(*marks, name=marks) for marks in ("0" * 12, "1" * 6 + "0" * 6, "1" * 12)]
    found = compare_runs(runs)
    assert [(pair.before, pair.after) for pair in found.pairs] == [(0, 1), (0, 2), (1, 2)]
    assert [pair.p for pair in found.pairs] == holm([pair.paired.p for pair in found.pairs])
    assert found.pairs[0].paired.p < 0.05 < found.pairs[0].p
    assert not found.pairs[0].found
    assert found.pairs[1].found
    expected = detectable(12, 0.5**0.5, alpha=0.05 / 3)
    assert found.pairs[0].paired.detectable == pytest.approx(expected)
    assert "after Holm for 3 pairs" in told(found)


def test_several_samples_of_each_task() -> None:
    found = compare_runs([verdicts("1100", "0000"), verdicts("1111", "1000", name="b")], [1, 2])
    assert found.pairs[0].paired.test == "sign flip"
    assert found.pairs[0].paired.difference.value == pytest.approx((0.5 + 0.25) / 2)
    # By hand: 1 - C(2,2)/C(4,2) and 0.
    assert found.summaries[0].passes[2].value == pytest.approx((1 - 1 / 6) / 2)
    assert "pass@2" in told(found)
    with pytest.raises(UsageError, match=r"pass@5 needs .* 't0' of run run-a has 4"):
        compare_runs([verdicts("1100", "0000"), verdicts("1111", "1000", name="b")], [5])


def test_the_usual_k_are_those_with_samples_enough() -> None:
    assert list(summarize(drawn("a", 0.5, 3, 10)).passes) == [1, 5, 10]
    assert list(summarize(drawn("a", 0.5, 3, 9)).passes) == [1, 5]


@pytest.mark.parametrize("marks", ["0", "1"])
@pytest.mark.parametrize("tasks", [1, 2, 164])
def test_rates_of_none_and_all(marks: str, tasks: int) -> None:
    words = told(compare_runs([verdicts(*marks * tasks), verdicts(*marks * tasks, name="b")]))
    assert "No difference found" in words
    assert ("100 %" if marks == "1" else "0 %") in words
    assert ("can show none" in words) == (tasks < 6)


def test_different_tasks_are_told_and_left_out() -> None:
    before, after = verdicts(*"1100"), verdicts(*"111", name="b")
    found = compare_runs([before, after])
    assert found.common == ["t0", "t1", "t2"]
    assert found.pairs[0].paired.left_out == 1
    assert any("A has 4, B has 3; 3 in common" in warning for warning in found.warnings)
    other = replace(after, samples=[replace(s, task=f"x{s.task}") for s in after.samples])
    with pytest.raises(UsageError, match="no task in common"):
        compare_runs([before, other])


def test_what_has_no_verdict_bounds_the_rate() -> None:
    found = compare_runs([verdicts(*"11?0"), verdicts(*"1100", name="b")])
    first = found.summaries[0]
    assert (first.undecided, first.bounds) == (1, (0.5, 0.75))
    assert first.passes[1].value == pytest.approx(2 / 3)
    assert any("1 sample has no verdict" in warning for warning in found.warnings)
    with pytest.raises(UsageError, match="no sample with a verdict"):
        compare_runs([verdicts(*"??"), verdicts(*"11", name="b")])


def test_unequal_conditions_are_warned_of() -> None:
    same = {"data": "d", "prompt": "p", "limits": "l", "image": "i"}
    runs = [verdicts("1", name=n, conditions=same) for n in "abc"]
    assert compare_runs(runs).warnings == []
    for name in same:
        runs[1] = replace(runs[1], conditions={**same, name: "other"})
        assert compare_runs(runs).warnings == [
            f"The runs differ in {name}: A and C: {same[name]}; B: other."
        ]
    noted = replace(runs[0], notes=["its tests ran in process."])
    assert "A: its tests ran in process." in compare_runs([noted, runs[2]]).warnings


def test_a_prompt_that_goes_with_the_strategy_is_set_up_and_no_warning() -> None:
    def run(name: str, strategy: str, prompt: str) -> Measured:
        made = verdicts("1", name=name, conditions={"prompt": prompt})
        return replace(made, facts={"strategy": strategy})

    fence, chat = run("a", "fence", "p"), run("b", "chat", "q")
    assert compare_runs([fence, chat]).warnings == []
    assert differing_facts([fence, chat]) == {"strategy": ["fence", "chat"], "prompt": ["p", "q"]}
    other = [fence, chat, run("c", "chat", "r")]
    assert compare_runs(other).warnings == ["The runs differ in prompt: A: p; B: q; C: r."]
    assert list(differing_facts(other)) == ["strategy"]


def test_differing_numbers_of_samples_are_warned_of() -> None:
    found = compare_runs([verdicts("11", "10"), verdicts("1", "0", name="b")])
    assert "The runs differ in samples of each task: A: 2; B: 1." in found.warnings
    assert found.pairs[0].paired.test == "sign flip"


def test_families_are_one_unit() -> None:
    families = {f"t{n}": f"f{n // 4}" for n in range(24)}
    runs = [verdicts(*mark * 24, name=mark, families=families) for mark in "01"]
    found = compare_runs(runs).pairs[0]
    assert found.paired.test == "sign flip"
    assert found.p == pytest.approx(2 / 2**6)


def test_what_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match="two runs or more"):
        compare_runs([verdicts("1")])
    with pytest.raises(UsageError, match="named twice"):
        compare_runs([verdicts("1"), verdicts("0")])
    double = Measured("r", "r", samples=[Sampled("t", 1, "passed", True)] * 2)
    with pytest.raises(UsageError, match="sample 1 of 't' twice"):
        compare_runs([double, verdicts("1")])


def test_latency_cost_and_turns() -> None:
    samples = [
        Sampled("t0", 1, "passed", True, seconds=1.0, turns=1, prompt=10, completion=5),
        Sampled("t1", 1, "passed", True, seconds=3.0, turns=3, cost=Decimal("0.5")),
        Sampled("t2", 1, "timeout", seconds=5.0, turns=3, cost=Decimal("0.25")),
        Sampled("t3", 1, "timeout"),
    ]
    found = summarize(Measured("r", "r", samples=samples))
    assert found.median == 3.0
    assert found.p95 == pytest.approx(4.8)
    assert found.turns == [0.25, 0.25, 0.5]
    assert (found.cost, found.unpriced) == (Decimal("0.75"), 2)
    assert (found.prompt, found.completion) == (10, 5)
    assert found.outcomes == {"passed": 2, "timeout": 2}
    nothing = summarize(verdicts("1"))
    assert (nothing.cost, nothing.median) == (None, None)


def test_quantiles_are_those_of_numpy() -> None:
    import numpy

    values = sorted(drawn("a", 0.5, 37).samples[n].seconds or 0.0 for n in range(37))
    for share in (0.0, 0.5, 0.9, 0.95, 1.0):
        assert quantile(values, share) == pytest.approx(float(numpy.quantile(values, share)))


def test_a_hundred_thousand_samples() -> None:
    for tasks, samples in ((100_000, 1), (100, 1_000)):
        found = compare_runs([drawn("a", 0.5, tasks, samples), drawn("b", 0.6, tasks, samples)])
        assert found.pairs[0].found
        assert "B solves more than A" in told(found)


def test_the_json_form_has_the_same_figures() -> None:
    found = compare_runs([verdicts(*"11?0"), verdicts(*"1100", name="b"), verdicts(*"1", name="c")])
    value = json.loads(json.dumps(as_json(found)))
    assert [run["label"] for run in value["runs"]] == ["A", "B", "C"]
    assert value["runs"][0]["bounds"] == [0.5, 0.75]
    assert value["runs"][1]["pass_at_k"]["1"]["value"] == 0.5
    assert value["runs"][0]["cost"] is None
    assert [pair["p_adjusted"] for pair in value["pairs"]] == [pair.p for pair in found.pairs]
    assert value["pairs"][0]["in_words"] == w.headline(found, found.pairs[0])


def test_numbers_as_people_read_them() -> None:
    assert [w.percent(r) for r in (0, 1, 0.5, 0.99999, 0.0001, 0.817)] == [
        *("0 %", "100 %", "50.0 %", ">99.9 %", "<0.1 %", "81.7 %"),
    ]
    assert [
        w.dollars(None if c is None else Decimal(c))
        for c in (None, "0", "0.00001", "0.5", "1234.5")
    ] == [
        *("unknown", "$0.00", "$0.0001", "$0.5000", "$1,234.50"),
    ]
    assert w.dollars(Decimal(2), 3) == "≥ $2.00"
    assert [w.duration(s) for s in (None, 0.0001, 0.25, 1.26, 250)] == [
        *("–", "<1 ms", "250 ms", "1.3 s", "4 min 10 s"),
    ]
    assert [w.short(n) for n in (999, 1_500, 250_000, 4_100_000)] == [
        *("999", "1.5 k", "250 k", "4.1 M"),
    ]
    assert [w.points(d) for d in (0.0, 0.05, -0.123, 0.0001)] == ["0.0", "+5.0", "−12.3", "0.0"]
    assert [w.p_value(p) for p in (0.00001, 0.00052, 0.0312, 0.2)] == [
        *("p < 0.0001", "p = 0.0005", "p = 0.031", "p = 0.20"),
    ]
    assert (label(0), label(25), label(26)) == ("A", "Z", "R27")


def test_columns_hold_with_wide_and_long_names() -> None:
    rows = list(table([["", "n"], ["模型", "1"], ["x" * 60, "10"]]))
    assert rows[1].startswith("模型" + " " * 36)
    assert rows[2] == "x" * 39 + "…  10"
    assert all("\n" not in row for row in table([["a\nb", "c"]]))
