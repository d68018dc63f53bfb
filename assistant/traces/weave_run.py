"""A stored run in Weave: its model, data set and evaluation, each operation a call at its time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from assistant.evals.datasets import DataSet
from assistant.evals.run_reader import Run
from assistant.evals.runs import Key, Sample, Span
from assistant.events import UsageError
from assistant.traces.weave_adapter import Weave
from assistant.traces.weave_shapes import scored, summary_of, used


def send_run(weave: Weave, run: Run, data: DataSet) -> int:
    """Send all samples of a run that have a result; returns how many.

    The evaluation looks like one that Weave has run itself. ``data`` is the run's data set. Samples
    that the model gave no answer to are calls with an exception, and have no score.

    Raises:
        UsageError: ``data`` is not what the run was made with.
    """
    asked = set(run.manifest.data.tasks)
    if data.sha256 != run.manifest.data.sha256:
        raise UsageError(
            f"run {run.id} was made with another {run.manifest.data.name}",
            "Weave gets the tasks too: put the data set back as it was.",
        )
    problems = tuple(problem for problem in data if problem.task_id in asked)
    return _Sender(weave, run, replace(data, problems=problems)).send()


@dataclass(frozen=True)
class _At:
    """When something was done, as Weave wants it."""

    start: datetime
    end: datetime


class _Sender:
    """Makes the calls of one run, from the outside in."""

    def __init__(self, weave: Weave, run: Run, data: DataSet) -> None:
        self._weave, self._run = weave, run
        stamp = run.manifest.pipeline
        self._model = weave.published_model(stamp)
        seconds = float(run.manifest.limits.get("seconds", 0))
        self._evaluation, self._tests = weave.published_evaluation(
            data, seconds, run.manifest.samples
        )
        self._name = stamp.model

    def send(self) -> int:
        spans = _by_sample(self._run.spans())
        began = _moment(self._run.manifest.at)
        every = [*chain.from_iterable(spans.values())]
        whole = _At(began, max([began, *(_at(span).end for span in every)]))
        inputs = {"self": self._evaluation, "model": self._model}
        evaluate = type(self._evaluation).evaluate
        root = self._weave.begin(evaluate, inputs, None, whole.start, {"run": self._run.id})
        rows = {row["task_id"]: row for row in self._evaluation.dataset.rows}
        scores: list[dict[str, Any] | None] = []
        for sample in self._run.samples:
            if sample.result != "undecided":
                found = spans.get(sample.key, [])
                scores.append(self._sample(root, sample, found, rows[sample.key[0]], whole))
        self._weave.end(root, {"tests": summary_of(scores)}, whole.end)
        return len(scores)

    def _sample(
        self, root: Any, sample: Sample, spans: Sequence[Span], row: Any, whole: _At
    ) -> dict[str, Any] | None:
        """One pair of an answer and its score; returns the score, None where there is none."""
        answered, judged = (_last(spans, name) for name in ("predict", "score"))
        start = _at(answered).start if answered else whole.start
        inputs = {"self": self._evaluation, "model": self._model, "example": row}
        pair = self._weave.begin(
            type(self._evaluation).predict_and_score, inputs, root, start, {"trial": sample.key[1]}
        )
        code = self._weave.shown(sample.code or "")
        self._predict(pair, sample, (answered, spans), row, code)
        scores = self._score(pair, sample, judged, code)
        end = max([start, *(_at(span).end for span in (answered, judged) if span)])
        seconds = sample.seconds or (answered.seconds if answered else 0.0)
        output = None if sample.result == "model_error" else code
        told = {"tests": scores} if scores else {}
        self._weave.end(pair, {"output": output, "scores": told, "model_latency": seconds}, end)
        return scores

    def _predict(
        self,
        pair: Any,
        sample: Sample,
        found: tuple[Span | None, Sequence[Span]],
        row: Any,
        code: str,
    ) -> None:
        span, spans = found
        at = _at(span) if span else _At(pair.started_at, pair.started_at)
        inputs = {"self": self._model, "task_id": sample.key[0], "prompt": row["prompt"]}
        call = self._weave.begin(type(self._model).predict, inputs, pair, at.start)
        if span:
            self._below(call, span, spans)
        if sample.result == "model_error":
            self._weave.end(call, None, at.end, sample.generated.fault or "no answer")
        else:
            self._weave.end(call, code, at.end)

    def _below(self, parent: Any, span: Span, spans: Sequence[Span]) -> None:
        """The operations that a span is made of."""
        for child in sorted((one for one in spans if one.parent == span.id), key=_start):
            at = _at(child)
            call = self._weave.begin(child.operation, dict(child.inputs), parent, at.start)
            self._below(call, child, spans)
            usage = {"usage": {self._name: used(child.usage)}} if child.usage else None
            self._weave.end(call, dict(child.outputs), at.end, child.error, usage)

    def _score(
        self, pair: Any, sample: Sample, span: Span | None, code: str
    ) -> dict[str, Any] | None:
        """What the tests said; a reply without code was never judged, and is wrong nonetheless."""
        if sample.result == "model_error":
            return None
        told = (
            scored(sample.verdict)
            if sample.verdict
            else {"correct": False, "outcome": sample.result, "error": sample.result}
        )
        at = _at(span) if span else _At(pair.started_at, pair.started_at)
        inputs = {"self": self._tests, "output": code, "task_id": sample.key[0]}
        call = self._weave.begin(type(self._tests).score, inputs, pair, at.start)
        self._weave.end(call, told, at.end)
        return told


def _by_sample(spans: Iterator[Span]) -> Mapping[Key, list[Span]]:
    found: dict[Key, list[Span]] = {}
    for span in spans:
        found.setdefault((span.task, span.number), []).append(span)
    return found


def _last(spans: Sequence[Span], operation: str) -> Span | None:
    """Of what was tried again, only the last try counts."""
    found = [span for span in spans if span.operation == operation]
    return found[-1] if found else None


def _start(span: Span) -> float:
    return span.start


def _at(span: Span) -> _At:
    start, end = span.start, span.start + span.seconds
    return _At(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
