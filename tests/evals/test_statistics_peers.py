"""The statistics beside other people's implementations, to 1e-9."""

import random

import numpy
import pytest
from scipy import stats

from assistant.evals.statistics import compare, holm, mcnemar, sign_flip, standard_error, wilson

near = pytest.approx


def shares(seed: int, tasks: int, samples: int) -> dict[str, float]:
    drawn = random.Random(seed)
    return {
        f"t{n}": sum(drawn.random() < 0.6 for _ in range(samples)) / samples for n in range(tasks)
    }


@pytest.mark.parametrize("tasks", [2, 3, 20, 164])
def test_paired_intervals_are_those_of_the_t_test(tasks: int) -> None:
    a, b = shares(1, tasks, 5), shares(2, tasks, 5)
    found = compare(a, b, one_sample=False)
    names = sorted(a)
    theirs = stats.ttest_rel([a[n] for n in names], [b[n] for n in names]).confidence_interval(0.95)
    assert found.difference.low == near(max(-1.0, theirs.low), abs=1e-9)
    assert found.difference.high == near(min(1.0, theirs.high), abs=1e-9)


@pytest.mark.parametrize("tasks", [2, 5, 10])
def test_exact_sign_flips_are_those_of_a_permutation_test(tasks: int) -> None:
    drawn = random.Random(tasks)
    values = [drawn.randint(-5, 5) / 5 for _ in range(tasks)]
    theirs = stats.permutation_test(
        (numpy.asarray(values),),
        lambda x, axis: numpy.abs(x.sum(axis=axis)),
        permutation_type="samples",
        n_resamples=numpy.inf,
        alternative="greater",
        vectorized=True,
    )
    assert sign_flip(values) == near(theirs.pvalue, abs=1e-9)


def test_standard_errors_are_those_of_the_mean() -> None:
    values = list(shares(3, 40, 4).values())
    assert standard_error(values) == near(float(stats.sem(values)), abs=1e-9)


def test_mcnemar_is_the_binomial_tail() -> None:
    for a, b in ((0, 9), (3, 12), (40, 61), (500, 431)):
        tail = stats.binom.cdf(min(a, b), a + b, 0.5)
        assert mcnemar(a, b) == near(min(1.0, 2 * tail), abs=1e-9)


def test_wilson_is_the_score_interval() -> None:
    for passed, tasks in ((0, 1), (1, 1), (3, 30), (164, 164), (70_001, 100_000)):
        theirs = stats.binomtest(passed, tasks).proportion_ci(0.95, method="wilson")
        ours = wilson(passed, tasks)
        assert (ours.low, ours.high) == near((theirs.low, theirs.high), abs=1e-9)


def test_holm_is_stepping_down_by_order() -> None:
    """As its formula has it: the running maximum of (m - i + 1) p(i) in order of size."""
    values = numpy.random.default_rng(1).random(12)
    order = numpy.argsort(values)
    stepped = numpy.minimum(1, numpy.maximum.accumulate((12 - numpy.arange(12)) * values[order]))
    theirs = numpy.empty(12)
    theirs[order] = stepped
    assert holm(list(values)) == near(list(theirs), abs=1e-9)
