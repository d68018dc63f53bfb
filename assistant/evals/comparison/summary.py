"""The figures of one run: rates with intervals, classes, tokens, dollars, latency, turns."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

from assistant.evals.comparison.measured import Measured, Sampled
from assistant.evals.statistics import Interval, mean_of, pass_at_k
from assistant.events import UsageError

USUAL = (1, 5, 10, 100)
"""The k that are told where every task has so many samples."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The samples of one task that have a verdict."""

    passed: int
    decided: int

    @property
    def share(self) -> float:
        return self.passed / self.decided


@dataclass(frozen=True, slots=True)
class Summary:
    run: Measured
    tallies: Mapping[str, Tally]
    """By task; tasks without any verdict are missing."""
    passes: Mapping[int, Interval]
    """pass@k by k; empty where nothing was decided."""
    bounds: tuple[float, float] | None
    """pass@1 if all samples without a verdict had failed, and if all had passed; None: all have."""
    outcomes: Mapping[str, int]
    """Samples of each class, the passed first, then by number."""
    undecided: int
    tasks: int
    prompt: int
    completion: int
    cost: Decimal | None
    """Of the samples whose cost is known; None where no cost is."""
    unpriced: int
    """Samples whose cost is not known."""
    latencies: Sequence[float]
    """Sorted."""
    turns: Sequence[float]
    """The share that has passed after turn 1, 2, ...; one entry where no run had more."""

    @property
    def one_sample(self) -> bool:
        return all(tally.decided == 1 for tally in self.tallies.values())

    @property
    def median(self) -> float | None:
        return quantile(self.latencies, 0.5)

    @property
    def p95(self) -> float | None:
        return quantile(self.latencies, 0.95)

    @property
    def samples_each(self) -> tuple[int, int]:
        """The fewest and the most samples with a verdict of a task."""
        counts = [tally.decided for tally in self.tallies.values()]
        return (min(counts), max(counts)) if counts else (0, 0)


def quantile(values: Sequence[float], share: float) -> float | None:
    """Of sorted values, between two of them in proportion; None of none."""
    if not values:
        return None
    place = share * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def summarize(run: Measured, ks: Sequence[int] | None = None) -> Summary:
    """The figures of a run. ``ks``: for pass@k; by default the usual ones that it has samples for.

    Raises:
        UsageError: a sample is there twice, or a wanted k is larger than some task's samples.
    """
    tallies = tally(run.samples, run.id)
    known = [s.cost for s in run.samples if s.cost is not None]
    return Summary(
        run,
        tallies,
        _passes(run, tallies, ks),
        _bounds(run.samples),
        _outcomes(run.samples),
        sum(not s.decided for s in run.samples),
        len({s.task for s in run.samples}),
        sum(s.prompt for s in run.samples),
        sum(s.completion for s in run.samples),
        sum(known, Decimal(0)) if known else None,
        len(run.samples) - len(known),
        sorted(s.seconds for s in run.samples if s.seconds is not None),
        _by_turn(run.samples),
    )


def tally(samples: Sequence[Sampled], run: str) -> dict[str, Tally]:
    """Passed and decided samples of each task, in the order of the run."""
    seen: set[tuple[str, int]] = set()
    counts: dict[str, list[int]] = {}
    for sample in samples:
        if sample.key in seen:
            raise UsageError(f"Run {run} has sample {sample.number} of {sample.task!r} twice")
        seen.add(sample.key)
        if sample.decided:
            count = counts.setdefault(sample.task, [0, 0])
            count[0] += sample.passed
            count[1] += 1
    return {task: Tally(*count) for task, count in counts.items()}


def _passes(
    run: Measured, tallies: Mapping[str, Tally], ks: Sequence[int] | None
) -> dict[int, Interval]:
    if not tallies:
        return {}
    fewest = min(tally.decided for tally in tallies.values())
    wanted = [k for k in USUAL if k <= fewest] if ks is None else sorted(set(ks))
    if wanted and wanted[-1] > fewest:
        task = next(task for task, tally in tallies.items() if tally.decided == fewest)
        raise UsageError(
            f"pass@{wanted[-1]} needs that many samples of each task; {task!r} of run {run.id}"
            f" has {fewest} with a verdict"
        )
    one = all(tally.decided == 1 for tally in tallies.values())
    families = None
    if run.families:
        families = [run.families.get(task, task) for task in tallies]
    return {
        k: mean_of([pass_at_k(t.decided, t.passed, k) for t in tallies.values()], one, families)
        for k in wanted
    }


def _bounds(samples: Sequence[Sampled]) -> tuple[float, float] | None:
    """pass@1 over all samples, with those that have no verdict as failed and as passed."""
    if all(sample.decided for sample in samples):
        return None
    shares: dict[str, list[int]] = {}
    for sample in samples:
        share = shares.setdefault(sample.task, [0, 0, 0])
        share[0] += sample.passed
        share[1] += sample.passed or not sample.decided
        share[2] += 1
    low = math.fsum(passed / n for passed, _, n in shares.values())
    high = math.fsum(passed / n for _, passed, n in shares.values())
    return low / len(shares), high / len(shares)


def _outcomes(samples: Sequence[Sampled]) -> dict[str, int]:
    counts = Counter(sample.outcome for sample in samples)
    return dict(sorted(counts.items(), key=lambda c: (c[0] != "passed", -c[1], c[0])))


def _by_turn(samples: Sequence[Sampled]) -> list[float]:
    """The mean over tasks of the share of samples that passed in at most 1, 2, ... turns."""
    decided = [sample for sample in samples if sample.decided]
    if not decided:
        return []
    sizes = Counter(sample.task for sample in decided)
    gained: list[list[float]] = [[] for _ in range(max(1, *(sample.turns for sample in decided)))]
    for sample in decided:
        if sample.passed:
            gained[max(sample.turns, 1) - 1].append(1 / sizes[sample.task])
    until = (chain.from_iterable(gained[: turn + 1]) for turn in range(len(gained)))
    return [math.fsum(shares) / len(sizes) for shares in until]
