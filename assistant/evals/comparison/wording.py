"""How a comparison speaks: numbers as people read them, and what a difference means in words."""

from collections.abc import Sequence
from decimal import Decimal

from assistant.evals.comparison.compared import Comparison, Pair
from assistant.evals.comparison.summary import Summary
from assistant.evals.statistics import CONFIDENCE, Interval

DASH = "–"
POWER_NOTE = (
    "“Would have been visible” means: a true difference of that size is found in 4 of 5 such"
    " comparisons."
)


def percent(rate: float) -> str:
    """``81.7 %``; 0 and 100 only where they are meant."""
    text = f"{100 * rate:.1f}"
    if (text == "100.0" and rate < 1) or (text == "0.0" and rate > 0):
        text = ">99.9" if rate > 0.5 else "<0.1"
    return f"{text.removesuffix('.0') if rate in (0, 1) else text} %"


def interval(found: Interval) -> str:
    """``81.7 % (75.1–86.9)``."""
    return f"{percent(found.value)} ({100 * found.low:.1f}{DASH}{100 * found.high:.1f})"


def points(difference: float) -> str:
    """``+3.0``, in percentage points."""
    return "0.0" if abs(difference) < 0.0005 else f"{100 * difference:+.1f}".replace("-", "−")


def p_value(p: float) -> str:
    """``p = 0.031``."""
    if p < 0.0001:
        return "p < 0.0001"
    return f"p = {p:.4f}" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def dollars(cost: Decimal | None, unpriced: int = 0) -> str:
    """An unknown price is never 0; where only some are known, the rest is told."""
    if cost is None:
        return "unknown"
    digits = 2 if cost >= 1 or not cost else 4
    least = Decimal(1).scaleb(-digits)
    text = f"${max(cost, least) if cost else cost:,.{digits}f}"
    return f"≥ {text}" if unpriced else text


def duration(seconds: float | None) -> str:
    if seconds is None:
        return DASH
    if seconds >= 100:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.001 else "<1 ms"


def short(number: int) -> str:
    """``982``, ``12.3 k``, ``4.1 M``."""
    for size, unit in ((10**9, " G"), (10**6, " M"), (10**3, " k")):
        if number >= size:
            return (
                f"{number / size:.1f}{unit}" if number < 100 * size else f"{number // size}{unit}"
            )
    return str(number)


def tokens(number: int, summary: Summary) -> str:
    """Tokens of a run; a run that used none did not ask a model, or its server did not count."""
    return short(number) if summary.prompt or summary.completion else DASH


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(summary: Summary) -> str:
    """``164 tasks × 5``."""
    low, high = summary.samples_each
    each = f"{low:,}" if low == high else f"{low:,}{DASH}{high:,}"
    return f"{count(summary.tasks, 'task')} × {each}"


def scope(comparison: Comparison) -> str:
    """What is compared, in a sentence."""
    runs, tasks = len(comparison.summaries), len(comparison.common)
    lows, highs = zip(*(s.samples_each for s in comparison.summaries), strict=True)
    low, high = min(lows), max(highs)
    if high == 1:
        each = "one sample of each"
    elif low == high:
        each = f"{low:,} samples of each"
    else:
        each = f"{low:,} to {high:,} samples of each"
    several = "" if runs == 2 else f"{count(runs, 'run')}, "
    return f"{several}{count(tasks, 'task')} in common, {each}"


def headline(comparison: Comparison, pair: Pair) -> str:
    """The outcome of one pair in a sentence."""
    return "; ".join(filter(None, (claim(comparison, pair), visible(pair)))) + "."


def claim(comparison: Comparison, pair: Pair, names: Sequence[str] = ()) -> str:
    """What was found; runs are called by their letters, or by ``names``."""
    before, after = ((names or comparison.labels)[n] for n in (pair.before, pair.after))
    if not pair.found:
        return f"No difference found between {before} and {after}"
    difference = pair.paired.difference.value
    better, worse = (after, before) if difference > 0 else (before, after)
    return f"{better} solves more than {worse}, by {100 * abs(difference):.1f} points"


def visible(pair: Pair) -> str:
    """Where nothing was found: what would have been."""
    if pair.found:
        return ""
    found, tasks = pair.paired, count(pair.paired.tasks, "task")
    if 2 ** (1 - found.tasks) > pair.alpha:
        # All of them won by one side would still be a matter of chance.
        return f"{tasks} can show none, whatever becomes of them"
    return f"with {tasks} one of {100 * found.detectable:.1f} points would have been visible"


def evidence(comparison: Comparison, pair: Pair) -> str:
    """How sure that is."""
    found = pair.paired
    before, after = (comparison.labels[n] for n in (pair.before, pair.after))
    limits = f"{points(found.difference.low)} to {points(found.difference.high)}"
    told = (
        f"{after} minus {before} is {points(found.difference.value)} points,"
        f" {100 * CONFIDENCE:.0f} % interval {limits}; {found.test}, {p_value(pair.p)}"
    )
    pairs = len(comparison.pairs)
    return f"{told} after Holm for {pairs} pairs." if pairs > 1 else f"{told}."


def tasks_line(names: Sequence[str], most: int = 8) -> str:
    """The first few names, and how many more."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(" ".join(name.split()) for name in names[:most]) + more
