"""The statistics of a comparison: pass@k, intervals, paired tests, what could have been seen.

All rates are fractions of 1. Scores of one task are averaged first: tasks are the independent
units, samples of one task are not. Where several tasks come from one source (a family), families
are. NumPy and SciPy (the ``eval`` extra) do what they have.
"""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from assistant.evals.power import ALPHA, detectable, least_detectable
from assistant.events import UsageError

CONFIDENCE = 0.95
RESAMPLES = 10_000
SEED = 20_240_101
_EXACT_UP_TO = 16
"""Differences whose 2**n patterns of signs are all tried."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate between its confidence limits."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Paired:
    """Run A against run B on the same tasks; ``difference`` is A minus B."""

    difference: Interval
    """Limits by Student's t."""
    resampled: Interval
    """The same with limits by a bootstrap over tasks."""
    p: float
    test: str
    """The name of the test that ``p`` comes from."""
    tasks: int
    left_out: int
    """Tasks that only one of the runs has."""
    only_a: int
    """Tasks that run A solved more often than run B."""
    only_b: int
    detectable: float
    """The smallest true difference seen with 80 % power at this disagreement and level."""


def _libraries() -> tuple[Any, Any]:
    """NumPy and SciPy's statistics."""
    try:
        # Late: of an extra, and they take a second to import.
        import numpy
        from scipy import stats
    except ImportError as error:
        remedy = 'Install the extra: pip install "assistant[eval]"'
        raise UsageError("The statistics need NumPy and SciPy", remedy) from error
    return numpy, stats


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """The chance that one of ``k`` samples drawn from ``samples`` passes, without bias.

    1 - C(n-c, k) / C(n, k), as a product (Chen et al. 2021).

    Raises:
        UsageError: ``k`` is larger than the number of samples, or a count makes no sense.
    """
    if not 0 <= passed <= samples:
        raise UsageError(f"{passed} of {samples} samples cannot have passed")
    if not 1 <= k <= samples:
        raise UsageError(f"pass@{k} needs at least {k} samples of each task; here are {samples}")
    if samples - passed < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / n for n in range(samples - passed + 1, samples + 1))


def mean_of(
    scores: Sequence[float], one_sample: bool, clusters: Sequence[Hashable] | None = None
) -> Interval:
    """The mean over tasks: Wilson's interval for one sample each, else a seeded bootstrap.

    Args:
        scores: one for each task, from 0 to 1.
        one_sample: each task has one sample, so each score is 0 or 1.
        clusters: the family of each task, where families have several: they are resampled whole.
    """
    if not scores:
        raise UsageError("There is no task to average over")
    _check(scores, one_sample)
    mean = math.fsum(scores) / len(scores)
    if one_sample and clusters is None:
        return wilson(math.fsum(scores), len(scores))
    sums = _by_cluster(scores, clusters)
    if len(sums) == 1:
        return Interval(mean, 0.0, 1.0)
    if _alike(sums):
        # Resampling equal scores says nothing; a rate that was never seen to vary still might.
        return wilson(mean * len(sums), len(sums))
    return Interval(mean, *_bootstrap(sums))


def _check(scores: Sequence[float], one_sample: bool) -> None:
    wrong = [s for s in scores if not 0 <= s <= 1 or (one_sample and s not in (0, 1))]
    if wrong:
        wanted = "0 or 1" if one_sample else "from 0 to 1"
        raise UsageError(f"A task's score is {wrong[0]}: it must be {wanted}")


def wilson(passed: float, tasks: int) -> Interval:
    """Wilson's score interval; it holds at 0 % and 100 % too."""
    if tasks < 1 or not 0 <= passed <= tasks:
        raise UsageError(f"{passed} of {tasks} tasks cannot have passed")
    rate, square = passed / tasks, NormalDist().inv_cdf((1 + CONFIDENCE) / 2) ** 2
    middle = rate + square / (2 * tasks)
    reach = math.sqrt(square * (rate * (1 - rate) / tasks + square / (4 * tasks**2)))
    low, high = ((middle + side * reach) / (1 + square / tasks) for side in (-1, 1))
    # Rounding may miss the ends, which are reached exactly.
    return Interval(rate, 0.0 if not passed else low, 1.0 if passed == tasks else high)


def standard_error(scores: Sequence[float], clusters: Sequence[Hashable] | None = None) -> float:
    """Of the mean over tasks; with ``clusters``, tasks of one cluster may depend on each other.

    The clustered form sums the products of residuals within each cluster (Miller 2024), with the
    usual correction for few clusters: each task its own cluster gives the plain form.
    """
    sums = _by_cluster(scores, clusters)
    if len(sums) < 2:
        return math.nan
    mean = math.fsum(scores) / len(scores)
    squares = math.fsum((total - mean * size) ** 2 for total, size in sums)
    return math.sqrt(squares * len(sums) / (len(sums) - 1)) / len(scores)


def _by_cluster(
    scores: Sequence[float], clusters: Sequence[Hashable] | None
) -> list[tuple[float, int]]:
    """The sum and the size of each cluster."""
    if clusters is None:
        return [(score, 1) for score in scores]
    groups: dict[Hashable, list[float]] = {}
    for cluster, score in zip(clusters, scores, strict=True):
        groups.setdefault(cluster, []).append(score)
    return [(math.fsum(group), len(group)) for group in groups.values()]


def _alike(sums: Sequence[tuple[float, int]]) -> bool:
    """Whether all clusters have the same mean."""
    return len({total / size for total, size in sums}) == 1


def _bootstrap(sums: Sequence[tuple[float, int]]) -> tuple[float, float]:
    """Percentile limits of the mean when clusters are resampled, with a fixed seed.

    How often each of the few different values is drawn follows a multinomial law: that is the
    same resampling, at a cost that does not grow with the tasks.
    """
    numpy, _ = _libraries()
    different = sorted(Counter(sums).items())
    values = numpy.asarray([value for value, _ in different], dtype=float)
    shares = numpy.asarray([count for _, count in different], dtype=float) / len(sums)
    random, means = numpy.random.default_rng(SEED), []
    step = max(1, 2_000_000 // len(values))  # Keeps each table at some 16 MB.
    for start in range(0, RESAMPLES, step):
        drawn = random.multinomial(len(sums), shares, min(step, RESAMPLES - start))
        totals = drawn @ values
        means.append(totals[:, 0] / totals[:, 1])
    edge = (1 - CONFIDENCE) / 2
    low, high = numpy.quantile(numpy.concatenate(means), [edge, 1 - edge])
    return float(low), float(high)


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p of McNemar's test: the discordant pairs against a fair coin."""
    if only_a + only_b == 0:
        return 1.0
    _, stats = _libraries()
    return float(stats.binomtest(only_a, only_a + only_b, 0.5).pvalue)


def sign_flip(differences: Sequence[float]) -> float:
    """The two-sided p of a paired permutation test: each difference may change its sign.

    Exact for up to 16 differences that are not 0, else a seeded sample of 10,000 that counts the
    observed pattern among them.
    """
    numpy, _ = _libraries()
    values = numpy.asarray([d for d in differences if d], dtype=float)
    if not len(values):
        return 1.0
    # Sums of the same numbers in another order may differ in their last digits.
    observed = abs(values.sum()) - 1e-12 * numpy.abs(values).sum()
    if len(values) <= _EXACT_UP_TO:
        bits = (numpy.arange(2 ** len(values))[:, None] >> numpy.arange(len(values))) & 1
        return float((numpy.abs((1.0 - 2.0 * bits) @ values) >= observed).mean())
    # Of the differences of one size, those with a plus follow a binomial law.
    sizes, counts = numpy.unique(numpy.abs(values), return_counts=True)
    random, reached = numpy.random.default_rng(SEED), 0
    step = max(1, 2_000_000 // len(sizes))
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        plus = random.binomial(counts, 0.5, (rows, len(sizes)))
        reached += int((numpy.abs((2 * plus - counts) @ sizes) >= observed).sum())
    return (reached + 1) / (RESAMPLES + 1)


def compare(
    a: Mapping[str, float],
    b: Mapping[str, float],
    one_sample: bool,
    families: Mapping[str, Hashable] | None = None,
    alpha: float = ALPHA,
    grain: int = 1,
) -> Paired:
    """Two runs on the tasks that both have; scores are each task's share of passed samples.

    ``one_sample``: both runs have one sample of each task, which McNemar's test is for. With
    ``families`` (of tasks that are not independent) a whole family's difference is one unit.
    ``alpha`` is the level that ``detectable`` is told for; scores differ by multiples of
    1/``grain``.

    Raises:
        UsageError: the runs have no task in common, or a score makes no sense.
    """
    tasks = sorted(a.keys() & b.keys())
    if not tasks:
        raise UsageError("The two runs have no task in common, so they cannot be compared")
    _check([run[task] for run in (a, b) for task in tasks], one_sample)
    differences = [a[task] - b[task] for task in tasks]
    clusters = None if families is None else [families.get(task, task) for task in tasks]
    sums = _by_cluster(differences, clusters)
    only_a, only_b = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    exact = one_sample and len(sums) == len(tasks)
    mean = math.fsum(differences) / len(tasks)
    t_limits, resampled = _limits(differences, clusters)
    return Paired(
        Interval(mean, *t_limits),
        Interval(mean, *resampled),
        mcnemar(only_a, only_b) if exact else sign_flip([total for total, _ in sums]),
        "McNemar, exact" if exact else "sign flip",
        len(tasks),
        len(a.keys() ^ b.keys()),
        only_a,
        only_b,
        _detectable([total for total, _ in sums], len(tasks), alpha, grain),
    )


def _detectable(sums: Sequence[float], tasks: int, alpha: float, grain: int) -> float:
    """The least difference that runs which vary as these do would show; ``sums`` are those of the
    units' differences. Where nothing differed, as if one task had."""
    spread = math.sqrt(math.fsum(total**2 for total in sums) / tasks) or math.sqrt(1 / tasks)
    return max(
        detectable(tasks, spread, alpha=alpha),
        least_detectable(len(sums), alpha=alpha) * len(sums) / tasks / grain,
    )


_Limits = tuple[float, float]


def _limits(
    differences: Sequence[float], clusters: Sequence[Hashable] | None
) -> tuple[_Limits, _Limits]:
    """Limits of a paired difference by t and by resampling; the whole range for a single unit."""
    sums, mean = _by_cluster(differences, clusters), math.fsum(differences) / len(differences)
    if len(sums) == 1:
        return (-1.0, 1.0), (-1.0, 1.0)
    if _alike(sums):
        # No spread was seen: as many tasks may differ as Wilson allows for none of so many.
        reach = wilson(0, len(sums)).high
        return (_cut(mean, reach),) * 2
    _, stats = _libraries()
    quantile = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(sums) - 1))
    return _cut(mean, quantile * standard_error(differences, clusters)), _bootstrap(sums)


def _cut(mean: float, reach: float) -> _Limits:
    return max(-1.0, mean - reach), min(1.0, mean + reach)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values adjusted for their number, in their order (Holm 1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
