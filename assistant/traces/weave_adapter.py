"""The pipeline in Weave: a model, a data set and an evaluation there, each operation a call.

The only module that knows Weave. What it publishes has Weave's own shapes, so that versions and
evaluations stand side by side in its pages like any others.
"""

import asyncio
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from assistant.evals.asking import Gate, SampleModel
from assistant.evals.datasets import DataSet
from assistant.evals.pipeline import Around, CodeGenerationPipeline
from assistant.evals.runs import Key, PipelineStamp
from assistant.evals.scoring import Judges
from assistant.evals.strategy_context import Sandboxes
from assistant.evals.trace import OpenSpan, Trace
from assistant.events import ModelError, UsageError
from assistant.following import unheard
from assistant.purse import UNCAPPED, Purse
from assistant.redact import Redactor
from assistant.traces.weave_shapes import (
    in_a_line,
    model_class,
    name_of,
    row_of,
    scorer_class,
    used,
)
from assistant.traces.weave_waiting import sent
from assistant.verdicts.task import (
    Candidate,
    TaskLimits,
)

_SETTINGS = {
    # Calls of the model are traced here, once, whatever the library that makes them.
    "implicitly_patch_integrations": False,
    "print_call_link": False,
    "capture_system_info": False,
}


@dataclass(frozen=True)
class Exam:
    """What an evaluation needs besides the pipeline."""

    data: DataSet
    judges: Judges
    samples: int = 1
    limits: TaskLimits = field(default_factory=TaskLimits)
    purse: Purse = field(default_factory=lambda: Purse(UNCAPPED))
    open_executor: Sandboxes | None = None
    """What a chat runs its blocks in."""


class Weave:
    """One project of Weave (``entity/project``), for as long as the context lasts.

    Where it sends to and with which key is Weave's own business (WANDB_API_KEY, ``wandb login``).
    Keys that ``redactor`` knows are taken out of everything that is sent.

    Raises:
        UsageError: Weave is not installed, or the project cannot be opened.
    """

    def __init__(self, project: str, redactor: Redactor | None = None) -> None:
        self._project, self._redactor = project, redactor or Redactor()
        self._whole: dict[str, str] = {}
        """Codes that had keys taken out, as they were: those are judged."""
        self.stalled = False
        """At the end: not all of it was taken."""

    def __enter__(self) -> Self:
        try:
            # Late: of an extra, and it takes over a second to import.
            import weave
        except ImportError as error:
            remedy = 'Install the extra: pip install "assistant[weave]"'
            raise UsageError("Weave is not installed", remedy) from error
        self._weave: Any = weave
        failed: Exception | None = None
        try:
            with redirect_stdout(sys.stderr):  # It greets; standard output is for figures.
                self._client: Any = weave.init(
                    self._project,
                    settings=_SETTINGS,
                    postprocess_inputs=self._clean,
                    postprocess_output=self._clean,
                )
        except Exception as error:  # noqa: BLE001 - whatever keeps Weave from being opened.
            failed = error
        if failed is not None:
            raise UsageError(
                f"Weave's project {self._project} cannot be opened: {in_a_line(failed)}",
                "It is called entity/project; log in by `wandb login`, or set WANDB_API_KEY.",
            ) from failed
        return self

    def __exit__(self, *_: object) -> None:
        """Waits until all is sent, as long as some of it is taken now and then (``stalled``)."""
        with redirect_stdout(sys.stderr):  # It tells how far it is.
            self.stalled = not sent(self._weave, self._client)

    def dataset(self, data: DataSet) -> Any:
        """The tasks as a ``weave.Dataset``: its rows have HumanEval's fields."""
        about = f"sha256 {data.sha256}"
        rows = [self._clean(row_of(problem)) for problem in data]
        return self._weave.Dataset(name=name_of(data.name), description=about, rows=rows)

    def model(self, pipeline: CodeGenerationPipeline, exam: Exam) -> Any:
        """The pipeline as a ``weave.Model``: another prompt or parameter is another version."""
        made = self.published_model(pipeline.stamp)
        made._answer = _Answers(pipeline, exam, _Calls(self, pipeline.stamp.model)).answer
        return made

    def published_model(self, stamp: PipelineStamp) -> Any:
        """The same, of a pipeline that has answered already."""
        return model_class(self._weave)(
            name=name_of(stamp.name),
            model=stamp.model,
            strategy=stamp.strategy,
            prompt_template=self._clean(stamp.prompt),
            formatter=stamp.formatter,
            parameters=dict(stamp.parameters),
            seed=stamp.seed,
            pipeline_version=stamp.version,
        )

    def evaluation(self, exam: Exam) -> Any:
        """A ``weave.Evaluation``: the data set, with the tests as its scorer."""
        tasks = {problem.task_id: problem for problem in exam.data}
        made, tests = self.published_evaluation(exam.data, exam.limits.seconds, exam.samples)
        tests._submit = lambda task_id, code: exam.judges.submit(
            tasks[task_id].task(exam.limits), Candidate(self._whole.get(code, code) or None)
        )
        return made

    def published_evaluation(self, data: DataSet, seconds: float, samples: int) -> tuple[Any, Any]:
        """The same without judges, and its scorer."""
        tests = scorer_class(self._weave)(name="tests", data=data.sha256, seconds=seconds)
        made = self._weave.Evaluation(
            name=f"{name_of(data.name)}-tests",
            dataset=self.dataset(data),
            scorers=[tests],
            trials=samples,
        )
        return made, tests

    def begin(
        self,
        operation: Any,
        inputs: dict[str, Any],
        parent: Any,
        at: datetime,
        attributes: dict[str, Any] | None = None,
    ) -> Any:
        """A call that was begun at that time."""
        return self._client.create_call(
            operation,
            self._clean(inputs),
            parent,
            attributes,
            use_stack=False,
            started_at=at,
        )

    def end(
        self,
        call: Any,
        output: Any,
        at: datetime,
        error: str = "",
        summary: dict[str, Any] | None = None,
    ) -> None:
        """It was over at that time; with ``error`` it failed."""
        failed = ModelError(self._redactor.text(error)) if error else None
        if summary is not None:
            call.summary = summary
        self._client.finish_call(call, self._clean(output), failed, ended_at=at)

    def evaluate(self, pipeline: CodeGenerationPipeline, exam: Exam) -> dict[str, Any]:
        """Run it all; returns Weave's summary. Answers that a model error kept from being given
        are calls with an exception, and have no score."""
        model, evaluation = self.model(pipeline, exam), self.evaluation(exam)
        summary: dict[str, Any] = asyncio.run(evaluation.evaluate(model))
        return summary

    def shown(self, code: str) -> str:
        """Code without keys, which everyone may see."""
        clean = self._redactor.text(code)
        if clean != code:
            self._whole[clean] = code
        return clean

    def _clean(self, value: Any) -> Any:
        """Without keys, in texts at any depth; Weave's own kinds, such as rows, are clean."""
        if isinstance(value, str):
            return self._redactor.text(value)
        if type(value) is dict:
            return {name: self._clean(one) for name, one in value.items()}
        return [self._clean(one) for one in value] if type(value) is list else value


class _Answers:
    """The pipeline's answers, sample by sample, as an evaluation asks for them."""

    def __init__(self, pipeline: CodeGenerationPipeline, exam: Exam, trace: "_Calls") -> None:
        self._pipeline, self._exam, self._trace = pipeline, exam, trace
        self._weave = trace.weave
        self._problems = {problem.task_id: problem for problem in exam.data}
        self._gate, self._lock = Gate(), threading.Lock()
        self._asked: dict[str, int] = {}

    def answer(self, task_id: str) -> str:
        """The code of the task's next sample; empty where the reply has none.

        Raises:
            ModelError: the model gave no answer.
        """
        with self._lock:
            number = self._asked[task_id] = self._asked.get(task_id, 0) + 1
        asking = SampleModel(
            (task_id, number),
            self._pipeline.model,
            self._exam.purse,
            self._gate,
            self._trace,
            lambda call: None,
        )
        made = self._pipeline.generated(
            self._problems[task_id], asking, Around(self._exam.open_executor)
        )
        if made.fault:
            raise ModelError(made.fault)
        codes = [one.formatted or one.code for one in made.attempts]
        return self._weave.shown(next((c for c in reversed(codes) if c is not None), ""))


class _Calls(Trace):
    """Makes calls in Weave where the store would get spans."""

    def __init__(self, weave: Weave, model: str) -> None:
        super().__init__(unheard)
        self.weave, self._model = weave, model

    @contextmanager
    def span(
        self, operation: str, key: Key = ("", 0), inputs: Mapping[str, str] | None = None
    ) -> Iterator[OpenSpan]:
        found, client = OpenSpan(), self.weave._client
        if operation == "predict":  # That is what Weave's own call of the model is.
            yield found
            return
        call = client.create_call(operation, self.weave._clean(dict(inputs or {})))
        try:
            yield found
        except BaseException as error:
            client.finish_call(call, exception=error)
            raise
        if found.usage is not None:
            call.summary = {"usage": {self._model: used(found.usage)}}
        client.finish_call(call, self.weave._clean(dict(found.outputs)))
