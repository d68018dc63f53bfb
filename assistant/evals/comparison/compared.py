"""Runs side by side: the figures of each, the difference of each pair, what makes them unequal."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.evals.comparison.measured import Measured
from assistant.evals.comparison.summary import Summary, summarize
from assistant.evals.power import ALPHA
from assistant.evals.statistics import Paired, compare, holm
from assistant.events import UsageError


@dataclass(frozen=True, slots=True)
class Pair:
    """The later run against the earlier one; a difference above 0 speaks for the later."""

    before: int
    after: int
    paired: Paired
    p: float
    """Adjusted by Holm for the number of pairs; of two runs the test's own."""
    won: Sequence[str]
    """Tasks that the later run solves more often."""
    lost: Sequence[str]
    alpha: float
    """The level that the detectable difference is told for."""

    @property
    def found(self) -> bool:
        """Whether chance is no good explanation of the difference."""
        return self.p <= ALPHA and self.paired.difference.value != 0


@dataclass(frozen=True, slots=True)
class Comparison:
    summaries: Sequence[Summary]
    pairs: Sequence[Pair]
    common: Sequence[str]
    """Tasks that all runs have verdicts about, in the first run's order."""
    warnings: Sequence[str]

    @property
    def labels(self) -> list[str]:
        return [label(number) for number in range(len(self.summaries))]

    @property
    def differing(self) -> list[str]:
        """Common tasks that some pair of runs does not solve equally often."""
        found = {task for pair in self.pairs for task in (*pair.won, *pair.lost)}
        return [task for task in self.common if task in found]


def label(number: int) -> str:
    """A, B, ... Z, then R27, R28, ..."""
    return chr(ord("A") + number) if number < 26 else f"R{number + 1}"


def compare_runs(runs: Sequence[Measured], ks: Sequence[int] | None = None) -> Comparison:
    """The comparison of two runs or more, on the tasks that both of a pair have verdicts about.

    Raises:
        UsageError: fewer than two runs, a run twice, no task in common, or a k that is too large.
    """
    if len(runs) < 2:
        raise UsageError("A comparison needs two runs or more", "assistant eval list names them")
    twice = {run.id for run in runs if sum(run.id == other.id for other in runs) > 1}
    if twice:
        raise UsageError(f"Run {min(twice)} was named twice")
    summaries = [summarize(run, ks) for run in runs]
    for summary in summaries:
        if not summary.tallies:
            notes = " ".join(summary.run.notes)
            raise UsageError(f"Run {summary.run.id} has no sample with a verdict", notes)
    first = summaries[0].tallies
    common = [task for task in first if all(task in s.tallies for s in summaries[1:])]
    numbers = range(len(runs))
    places = [(a, b) for a in numbers for b in numbers[a + 1 :]]
    level = ALPHA / len(places)
    paired = [_paired(summaries[a], summaries[b], level) for a, b in places]
    adjusted = holm([found.p for found in paired])
    pairs = [
        Pair(a, b, found, p, *_won_and_lost(summaries[a], summaries[b]), level)
        for (a, b), found, p in zip(places, paired, adjusted, strict=True)
    ]
    return Comparison(summaries, pairs, common, _warnings(summaries, common))


def _paired(before: Summary, after: Summary, alpha: float) -> Paired:
    """After minus before."""
    new, old = ({t: tally.share for t, tally in s.tallies.items()} for s in (after, before))
    families = {**before.run.families, **after.run.families} or None
    common = new.keys() & old.keys()
    one = all(s.tallies[task].decided == 1 for s in (before, after) for task in common)
    grain = math.lcm(*{s.tallies[task].decided for s in (before, after) for task in common})
    return compare(new, old, one, families, alpha, grain)


def _won_and_lost(before: Summary, after: Summary) -> tuple[list[str], list[str]]:
    shares = {
        task: (tally.share, after.tallies[task].share)
        for task, tally in before.tallies.items()
        if task in after.tallies
    }
    won = [task for task, (a, b) in shares.items() if b > a]
    return won, [task for task, (a, b) in shares.items() if b < a]


def _warnings(summaries: Sequence[Summary], common: Sequence[str]) -> list[str]:
    """What makes a comparison less than fair, a sentence each."""
    found = []
    names = dict.fromkeys(name for s in summaries for name in s.run.conditions)
    explained = _explained([s.run for s in summaries])
    for name in names:
        values = [s.run.conditions.get(name, "") for s in summaries]
        if len(set(values)) > 1 and name not in explained:
            found.append(f"The runs differ in {name}: {_by_run(values)}.")
    sizes = [s.tasks for s in summaries]
    if any(size != len(common) for size in sizes):
        each = ", ".join(f"{label(i)} has {size:,}" for i, size in enumerate(sizes))
        found.append(
            f"The runs do not have verdicts about the same tasks: {each}; {len(common):,} in"
            " common to all. Differences are about common tasks only."
        )
    each_size = [s.samples_each for s in summaries]
    if len(set(each_size)) > 1:
        told = [f"{low:,}" if low == high else f"{low:,} to {high:,}" for low, high in each_size]
        found.append(f"The runs differ in samples of each task: {_by_run(told)}.")
    for number, summary in enumerate(summaries):
        found += _of_one(label(number), summary)
    return found


def _of_one(name: str, summary: Summary) -> list[str]:
    found = [f"{name}: {note}" for note in summary.run.notes]
    if summary.bounds:
        low, high = summary.bounds
        noun = "sample has" if summary.undecided == 1 else "samples have"
        found.append(
            f"{name}: {summary.undecided:,} {noun} no verdict, since model or sandbox failed;"
            f" whatever became of them, pass@1 is from {100 * low:.1f} to {100 * high:.1f} %."
        )
    return found


def _by_run(values: Sequence[str]) -> str:
    """``A and C: x; B: y``."""
    groups: dict[str, list[str]] = {}
    for number, value in enumerate(values):
        groups.setdefault(value, []).append(label(number))
    return "; ".join(f"{_listed(names)}: {value or 'not known'}" for value, names in groups.items())


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def differing_facts(runs: Sequence[Measured]) -> Mapping[str, Sequence[str]]:
    """What the runs were set up with and differ in: a value for each run, "" where unknown."""
    names = dict.fromkeys(name for run in runs for name in run.facts)
    rows = {name: [run.facts.get(name, "") for run in runs] for name in names}
    every = {**rows, **_explained(runs)}
    return {name: values for name, values in every.items() if len(set(values)) > 1}


def _explained(runs: Sequence[Measured]) -> Mapping[str, Sequence[str]]:
    """Conditions that differ only because something was set up differently: the prompt, where
    each strategy has one of its own."""
    prompts = [run.conditions.get("prompt", "") for run in runs]
    strategies = [run.facts.get("strategy", "") for run in runs]
    of_each = set(zip(strategies, prompts, strict=True))
    return {"prompt": prompts} if len(of_each) == len(set(strategies)) > 1 else {}
