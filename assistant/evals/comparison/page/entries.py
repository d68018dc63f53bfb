"""The tasks that the runs do not solve alike: each run's code, what failed, and the trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.evals.comparison import wording as w
from assistant.evals.comparison.compared import Comparison
from assistant.evals.comparison.measured import Key, Sampled, Shown, Step
from assistant.evals.comparison.page import plots
from assistant.evals.comparison.page.code import Highlight, code, cut
from assistant.evals.comparison.page.markup import Markup, div, join, span, tag
from assistant.evals.comparison.page.sections import badge, kind

MOST_TASKS = 500
MOST_BYTES = 11 << 20
_TEXT, _STEPS = 3_000, 60


@dataclass(frozen=True, slots=True)
class Entries:
    shown: Mapping[str, str]
    """The ids of the entries by task."""
    markup: Sequence[Markup]
    differing: int


def entries(comparison: Comparison, highlight: Highlight) -> Entries:
    """An entry for each task that differs: the widest gaps first where there are too many."""
    differing = comparison.differing
    order = {task: number for number, task in enumerate(differing)}
    wanted = sorted(differing, key=lambda task: (-_gap(comparison, task), order[task]))
    wanted = sorted(wanted[:MOST_TASKS], key=order.__getitem__)
    samples = _chosen(comparison, set(wanted))
    texts = [
        s.run.show([chosen[task].key for task in wanted])
        for s, chosen in zip(comparison.summaries, samples, strict=True)
    ]
    made: list[Markup] = []
    shown: dict[str, str] = {}
    size = 0
    for task in wanted:
        columns = _columns([chosen[task] for chosen in samples], texts)
        entry = _entry(comparison, task, f"t{order[task]}", columns, highlight)
        size += len(entry.encode())
        if size > MOST_BYTES:
            break
        made.append(entry)
        shown[task] = f"t{order[task]}"
    return Entries(shown, made, len(differing))


def _gap(comparison: Comparison, task: str) -> float:
    shares = [s.tallies[task].share for s in comparison.summaries]
    return max(shares) - min(shares)


def _chosen(comparison: Comparison, tasks: set[str]) -> list[dict[str, Sampled]]:
    """For each run the sample that stands for a task: one that passed where the run is the best at
    it, else one that failed; the first of those."""
    best = {task: max(s.tallies[task].share for s in comparison.summaries) for task in tasks}
    found = []
    for summary in comparison.summaries:
        chosen: dict[str, Sampled] = {}
        for sample in summary.run.samples:
            task = sample.task
            if task in tasks and sample.decided and task not in chosen:
                leads = summary.tallies[task].share == best[task]
                if sample.passed == leads:
                    chosen[task] = sample
        found.append(chosen)
    return found


@dataclass(frozen=True, slots=True)
class _Column:
    """One run's part of an entry."""

    run: int
    sample: Sampled
    shown: Shown
    other: str
    """The code that this one is seen beside: of a run that passed, else of one that did not."""


def _columns(samples: Sequence[Sampled], texts: Sequence[Mapping[Key, Shown]]) -> list[_Column]:
    shown = [found.get(sample.key, Shown()) for sample, found in zip(samples, texts, strict=True)]
    first = {
        one.passed: text.code for one, text in reversed(list(zip(samples, shown, strict=True)))
    }
    return [
        _Column(run, sample, text, first.get(not sample.passed, ""))
        for run, (sample, text) in enumerate(zip(samples, shown, strict=True))
    ]


def _entry(
    comparison: Comparison,
    task: str,
    name: str,
    columns: Sequence[_Column],
    highlight: Highlight,
) -> Markup:
    tallies = [s.tallies[task] for s in comparison.summaries]
    chips = [
        span(
            "chip",
            badge(comparison, column.run),
            span("good", "✓") if tally.passed == tally.decided else "",
            span("bad", "✗") if not tally.passed else "",
            f" {tally.passed}/{tally.decided}" if tally.decided > 1 else "",
            "" if column.sample.passed else f" {column.sample.outcome}",
        )
        for column, tally in zip(columns, tallies, strict=True)
    ]
    summary = tag("summary", span("task", task), span("chips", *chips))
    sides = div("sides", *(_side(comparison, column, highlight) for column in columns))
    shares = " ".join(f"{tally.share:.4g}" for tally in tallies)
    return tag(
        "details", summary, sides, class_="entry", id=name, data_s=shares, data_t=task.lower()
    )


def _side(comparison: Comparison, column: _Column, highlight: Highlight) -> Markup:
    sample, shown = column.sample, column.shown
    figures = [f"sample {sample.number}"]
    figures += [f"{sample.turns} turns"] if sample.turns > 1 else []
    figures += [w.duration(sample.seconds)] if sample.seconds is not None else []
    figures += [f"{sample.completion:,} tokens"] if sample.completion else []
    figures += [w.dollars(sample.cost)] if sample.cost is not None else []
    verdict = span(f"verdict k{kind(sample.outcome)}", sample.outcome)
    top = tag("h3", badge(comparison, column.run), verdict, tag("small", " · ".join(figures)))
    return tag(
        "article",
        top,
        _told("Failing call", shown.input),
        _told("Reason", shown.detail),
        code(shown.code, shown.lang, column.other, highlight)
        if shown.code
        else tag("p", "No code.", class_="none"),
        _told("Printed", shown.output),
        _trace(shown.steps),
    )


def _told(title: str, words: str) -> Markup:
    if not words.strip():
        return Markup()
    return join(tag("h4", title), tag("pre", cut(words.rstrip(), _TEXT), class_="told"))


def _trace(steps: Sequence[Step]) -> Markup:
    if not steps:
        return Markup()
    end = max(step.start + step.seconds for step in steps) or 1.0
    rows = [_step(step, end) for step in steps[:_STEPS]]
    left = len(steps) - _STEPS
    more = tag("p", f"{left:,} more steps", class_="none") if left > 0 else ""
    table = tag("table", tag("tbody", *rows))
    return tag("details", tag("summary", "Trace"), table, more, class_="trace")


def _step(step: Step, end: float) -> Markup:
    start, wide = 100 * step.start / end, max(100 * step.seconds / end, 0.8)
    bar = plots.bar(min(start, 99.2), 3, wide, 6, "step")
    place = tag("svg", bar, viewBox="0 0 100 12", preserveAspectRatio="none", aria_hidden="true")
    name = tag("th", step.name, scope="row", class_=f"d{min(step.depth, 4)}")
    took = tag("td", w.duration(step.seconds))
    return tag("tr", name, tag("td", place, class_="when"), took, tag("td", step.detail))
