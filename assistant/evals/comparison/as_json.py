"""A comparison as plain JSON values, for programs: rates are fractions of 1, costs are texts."""

from typing import Any

from assistant.evals.comparison import wording
from assistant.evals.comparison.compared import Comparison, Pair
from assistant.evals.comparison.summary import Summary
from assistant.evals.statistics import Interval


def as_json(comparison: Comparison) -> dict[str, Any]:
    """All figures of the text form, and the full lists of tasks."""
    return {
        "common_tasks": len(comparison.common),
        "runs": [
            {"label": name, **run_figures(summary)}
            for name, summary in zip(comparison.labels, comparison.summaries, strict=True)
        ],
        "pairs": [_pair(comparison, pair) for pair in comparison.pairs],
        "warnings": list(comparison.warnings),
    }


def run_figures(summary: Summary) -> dict[str, Any]:
    low, high = summary.samples_each
    return {
        "id": summary.run.id,
        "name": summary.run.name,
        "facts": dict(summary.run.facts),
        "conditions": dict(summary.run.conditions),
        "tasks": summary.tasks,
        "samples": len(summary.run.samples),
        "samples_of_each_task": [low, high],
        "undecided": summary.undecided,
        "pass_at_k": {str(k): _interval(found) for k, found in summary.passes.items()},
        "bounds": list(summary.bounds) if summary.bounds else None,
        "outcomes": dict(summary.outcomes),
        "passed_after_turn": list(summary.turns),
        "tokens": {"prompt": summary.prompt, "completion": summary.completion},
        "cost": None if summary.cost is None else str(summary.cost),
        "samples_without_price": summary.unpriced,
        "latency": {"median": summary.median, "p95": summary.p95},
    }


def _pair(comparison: Comparison, pair: Pair) -> dict[str, Any]:
    found = pair.paired
    return {
        "before": comparison.labels[pair.before],
        "after": comparison.labels[pair.after],
        "difference": _interval(found.difference),
        "resampled": _interval(found.resampled),
        "test": found.test,
        "p": found.p,
        "p_adjusted": pair.p,
        "found": pair.found,
        "detectable": found.detectable,
        "tasks": found.tasks,
        "left_out": found.left_out,
        "won": list(pair.won),
        "lost": list(pair.lost),
        "in_words": wording.headline(comparison, pair),
    }


def _interval(found: Interval) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high}
