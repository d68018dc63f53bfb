"""What each plot of the page shows: score and cost, latency, classes, turns, tasks."""

from collections.abc import Mapping, Sequence

from assistant.evals.comparison import wording as w
from assistant.evals.comparison.compared import Comparison
from assistant.evals.comparison.page import plots as p
from assistant.evals.comparison.page.markup import Markup, join, tag
from assistant.evals.comparison.summary import Summary

WIDE = 460
_BOX = (52.0, 14.0, 446.0, 226.0)
_HIGH = 268
_BINS = 28
_MOST_CELLS = 1_200
_WORDS_HIGH = 16
"""The strip above a row's bars, where its words stand."""
_LETTER = 7.2
"""How wide a letter is, about."""


def priced(comparison: Comparison) -> bool:
    """Whether some run's dollars are known, so that its score is told against them."""
    return any(s.cost for s in comparison.summaries)


def score_and_cost(comparison: Comparison) -> Markup:
    """pass@1 with its interval over dollars (or, without any price, over tokens) a sample; some
    run's must be known."""
    in_dollars = priced(comparison)
    spent = [_spent(s, in_dollars) for s in comparison.summaries]
    known = [x for x in spent if x]
    left, top, right, bottom = _BOX
    low, high = min(known), max(known)
    if high / low > 8:
        low, high = low / 1.6, high * 1.6
        x, marks = p.logarithmic(low, high, left, right), p.log_ticks(low, high)
    else:
        low, high = 0.0, high * 1.25
        x, marks = p.linear(low, high, left, right), p.ticks(low, high, 5)
    limits = rate_limits(comparison)
    y = p.linear(*limits, bottom, top)
    unit = _dollars if in_dollars else (lambda value: w.short(round(value)))
    across = [(x(value), unit(value)) for value in marks]
    up = [(y(value), f"{100 * value:g} %") for value in p.ticks(*limits, 5)]
    parts = [p.frame(across, up, _BOX)]
    taken = [
        (x(value), y(summary.passes[1].value) + 4)
        for summary, value in zip(comparison.summaries, spent, strict=True)
        if value
    ]
    for run, value in enumerate(spent):
        if value:
            parts.append(_spot(comparison, run, x(value), y, taken))
    what = "dollars a sample" if in_dollars else "completion tokens a sample"
    parts.append(p.label(right, bottom + 38, what, "unit", "end"))
    return p.picture(WIDE, _HIGH, f"pass@1 against {what}", *parts)


def _spent(summary: Summary, in_dollars: bool) -> float:
    if not in_dollars:
        return summary.completion / len(summary.run.samples)
    return float(summary.cost or 0) / max(1, len(summary.run.samples) - summary.unpriced)


def _spot(
    comparison: Comparison, run: int, x: float, y: p.Scale, taken: list[tuple[float, float]]
) -> Markup:
    """One run's mark, its interval, and its letter where nothing else (``taken``) stands."""
    found = comparison.summaries[run].passes[1]
    reach, at = f"reach {p.colour(run)}", y(found.value)
    parts = [p.line(x, y(found.low), x, y(found.high), reach)]
    parts += [p.line(x - 4, y(end), x + 4, y(end), reach) for end in (found.low, found.high)]
    places = [(x + dx, at + 4 + dy) for dy in (0, -14, 14, -28) for dx in (12, -12)]
    free = [one for one in places if _BOX[0] < one[0] < _BOX[2] and _apart(one, taken)]
    place = (free or places)[0]
    taken.append(place)
    name = p.label(*place, comparison.labels[run], "name halo", "middle")
    return join(*parts, p.mark(run, x, at), name)


def _apart(place: tuple[float, float], taken: list[tuple[float, float]]) -> bool:
    return all(abs(place[0] - x) > 11 or abs(place[1] - y) > 12 for x, y in taken)


def _dollars(value: float) -> str:
    return f"${value:.2g}" if value >= 0.0001 else f"${value:.0e}" if value else "$0"


def rate_limits(comparison: Comparison) -> tuple[float, float]:
    """The part of 0 to 1 that all intervals of pass@1 fit into, in steps of 10 %."""
    found = [s.passes[1] for s in comparison.summaries if 1 in s.passes]
    low = int(10 * min(f.low for f in found)) / 10
    high = -int(-10 * max(f.high for f in found)) / 10
    high = min(1.0, high if high >= max(f.high for f in found) else high + 0.1)
    return (max(0.0, low - 0.2), high) if high - low < 0.15 else (low, high)


def latency(comparison: Comparison) -> Markup:
    """How long answers took: a row of bars for each run, on one scale of powers; some run must
    have any."""
    every = [s.latencies for s in comparison.summaries if s.latencies]
    low = max(min(times[0] for times in every), 0.001)
    high = max(max(times[-1] for times in every), low * 1.5)
    left, right, tall = 36.0, 446.0, 60
    x = p.logarithmic(low, high, left, right)
    parts, top = [], 2.0
    for run, summary in enumerate(comparison.summaries):
        parts.append(p.label(4, top + tall, comparison.labels[run], "name"))
        if summary.latencies:
            parts.append(_histogram(run, summary, x, (left, right), (top, tall)))
        top += tall + 14
    across = [(x(value), w.duration(value)) for value in p.log_ticks(low, high)]
    parts.append(p.frame(across, [], (left, 0, right, top)))
    title = "Distribution of the seconds that answers took"
    return p.picture(WIDE, top + 26, title, *parts)


def _histogram(
    run: int, summary: Summary, x: p.Scale, ends: tuple[float, float], place: tuple[float, int]
) -> Markup:
    (left, right), (top, tall) = ends, place
    counts = [0] * _BINS
    for value in summary.latencies:
        share = (x(max(value, 0.001)) - left) / (right - left)
        counts[max(0, min(_BINS - 1, int(share * _BINS)))] += 1
    wide, most = (right - left) / _BINS, max(counts)
    parts = [p.line(left, top + tall, right, top + tall, "rule")]
    for number, count in enumerate(counts):
        if count:
            high = max(1.0, (tall - _WORDS_HIGH) * count / most)
            place_x = left + number * wide
            parts.append(p.bar(place_x + 0.75, top + tall - high, wide - 1.5, high, p.colour(run)))
    marks = [
        (x(max(value or 0.0, 0.001)), f"{words} {w.duration(value)}")
        for value, words in ((summary.median, "median"), (summary.p95, "p95"))
    ]
    parts += [p.line(at, top + _WORDS_HIGH - 3, at, top + tall, "cut") for at, _ in marks]
    for start, (_, told) in zip(_beside(marks, left), marks, strict=True):
        parts.append(p.label(start, top + 10, told, "halo"))
    return join(*parts)


def _beside(marks: Sequence[tuple[float, str]], left: float) -> tuple[float, float]:
    """Where the words of two marks begin, in the strip above the bars: before the first mark and
    behind the second one, moved where the picture ends or the other's words stand."""
    (first, one), (second, other) = marks
    wide, gap = _LETTER * len(one), 8.0
    last = WIDE - 4 - _LETTER * len(other)
    start = max(left, first - 5 - wide)
    behind = min(max(second + 5, start + wide + gap), last)
    return min(start, behind - gap - wide), behind


def turns(comparison: Comparison) -> Markup:
    """The share of samples that had passed after each turn."""
    longest = max(len(s.turns) for s in comparison.summaries)
    left, top, right, bottom = _BOX
    x = p.linear(0.7, longest + 0.3, left, right)
    y = p.linear(0, 1, bottom, top)
    across = [(x(turn), str(turn)) for turn in range(1, longest + 1)]
    parts = [p.frame(across, [(y(v / 4), f"{25 * v} %") for v in range(5)], _BOX)]
    for run, summary in enumerate(comparison.summaries):
        spots = [(x(n + 1), y(share)) for n, share in enumerate(summary.turns)]
        joined = " ".join(f"{a:.1f},{b:.1f}" for a, b in spots)
        parts.append(tag("polyline", points=joined, class_=f"path {p.colour(run)}"))
        parts += [p.mark(run, *spot, 4) for spot in spots]
        end_x, end_y = spots[-1]
        parts.append(p.label(end_x + 9, end_y + 4, comparison.labels[run], "name"))
    parts.append(p.label(right, bottom + 38, "turns", "unit", "end"))
    return p.picture(WIDE, _HIGH, "Share of samples that passed, after each turn", *parts)


def tasks(comparison: Comparison, links: Mapping[str, str]) -> tuple[Markup, int]:
    """A row of cells for each run, a cell for each common task, from failed to passed.

    Returns the plot, and how many tasks share a cell. ``links``: from tasks to their
    entries below.
    """
    group = -(-len(comparison.common) // _MOST_CELLS)
    groups = [comparison.common[n : n + group] for n in range(0, len(comparison.common), group)]
    wide, tall = 1000 / len(groups), 22
    parts, gap = [], min(0.6, wide * 0.12)
    for run, summary in enumerate(comparison.summaries):
        for number, members in enumerate(groups):
            share = sum(summary.tallies[task].share for task in members) / len(members)
            title = ""
            if group == 1 and len(groups) <= _MOST_CELLS // 2:
                tally = summary.tallies[members[0]]
                title = f"{members[0]}: {comparison.labels[run]} {tally.passed} of {tally.decided}"
            cell = p.bar(
                number * wide, run * (tall + 4), wide - gap, tall, f"s{round(4 * share)}", title
            )
            if group == 1 and members[0] in links:
                cell = tag("a", cell, href=f"#{links[members[0]]}", tabindex="-1")
            parts.append(cell)
    high = len(comparison.summaries) * (tall + 4)
    return p.picture(
        1000,
        high,
        "Each run's result on each task",
        *parts,
        class_="strip",
        preserveAspectRatio="none",
        height=str(high),
    ), group
