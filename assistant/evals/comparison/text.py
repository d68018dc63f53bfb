"""A comparison as plain text, a line at a time, for a terminal or a pipe."""

from collections.abc import Iterator, Sequence

from wcwidth import wcswidth

from assistant.evals.comparison import wording as w
from assistant.evals.comparison.compared import Comparison, Pair, differing_facts

_WIDEST = 40


def lines(comparison: Comparison) -> Iterator[str]:
    """The whole comparison; names in it are anyone's, so the caller makes them safe to print."""
    yield f"Comparison: {w.scope(comparison)}"
    yield ""
    yield from table(_runs(comparison), left=4, whole=2)
    facts = differing_facts([s.run for s in comparison.summaries])
    if facts:
        yield ""
        head = ["they differ in", *comparison.labels]
        yield from table([head, *([name, *values] for name, values in facts.items())], left=99)
    yield ""
    yield from table(_classes(comparison))
    if any(len(s.turns) > 1 for s in comparison.summaries):
        yield ""
        yield from table(_turns(comparison))
    for pair in comparison.pairs:
        yield ""
        yield from _pair(comparison, pair)
    if any(not pair.found for pair in comparison.pairs):
        yield ""
        yield w.POWER_NOTE
    if comparison.warnings:
        yield ""
        yield from (f"Warning: {warning}" for warning in comparison.warnings)


def _runs(comparison: Comparison) -> list[list[str]]:
    ks = sorted({k for s in comparison.summaries for k in s.passes})
    head = ["", "run", "name", "samples", *(f"pass@{k}" for k in ks)]
    rows = [[*head, "tokens in", "out", "cost", "median", "p95"]]
    for name, s in zip(comparison.labels, comparison.summaries, strict=True):
        passes = [w.interval(s.passes[k]) if k in s.passes else w.DASH for k in ks]
        used = [w.tokens(s.prompt, s), w.tokens(s.completion, s), w.dollars(s.cost, s.unpriced)]
        times = [w.duration(s.median), w.duration(s.p95)]
        rows.append([name, s.run.id, s.run.name, w.size(s), *passes, *used, *times])
    return rows


def _classes(comparison: Comparison) -> list[list[str]]:
    totals: dict[str, int] = {}
    for summary in comparison.summaries:
        for name, number in summary.outcomes.items():
            totals[name] = totals.get(name, 0) + number
    names = sorted(totals, key=lambda name: (name != "passed", -totals[name], name))
    rows = [["samples", *comparison.labels]]
    for name in names:
        rows.append([name, *(f"{s.outcomes.get(name, 0):,}" for s in comparison.summaries)])
    return rows


def _turns(comparison: Comparison) -> list[list[str]]:
    longest = max(len(s.turns) for s in comparison.summaries)
    rows = [["passed after turn", *comparison.labels]]
    for turn in range(longest):
        shares = [s.turns[min(turn, len(s.turns) - 1)] for s in comparison.summaries]
        rows.append([str(turn + 1), *map(w.percent, shares)])
    return rows


def _pair(comparison: Comparison, pair: Pair) -> Iterator[str]:
    before, after = (comparison.labels[n] for n in (pair.before, pair.after))
    yield w.headline(comparison, pair)
    yield f"  {w.evidence(comparison, pair)}"
    for better, worse, tasks in ((after, before, pair.won), (before, after, pair.lost)):
        if tasks:
            number = w.count(len(tasks), "task")
            yield f"  {better} is better than {worse} at {number}: {w.tasks_line(tasks)}"


def table(rows: Sequence[Sequence[str]], left: int = 1, whole: int = 0) -> Iterator[str]:
    """Rows in columns; the first ``left`` to the left, figures to the right.

    The first ``whole`` are never cut: a run's id is there to be copied.
    """
    plain = [[" ".join(cell.split()) for cell in row] for row in rows]
    cut = [[*row[:whole], *map(_cut, row[whole:])] for row in plain]
    widths = [max(_width(row[n]) for row in cut) for n in range(len(cut[0]))]
    for row in cut:
        cells = []
        for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blanks = " " * (width - _width(cell))
            cells.append(cell + blanks if number < left else blanks + cell)
        yield "  ".join(cells).rstrip()


def _cut(cell: str) -> str:
    return cell if len(cell) <= _WIDEST else cell[: _WIDEST - 1] + "…"


def _width(cell: str) -> int:
    wide = wcswidth(cell)
    return wide if wide >= 0 else len(cell)
