"""The statistics equal plain ones written here, and keep the promises that their names make."""

import itertools
import math
import random
import sys
from fractions import Fraction
from statistics import NormalDist, mean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.evals import statistics
from assistant.evals.power import detectable, least_detectable
from assistant.evals.statistics import (
    compare,
    holm,
    mcnemar,
    mean_of,
    pass_at_k,
    sign_flip,
    standard_error,
    wilson,
)
from assistant.events import UsageError

near = pytest.approx


def exact_pass_at_k(n: int, c: int, k: int) -> Fraction:
    return 1 - Fraction(math.comb(n - c, k), math.comb(n, k))


def exact_mcnemar(a: int, b: int) -> Fraction:
    """Twice the smaller tail of a fair coin."""
    tail = sum(math.comb(a + b, i) for i in range(min(a, b) + 1))
    return min(Fraction(1), Fraction(2 * tail, 2 ** (a + b)))


def all_sign_flips(values: list[Fraction]) -> Fraction:
    patterns = list(itertools.product((1, -1), repeat=len(values)))
    reached = [abs(Fraction(sum(s * v for s, v in zip(p, values, strict=True)))) for p in patterns]
    return Fraction(sum(r >= abs(Fraction(sum(values))) for r in reached), len(patterns))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_pass_at_k_is_the_exact_one(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 300))
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    assert pass_at_k(n, c, k) == near(float(exact_pass_at_k(n, c, k)), abs=1e-9)


def test_pass_at_k_at_its_edges() -> None:
    assert pass_at_k(10, 0, 10) == 0.0
    assert pass_at_k(10, 1, 10) == 1.0
    assert pass_at_k(10, 10, 1) == 1.0
    assert pass_at_k(1, 0, 1) == 0.0
    assert pass_at_k(10, 3, 1) == near(0.3)
    assert pass_at_k(100_000, 1, 1) == near(1e-5)


@pytest.mark.parametrize(("n", "c", "k"), [(5, 2, 6), (5, 2, 0), (5, 6, 1), (5, -1, 1), (0, 0, 1)])
def test_pass_at_k_refuses_what_has_no_meaning(n: int, c: int, k: int) -> None:
    with pytest.raises(UsageError):
        pass_at_k(n, c, k)


@pytest.mark.parametrize(("passed", "tasks"), [(0, 164), (164, 164), (0, 1), (1, 1), (82, 164)])
def test_wilson_solves_its_equation(passed: int, tasks: int) -> None:
    """Its limits are the rates p with |passed/n - p| = z sqrt(p (1-p) / n)."""
    found, z = wilson(passed, tasks), NormalDist().inv_cdf(0.975)
    for p in (found.low, found.high):
        reach = z * math.sqrt(p * (1 - p) / tasks)
        assert abs(passed / tasks - p) == near(reach, abs=1e-9)
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0
    assert (found.low == 0.0) == (passed == 0)
    assert (found.high == 1.0) == (passed == tasks)


def test_wilson_is_that_of_scipy() -> None:
    from scipy.stats import binomtest  # An implementation by others.

    for passed in (0, 1, 50, 163, 164):
        theirs = binomtest(passed, 164).proportion_ci(0.95, method="wilson")
        ours = wilson(passed, 164)
        assert (ours.low, ours.high) == near((theirs.low, theirs.high), abs=1e-9)


def test_half_widths_for_164_tasks() -> None:
    """The known ones of the normal approximation, from the standard error."""
    for rate, points in ((0.5, 7.7), (0.9, 4.6), (0.95, 3.3)):
        scores = [1.0] * round(164 * rate) + [0.0] * (164 - round(164 * rate))
        assert 196 * standard_error(scores) == near(points, abs=0.1)


@given(st.integers(0, 60), st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_mcnemar_is_the_exact_one(a: int, b: int) -> None:
    assert mcnemar(a, b) == near(float(exact_mcnemar(a, b)), abs=1e-9)


def test_mcnemar_of_known_counts() -> None:
    known = {(5, 0): 0.063, (6, 0): 0.031, (8, 1): 0.039, (15, 5): 0.041, (20, 10): 0.099}
    for (a, b), p in known.items():
        assert mcnemar(a, b) == near(p, abs=6e-4)
        assert mcnemar(b, a) == mcnemar(a, b)


def test_mcnemar_on_runs_without_a_difference() -> None:
    """Rejects at 5 % at most as often as its exact size, given how many tasks disagree."""
    for discordant in range(1, 60):
        rejected = [a for a in range(discordant + 1) if mcnemar(a, discordant - a) <= 0.05]
        size = Fraction(sum(math.comb(discordant, a) for a in rejected), 2**discordant)
        assert size <= Fraction(1, 20)
    drawn, trials, hits = random.Random(7), 2_000, 0
    verdicts = {(a, b): mcnemar(a, b) <= 0.05 for a in range(60) for b in range(60 - a)}
    for _ in range(trials):
        pairs = [(drawn.random() < 0.7, drawn.random() < 0.7) for _ in range(60)]
        hits += verdicts[pairs.count((True, False)), pairs.count((False, True))]
    assert hits / trials <= 0.05


@given(st.lists(st.fractions(-1, 1, max_denominator=10), max_size=9))
@settings(max_examples=50, deadline=None)
def test_sign_flip_is_the_exact_one(values: list[Fraction]) -> None:
    assert sign_flip([float(v) for v in values]) == near(float(all_sign_flips(values)), abs=1e-9)


def test_sampled_sign_flip_is_near_the_exact_one() -> None:
    """Seventeen differences and more are sampled: 17 of one size are McNemar's case."""
    for plus in (9, 11, 13, 15, 17):
        exact = float(exact_mcnemar(plus, 17 - plus))
        assert sign_flip([0.5] * plus + [-0.5] * (17 - plus)) == near(exact, abs=0.02)
    assert sign_flip([0.2] * 200) == near(1 / 10_001)
    assert sign_flip([0.1] * 20) == sign_flip([0.1] * 20)


def test_sign_flip_on_runs_without_a_difference() -> None:
    """Says "different" of equal models about as often as 5 % promises."""
    drawn, trials, hits = random.Random(11), 700, 0

    def score(rate: float) -> float:
        return sum(drawn.random() < rate for _ in range(5)) / 5

    for _ in range(trials):
        rates = [drawn.random() for _ in range(40)]
        hits += sign_flip([score(rate) - score(rate) for rate in rates]) <= 0.05
    assert 0.03 <= hits / trials <= 0.07


def test_standard_error_is_the_plain_one() -> None:
    scores = [0.0, 0.2, 1.0, 0.6, 0.6, 0.4]
    assert standard_error(scores) == near(stdev(scores) / math.sqrt(6), abs=1e-12)
    assert standard_error(scores, range(6)) == near(standard_error(scores), abs=1e-12)
    assert math.isnan(standard_error([1.0]))
    assert math.isnan(standard_error([1.0, 0.0], ["a", "a"]))


def test_copies_of_a_task_make_nothing_surer() -> None:
    scores = [0.0, 1.0, 1.0, 0.5, 1.0]
    six_times = [score for score in scores for _ in range(6)]
    families = [i for i in range(5) for _ in range(6)]
    assert standard_error(six_times, families) == near(standard_error(scores), abs=1e-12)
    assert standard_error(six_times) < standard_error(scores) / 2
    alone, copied = mean_of(scores, False), mean_of(six_times, False, families)
    assert (copied.low, copied.high) == near((alone.low, alone.high), abs=1e-9)


def test_bootstrap_is_that_of_drawing_tasks_one_by_one() -> None:
    scores = [i % 6 / 5 for i in range(40)]
    drawn = random.Random(3)
    means = sorted(mean(drawn.choices(scores, k=40)) for _ in range(4_000))
    found = mean_of(scores, False)
    assert found.value == near(mean(scores))
    assert found.low == near(means[100], abs=0.012)
    assert found.high == near(means[3_900], abs=0.012)
    assert mean_of(scores, False) == found


def test_an_interval_for_every_rate() -> None:
    assert mean_of([1.0] * 20, False) == wilson(20, 20)
    assert mean_of([0.0] * 20, True) == wilson(0, 20)
    single = mean_of([0.4], False)
    assert (single.value, single.low, single.high) == (0.4, 0.0, 1.0)
    with pytest.raises(UsageError):
        mean_of([], True)
    with pytest.raises(UsageError, match="0 or 1"):
        mean_of([0.5], True)
    with pytest.raises(UsageError, match="from 0 to 1"):
        mean_of([1.5], False)


def test_a_great_many_tasks_take_no_great_room() -> None:
    scores = [i % 11 / 10 for i in range(100_000)]
    found = mean_of(scores, False)
    assert found.high - found.low == near(2 * 1.96 * standard_error(scores), rel=0.05)


def test_detectable_differences_of_164_tasks() -> None:
    for share, points in ((0.05, 4.9), (0.1, 6.9), (0.2, 9.8)):
        assert 100 * detectable(164, math.sqrt(share)) == near(points, abs=0.05)
    assert detectable(1, 1.0) == 1.0
    assert math.isnan(detectable(0, 1.0))


def test_a_detectable_difference_is_detected_that_often() -> None:
    """With 20 % of 400 tasks that disagree and that difference, about 80 % of runs show it."""
    tasks, share = 400, 0.2
    difference = detectable(tasks, math.sqrt(share))
    drawn, found, trials = random.Random(5), 0, 300
    seen: dict[tuple[int, int], bool] = {}
    for _ in range(trials):
        draws = [drawn.random() for _ in range(tasks)]
        a = sum(d < (share + difference) / 2 for d in draws)
        b = sum((share + difference) / 2 <= d < share for d in draws)
        if (a, b) not in seen:
            seen[a, b] = mcnemar(a, b) <= 0.05
        found += seen[a, b]
    assert 0.68 <= found / trials <= 0.9


def exact_power(tasks: int, disagree: float, difference: float) -> float:
    """How often McNemar's test shows it, by going through everything that can happen."""
    from scipy import stats  # An implementation by others.

    better, power = (disagree + difference) / (2 * disagree), 0.0
    for n in range(tasks + 1):
        drawn = float(stats.binom.pmf(n, tasks, disagree))
        if drawn > 1e-12:
            won = [k for k in range(n + 1) if mcnemar(k, n - k) <= 0.05]
            power += drawn * float(sum(stats.binom.pmf(won, n, better)))
    return power


@pytest.mark.parametrize("tasks", [10, 30, 100])
@pytest.mark.parametrize("differ", [0, 1, 4])
def test_what_would_have_been_visible_would_have_been(tasks: int, differ: int) -> None:
    """Also where hardly any task differed, and no test can see what the spread alone promises."""
    a = {f"t{i}": 1.0 for i in range(tasks)}
    b = {f"t{i}": float(i >= differ) for i in range(tasks)}
    told = compare(a, b, one_sample=True).detectable
    assert exact_power(tasks, max(differ / tasks, told), told) >= 0.76


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 3, 0.05 / 45])
def test_the_least_that_an_exact_test_can_see(alpha: float) -> None:
    from scipy import stats  # An implementation by others.

    needed = next(m for m in range(1, 99) if all_alike(m) <= alpha)
    for units in (needed, 20, 164, 5_000):
        wanted = float(stats.beta.ppf(0.8, needed, units - needed + 1))
        assert least_detectable(units, alpha=alpha) == near(wanted, abs=1e-9)
    assert least_detectable(needed - 1, alpha=alpha) == 1.0


def all_alike(tasks: int) -> float:
    return mcnemar(tasks, 0)


def test_finer_scores_can_show_less() -> None:
    """What one sample of each task cannot show several may, a little in many tasks."""
    runs = {f"t{i}": 1.0 for i in range(10)}
    one = compare(runs, runs, one_sample=True).detectable
    several = compare(runs, runs, one_sample=False, grain=4).detectable
    assert one == near(least_detectable(10))
    assert several < one / 2


def test_comparison_of_one_sample_each() -> None:
    a = {f"t{i}": float(i % 10 != 0) for i in range(40)}
    b = {f"t{i}": float(i % 4 != 0) for i in range(40)} | {"other": 1.0}
    found = compare(a, b, one_sample=True)
    differences = [a[t] - b[t] for t in a]
    assert found.test == "McNemar, exact"
    assert (found.tasks, found.left_out) == (40, 1)
    assert (found.only_a, found.only_b) == (differences.count(1.0), differences.count(-1.0))
    assert found.p == near(float(exact_mcnemar(found.only_a, found.only_b)), abs=1e-9)
    assert found.difference.value == near(mean(differences))
    # Student's 97.5 % quantile with 39 degrees of freedom, from tables.
    reach = 2.0226909 * stdev(differences) / math.sqrt(40)
    assert found.difference.high - found.difference.value == near(reach, abs=1e-6)
    disagree = found.only_a + found.only_b
    assert found.detectable == near(detectable(40, math.sqrt(disagree / 40)))


def test_comparison_of_several_samples() -> None:
    a = {"x": 1.0, "y": 0.5, "z": 0.25, "v": 1.0}
    b = {"x": 0.5, "y": 0.0, "z": 0.5, "v": 1.0}
    found = compare(a, b, one_sample=False)
    assert found.test == "sign flip"
    assert found.p == near(float(all_sign_flips([Fraction(a[t]) - Fraction(b[t]) for t in a])))
    assert found.resampled.low <= found.difference.value <= found.resampled.high
    reverse = compare(b, a, one_sample=False)
    assert reverse.difference.value == -found.difference.value
    assert (reverse.p, reverse.only_a) == (found.p, found.only_b)


def test_comparison_by_families() -> None:
    """Six copies of a task count as one."""
    a = {f"{t}/{lang}": float(t < 7) for t in range(8) for lang in range(6)}
    b = {f"{t}/{lang}": 0.0 for t in range(8) for lang in range(6)}
    families = {name: name.split("/")[0] for name in a}
    alone = compare({str(t): float(t < 7) for t in range(8)}, {str(t): 0.0 for t in range(8)}, True)
    found = compare(a, b, True, families)
    assert found.test == "sign flip"
    assert found.p == near(alone.p, abs=1e-9)
    assert found.difference.low == near(alone.difference.low, abs=1e-9)
    assert found.detectable == near(alone.detectable, abs=1e-9)
    assert compare(a, b, True).p < found.p


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_equal_runs_are_not_surely_equal(rate: float) -> None:
    runs = {f"t{i}": rate for i in range(30)}
    found = compare(runs, runs, one_sample=True)
    assert (found.p, found.difference.value) == (1.0, 0.0)
    assert found.difference.low == -found.difference.high == near(-wilson(0, 30).high)
    assert 0 < found.detectable < 1


def test_comparison_of_one_task_or_none() -> None:
    found = compare({"t": 1.0}, {"t": 0.0}, one_sample=True)
    assert (found.difference.low, found.difference.high) == (-1.0, 1.0)
    with pytest.raises(UsageError, match="no task in common"):
        compare({"t": 1.0}, {"u": 1.0}, one_sample=True)
    with pytest.raises(UsageError, match="0 or 1"):
        compare({"t": 0.5}, {"t": 1.0}, one_sample=True)


def test_holm() -> None:
    assert holm([]) == []
    assert holm([0.04]) == [0.04]
    assert holm([0.01, 0.04, 0.03]) == near([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_holm_rejects_what_stepping_down_rejects(p_values: list[float]) -> None:
    alpha, rejected = 0.05, set()
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] * (len(p_values) - step) > alpha:
            break
        rejected.add(index)
    assert {i for i, p in enumerate(holm(p_values)) if p <= alpha} == rejected


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(UsageError, match=r"assistant\[eval\]"):
        mcnemar(3, 1)
    assert statistics.wilson(1, 2).value == 0.5
