"""The page's sections above the tasks: outcome, warnings, runs, differences, plots."""

from collections.abc import Mapping, Sequence

from assistant.evals.comparison import wording as w
from assistant.evals.comparison.compared import Comparison, Pair, differing_facts
from assistant.evals.comparison.page import charts, plots
from assistant.evals.comparison.page.markup import (
    Content,
    Markup,
    div,
    join,
    row,
    span,
    tag,
)
from assistant.evals.statistics import Interval

_KINDS = (
    ("passed", ("passed",)),
    ("wrong answer", ("wrong_answer",)),
    ("error in the code", ("runtime_error", "crash", "exit_before_verdict")),
    ("over a limit", ("timeout", "out_of_memory", "process_limit")),
    ("no usable code", ("syntax_error", "missing_entry_point", "no_code_in_reply", "refused")),
)
_MOST_PAIRS = 60


def badge(comparison: Comparison, run: int) -> Markup:
    """The letter of a run in its colour."""
    return span(f"badge {plots.colour(run)}", comparison.labels[run])


def head(comparison: Comparison) -> Markup:
    """What came out, before all else."""
    best = comparison.pairs[0]
    single = len(comparison.pairs) == 1
    title, seen = w.claim(comparison, best, _telling(comparison)), w.visible(best)
    lead = f"{seen[0].upper()}{seen[1:]}. " if seen else ""
    lead += w.evidence(comparison, best)
    if not single:
        title, lead = _several(comparison), _found(comparison)
    names = [
        tag("li", badge(comparison, run), " ", s.run.name)
        for run, s in enumerate(comparison.summaries)
    ]
    return tag(
        "header",
        tag("p", f"Comparison of runs · {w.scope(comparison)}", class_="eyebrow"),
        tag("h1", f"{title}."),
        tag("p", lead, class_="lead") if lead else "",
        tag("ul", *names, class_="names"),
    )


def _telling(comparison: Comparison) -> list[str]:
    """The runs' names where they tell them apart at a glance, else their letters."""
    names = [summary.run.name for summary in comparison.summaries]
    good = len(set(names)) == len(names) and all(0 < len(name) <= 32 for name in names)
    return names if good else comparison.labels


def _several(comparison: Comparison) -> str:
    found = sum(pair.found for pair in comparison.pairs)
    if not found:
        return f"No difference found among {len(comparison.summaries)} runs"
    verb = "shows" if found == 1 else "show"
    return f"{found} of {w.count(len(comparison.pairs), 'pair')} {verb} a difference"


def _found(comparison: Comparison) -> str:
    """The differences themselves, the widest first."""
    found = [pair for pair in comparison.pairs if pair.found]
    found.sort(key=lambda pair: -abs(pair.paired.difference.value))
    more = f" And {len(found) - 3} more." if len(found) > 3 else ""
    return " ".join(w.headline(comparison, pair) for pair in found[:3]) + more


def warnings(comparison: Comparison) -> Markup:
    if not comparison.warnings:
        return Markup()
    items = (tag("li", warning) for warning in comparison.warnings)
    heading = tag("h2", "Before you trust this", id="warnings")
    return tag("section", heading, tag("ul", *items), class_="warnings", aria_labelledby="warnings")


def section(name: str, title: str, *content: Content) -> Markup:
    return tag("section", tag("h2", title, id=name), *content, aria_labelledby=name)


def wide(table: Markup, told: str) -> Markup:
    """A table that is scrolled by itself where the screen is narrow, by the keyboard too."""
    return tag("div", table, class_="wide", role="region", aria_label=told, tabindex="0")


def runs(comparison: Comparison) -> Markup:
    """A line for each run."""
    ks = sorted({k for s in comparison.summaries for k in s.passes} - {1})
    more = [f"pass@{k}" for k in ks]
    heads = ["Run", "pass@1", "", *more, "Tokens in", "out", "Cost", "Median", "p95"]
    limits = charts.rate_limits(comparison)
    scale = plots.linear(*limits, 6, 174)
    rows = []
    for run, s in enumerate(comparison.summaries):
        name = join(
            badge(comparison, run), " ", s.run.name, tag("small", s.run.id, " · ", w.size(s))
        )
        found = s.passes[1]
        rows.append(
            row(
                name,
                _rate(found),
                plots.whisker(run, found, scale, limits),
                *(_rate(s.passes[k]) if k in s.passes else w.DASH for k in ks),
                *(w.tokens(s.prompt, s), w.tokens(s.completion, s), w.dollars(s.cost, s.unpriced)),
                *(w.duration(s.median), w.duration(s.p95)),
            )
        )
    table = tag("table", tag("thead", row(*heads, head=True)), tag("tbody", *rows), class_="runs")
    note = (
        f"Small figures are 95 % intervals; the bars span {100 * limits[0]:.0f} to"
        f" {100 * limits[1]:.0f} %. Median and p95 are what the model took for one sample."
    )
    return section(
        "runs", "Runs", wide(table, "Runs"), tag("p", note, class_="note"), _facts(comparison)
    )


def _rate(found: Interval) -> Markup:
    reach = f"{100 * found.low:.1f}{w.DASH}{100 * found.high:.1f}"
    return join(tag("b", w.percent(found.value)), tag("small", reach))


def _facts(comparison: Comparison) -> Markup:
    """What was set up otherwise, and, folded, all of it."""
    every = [s.run for s in comparison.summaries]
    names = dict.fromkeys(name for run in every for name in (*run.facts, *run.conditions))
    if not names:
        return Markup()
    whole = {n: [r.facts.get(n) or r.conditions.get(n, "") for r in every] for n in names}
    differing = differing_facts(every)
    parts: list[Markup] = []
    if differing:
        parts = [tag("h3", "Set up differently"), _values(comparison, differing)]
    everything = tag("details", tag("summary", "The whole set-up"), _values(comparison, whole))
    return join(*parts, everything)


def _values(comparison: Comparison, rows: Mapping[str, Sequence[str]]) -> Markup:
    badges = [badge(comparison, run) for run in range(len(comparison.summaries))]
    body = [row(name, *(value or w.DASH for value in values)) for name, values in rows.items()]
    table = tag("table", tag("thead", row("", *badges, head=True)), tag("tbody", *body))
    return div("facts", wide(table, "Set-up"))


def pairs(comparison: Comparison) -> Markup:
    """Each pair's difference with its interval, and in words."""
    shown = comparison.pairs[:_MOST_PAIRS]
    ends = [abs(e) for q in shown for e in (q.paired.difference.low, q.paired.difference.high)]
    limit = min(1.0, max(0.05, *ends) * 1.08)
    heads = ["Pair", "Difference", "", "95 % interval", "Won", "Lost", "Test", "p"]
    if len(comparison.pairs) > 1:
        heads.append("p after Holm")
    rows = [_pair(comparison, pair, limit) for pair in shown]
    table = tag("table", tag("thead", row(*heads, head=True)), tag("tbody", *rows), class_="pairs")
    words = tag("ul", *(tag("li", w.headline(comparison, q)) for q in shown), class_="words")
    left = len(comparison.pairs) - len(shown)
    more = f" {left} more pairs are in the text form." if left else ""
    note = (
        "A difference is the later run minus the earlier one, in percentage points, on the tasks"
        " that both have. A full dot marks a difference that chance explains badly"
        f" (p ≤ 0.05). {w.POWER_NOTE}{more}"
    )
    told = words if len(comparison.pairs) > 1 else ""
    body = (wide(table, "Differences"), told, tag("p", note, class_="note"))
    return section("differences", "Differences", *body)


def _pair(comparison: Comparison, pair: Pair, limit: float) -> Markup:
    found = pair.paired
    numbers = (w.p_value(p).removeprefix("p ").removeprefix("= ") for p in (found.p, pair.p))
    reach = f"{w.points(found.difference.low)} to {w.points(found.difference.high)}"
    cells = [
        join(badge(comparison, pair.after), " − ", badge(comparison, pair.before)),
        tag("b", w.points(found.difference.value)),
        plots.difference(found.difference, pair.found, limit),
        reach,
        f"{len(pair.won):,}",
        f"{len(pair.lost):,}",
        found.test,
        *numbers,
    ]
    return row(*(cells if len(comparison.pairs) > 1 else cells[:-1]))


def figures(comparison: Comparison, links: Mapping[str, str]) -> Markup:
    """The plots."""
    shown = [_figure("What became of the samples", _classes(comparison))]
    if any(s.latencies for s in comparison.summaries):
        shown.insert(0, _figure("How long answers took", charts.latency(comparison)))
    if any(s.cost or s.completion for s in comparison.summaries):
        what = "cost" if charts.priced(comparison) else "tokens"
        shown.insert(0, _figure(f"Score against {what}", charts.score_and_cost(comparison)))
    if any(len(s.turns) > 1 for s in comparison.summaries):
        shown.append(_figure("Passed after so many turns", charts.turns(comparison)))
    return section("plots", "Plots", div("plots", *shown), _strip(comparison, links))


def _strip(comparison: Comparison, links: Mapping[str, str]) -> Markup:
    """Every task of every run; nothing where no task is common to all."""
    if not comparison.common:
        return Markup()
    strip, group = charts.tasks(comparison, links)
    letters = (span("", badge(comparison, run)) for run in range(len(comparison.summaries)))
    each = "a cell for each task" if group == 1 else f"a cell for every {group:,} tasks"
    scale = (tag("i", class_=f"swatch s{n}") for n in range(5))
    key = tag("p", "failed ", *scale, " passed", tag("span", f"{each}, in the data set's order"))
    key = div("scale", key)
    tasks = div("rows", div("letters", *letters), strip)
    return tag("figure", tag("figcaption", "Task by task"), tasks, key, class_="whole")


def _figure(title: str, plot: Markup) -> Markup:
    return tag("figure", tag("figcaption", title), plot)


def kind(outcome: str) -> int:
    """The number of the kind that a class of outcomes belongs to, for its colour."""
    name = outcome.partition("(")[0]
    found = (number for number, (_, names) in enumerate(_KINDS) if name in names)
    return next(found, len(_KINDS))


def _classes(comparison: Comparison) -> Markup:
    """A bar for each run, and the counts of every class."""
    bars, top = [], 4
    present: set[int] = set()
    for run, summary in enumerate(comparison.summaries):
        total, at = len(summary.run.samples), 30.0
        counts = [0] * (len(_KINDS) + 1)
        for outcome, number in summary.outcomes.items():
            counts[kind(outcome)] += number
        bars.append(plots.label(4, top + 17, comparison.labels[run], "name"))
        for number, amount in enumerate(counts):
            if amount:
                present.add(number)
                wide_ = 416 * amount / total
                bars.append(plots.bar(at, top, max(wide_ - 1, 0.5), 24, f"k{number}"))
                at += wide_
        top += 32
    picture = plots.picture(charts.WIDE, top, "Shares of the kinds of outcome", *bars)
    names = [*(name for name, _ in _KINDS), "no verdict"]
    key = [
        tag("li", tag("i", class_=f"swatch k{number}"), names[number]) for number in sorted(present)
    ]
    return join(picture, tag("ul", *key, class_="key"), _counts(comparison))


def _counts(comparison: Comparison) -> Markup:
    totals: dict[str, int] = {}
    for summary in comparison.summaries:
        for name, number in summary.outcomes.items():
            totals[name] = totals.get(name, 0) + number
    order = sorted(totals, key=lambda name: (kind(name), -totals[name], name))[:40]
    badges = [badge(comparison, run) for run in range(len(comparison.summaries))]
    body = [
        row(name, *(f"{s.outcomes.get(name, 0):,}" for s in comparison.summaries)) for name in order
    ]
    table = tag("table", tag("thead", row("class", *badges, head=True)), tag("tbody", *body))
    return tag("details", tag("summary", "Counts of every class"), wide(table, "Classes"))
