"""Runs of one and the same model: how often a difference is seen that is not there."""

import random
from collections.abc import Sequence
from functools import cache
from math import comb, sqrt

import pytest

from assistant.evals.statistics import compare, mcnemar, mean_of

LEVEL = 0.05


@cache
def rejected(a: int, b: int) -> bool:
    return mcnemar(a, b) <= LEVEL


@cache
def size_given(discordant: int) -> float:
    """The chance that fair coins on so many discordant pairs look like a difference."""
    few = range(discordant // 2 + 1)
    found = [a for a in few if rejected(a, discordant - a)]
    sides = [1 if 2 * a == discordant else 2 for a in found]
    reached = sum(s * comb(discordant, a) for s, a in zip(sides, found, strict=True))
    return float(reached / 2**discordant)


def exact_size(rates: Sequence[float]) -> float:
    """Of McNemar's test on tasks that are passed at these rates, independently, by both runs: the
    law of the number of discordant pairs, task by task, times the size given that number."""
    law = [1.0]
    for rate in rates:
        apart = 2 * rate * (1 - rate)
        law = [
            (law[d] * (1 - apart) if d < len(law) else 0.0) + (law[d - 1] * apart if d else 0.0)
            for d in range(len(law) + 1)
        ]
    return sum(chance * size_given(d) for d, chance in enumerate(law) if chance > 1e-9)


@pytest.mark.parametrize(("tasks", "easy"), [(20, 1), (60, 1), (164, 1), (164, 8)])
def test_mcnemar_rejects_as_often_as_its_exact_size(tasks: int, easy: int) -> None:
    """At most 5 %, and what it should be within four standard errors of the simulation."""
    drawn, trials, hits = random.Random(tasks + easy), 4_000, 0
    rates = [drawn.random() ** (1 / easy) for _ in range(tasks)]
    size = exact_size(rates)
    for _ in range(trials):
        pairs = [(drawn.random() < r, drawn.random() < r) for r in rates]
        hits += rejected(*sorted((pairs.count((True, False)), pairs.count((False, True)))))
    assert size <= LEVEL
    assert abs(hits / trials - size) <= 4 * sqrt(size * (1 - size) / trials)


@pytest.mark.slow
def test_intervals_hold_what_they_promise() -> None:
    """Of a rate and of a difference: the true one is inside in about 95 of 100 runs."""
    drawn, trials, tasks, samples = random.Random(3), 600, 60, 4
    inside = {"rate": 0, "rate of one": 0, "difference": 0, "no difference by test": 0}
    for _ in range(trials):
        rates = [drawn.random() for _ in range(tasks)]
        runs = [
            {
                f"{n}": sum(drawn.random() < min(1, r + gain) for _ in range(samples)) / samples
                for n, r in enumerate(rates)
            }
            for gain in (0.0, 0.0)
        ]
        found = compare(runs[0], runs[1], one_sample=False)
        inside["difference"] += found.difference.low <= 0 <= found.difference.high
        inside["no difference by test"] += found.p > LEVEL
        rate = mean_of(list(runs[0].values()), one_sample=False)
        inside["rate"] += rate.low <= 0.5 <= rate.high
        once = mean_of([float(drawn.random() < 0.9) for _ in rates], one_sample=True)
        inside["rate of one"] += once.low <= 0.9 <= once.high
    for what, count in inside.items():
        assert 0.92 <= count / trials <= 0.98, (what, count / trials)
