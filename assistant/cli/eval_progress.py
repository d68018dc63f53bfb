"""One live line for each model while an evaluation runs; nothing where nobody looks."""

import os
import sys
import time
from collections.abc import Sequence
from typing import Self

from assistant.evals.comparison import wording
from assistant.evals.running import ActiveRun
from assistant.evals.runs import FAULTS
from assistant.evals.statistics import wilson
from assistant.terminal import words
from assistant.terminal.sanitize import visible

EVERY = 0.2
LONGEST_NAME, USUAL = 24, 80
SHARE = 20
"""Between two drawings lies at least so many times what one takes: runs may be large."""


class Progress:
    """Draws on standard error where that is a terminal, in place, a few times a second."""

    def __init__(self, active_runs: Sequence[ActiveRun]) -> None:
        self._active_runs = active_runs
        self._on = sys.stderr.isatty()
        self._drawn = 0
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def draw(self) -> None:
        if self._on and time.monotonic() >= self._next:
            began = time.monotonic()
            self._show()
            now = time.monotonic()
            self._next = now + max(EVERY, SHARE * (now - began))

    def _show(self) -> None:
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        width = _columns() - 1
        lines = [
            f"\r\x1b[2K{visible(line(active_run))[:width]}\n" for active_run in self._active_runs
        ]
        sys.stderr.write(up + "".join(lines))
        sys.stderr.flush()
        self._drawn = len(lines)

    def __exit__(self, kind: object, *_: object) -> None:
        if self._on and kind is None:
            self._show()


def _columns() -> int:
    """Of the terminal that is drawn on, which need not be that of standard output."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or USUAL
    except OSError:
        return USUAL


def line(active_run: ActiveRun) -> str:
    """``gpt-4o  37/164  pass 81.1 % (66–90)  12.3 k tokens  $0.12  3 min left``."""
    name = active_run.plan.pipeline.model.name
    samples = list(active_run.done.values())
    used = [sample.usage for sample in samples]
    costs = [one.cost for one in used if one.total]
    known = sum(cost for cost in costs if cost is not None)
    cost = wording.dollars(known or None, len(costs) - len([c for c in costs if c is not None]))
    parts = (
        name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}",
        f"{active_run.finished}/{active_run.wanted}",
        _rate(active_run),
        f"{wording.short(sum(one.total for one in used))} tokens",
        cost.replace("unknown", "cost unknown") if costs else "",
        _left(active_run),
    )
    return words.joined(parts)


def _rate(active_run: ActiveRun) -> str:
    """The share of passed samples; its interval is that of as many tasks."""
    by_task: dict[str, list[bool]] = {}
    for sample in list(active_run.done.values()):
        if sample.result not in FAULTS:
            by_task.setdefault(sample.key[0], []).append(sample.passed)
    if not by_task:
        return ""
    mean = sum(sum(found) / len(found) for found in by_task.values())
    return f"pass {wording.interval(wilson(mean, len(by_task)))}"


def _left(active_run: ActiveRun) -> str:
    rest = active_run.wanted - active_run.finished
    if not active_run.fresh or rest <= 0:
        return ""
    took = time.monotonic() - active_run.began
    return f"{words.seconds(took / active_run.fresh * rest)} left"
