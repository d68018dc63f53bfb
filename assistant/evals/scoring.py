"""Scores samples as they come: every attempt, before and after formatting, by a pool of judges."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from assistant.evals.in_files import InFiles
from assistant.evals.runs import Generated, Judged, Scored, Span
from assistant.evals.trace import Trace
from assistant.verdicts.task import Candidate, Task, Verdict


class Judges(Protocol):
    """Judge from any thread; equal jobs may share a verdict. A verdict may raise SandboxError."""

    def submit(self, task: Any, candidate: Candidate, /) -> "Future[Verdict]": ...


_Pair = tuple["Future[Verdict]", "Future[Verdict] | None"]


@dataclass
class PendingScore:
    """One sample under judgement."""

    generated: Generated
    verdicts: list[_Pair | None] = field(default_factory=list)
    """For each attempt; None where it has no code."""
    began: float = field(default_factory=time.time)

    def scored(self) -> Scored:
        """The line for the store. Raises SandboxError where there was none to judge in."""
        judged = [
            None
            if pair is None
            else Judged(pair[0].result(), None if pair[1] is None else pair[1].result())
            for pair in self.verdicts
        ]
        took = sum(v.seconds for one in judged if one for v in (one.before, one.after) if v)
        return Scored(self.generated.task, self.generated.number, tuple(judged), round(took, 6))


def examine(
    generated: Generated, task: Task | InFiles, judges: Judges, done: Callable[[PendingScore], None]
) -> PendingScore | None:
    """Submit what is to be judged; ``done`` is called from some thread once all is.

    None: there is nothing to judge, and ``done`` is not called.
    """
    pending = PendingScore(generated)
    for attempt in generated.attempts:
        if attempt.code is None:
            pending.verdicts.append(None)
            continue
        before = judges.submit(task, Candidate(attempt.code))
        tidy = attempt.formatted
        pending.verdicts.append((before, (tidy and judges.submit(task, Candidate(tidy))) or None))
    futures = [one for pair in pending.verdicts if pair for one in pair if one]
    if not futures:
        return None
    _after_all(futures, lambda: done(pending))
    return pending


def _after_all(futures: "list[Future[Verdict]]", then: Callable[[], None]) -> None:
    """Call ``then`` once, in whichever thread the last of them ends."""
    rest = iter(futures)

    def wait_for_next(ended: object = None) -> None:
        following = next(rest, None)
        if following is None:
            then()
        else:
            following.add_done_callback(wait_for_next)

    wait_for_next()


def traced(pending: PendingScore, scored: Scored, trace: Trace) -> None:
    """The spans of a sample's scoring: one for all, and one for each execution below it."""
    key, parent = (scored.task, scored.number), trace.number()
    now = time.time()
    for attempt, judged in zip(pending.generated.attempts, scored.verdicts, strict=True):
        if judged is None:
            continue
        for which, code, verdict in (
            ("before formatting", attempt.code, judged.before),
            ("after formatting", attempt.formatted, judged.after),
        ):
            if verdict is not None:
                inputs = {"code": code or "", "which": which}
                outputs = {
                    "verdict": verdict.label,
                    "detail": verdict.detail,
                    "input": verdict.input,
                    "output": verdict.output,
                }
                start, took = round(now - verdict.seconds, 6), verdict.seconds
                id = trace.number()
                trace.past(Span(id, parent, "execute", *key, start, took, inputs, outputs))
    final = next((j.final for j in reversed(scored.verdicts) if j), None)
    result = {"result": final.label if final else "no_code_in_reply"}
    took = round(now - pending.began, 6)
    trace.past(Span(parent, "", "score", *key, round(pending.began, 6), took, {}, result))
