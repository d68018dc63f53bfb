"""The pipeline in Weave: a model, a data set and an evaluation there, each operation a call.

The only module that knows Weave. What it publishes has Weave's own shapes, so that versions and
evaluations stand side by side in its pages like any others.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from assistant.evals.asking import Asking, Gate
from assistant.evals.datasets import DataSet
from assistant.evals.means import Sandboxes
from assistant.evals.pipeline import CodeGenerationPipeline
from assistant.evals.problems import Problem
from assistant.evals.runs import Key
from assistant.evals.scoring import Judges
from assistant.evals.trace import Open, Trace, unheard
from assistant.events import ModelError, Usage, UsageError
from assistant.purse import UNCAPPED, Purse
from assistant.redact import Redactor
from assistant.verdicts.task import Assertions, Candidate, CheckFunction, Program, TaskLimits

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
        UsageError: Weave is not installed.
    """

    def __init__(self, project: str, redactor: Redactor | None = None) -> None:
        self._project, self._redactor = project, redactor or Redactor()
        self._whole: dict[str, str] = {}
        """Codes that had keys taken out, as they were: those are judged."""

    def __enter__(self) -> Self:
        try:
            # Late: of an extra, and it takes over a second to import.
            import weave
        except ImportError as error:
            remedy = 'Install the extra: pip install "assistant[weave]"'
            raise UsageError("Weave is not installed", remedy) from error
        self._weave: Any = weave
        self._client: Any = weave.init(
            self._project,
            settings=_SETTINGS,
            postprocess_inputs=self._clean,
            postprocess_output=self._clean,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Waits until all is sent."""
        self._weave.finish()

    def dataset(self, data: DataSet) -> Any:
        """The tasks as a ``weave.Dataset``: its rows have HumanEval's fields."""
        about = f"sha256 {data.sha256}"
        rows = [self._clean(_row(problem)) for problem in data]
        return self._weave.Dataset(name=_name(data.name), description=about, rows=rows)

    def model(self, pipeline: CodeGenerationPipeline, exam: Exam) -> Any:
        """The pipeline as a ``weave.Model``: another prompt or parameter is another version."""
        stamp = pipeline.stamp
        made = _model_class(self._weave)(
            name=_name(stamp.name),
            model=stamp.model,
            strategy=stamp.strategy,
            prompt_template=self._clean(stamp.prompt),
            formatter=stamp.formatter,
            parameters=dict(stamp.parameters),
            seed=stamp.seed,
            pipeline_version=stamp.version,
        )
        made._answer = _Answers(pipeline, exam, _Calls(self, stamp.model)).answer
        return made

    def evaluation(self, exam: Exam) -> Any:
        """A ``weave.Evaluation``: the data set, with the tests as its scorer."""
        tasks = {problem.task_id: problem for problem in exam.data}
        tests = _scorer_class(self._weave)(
            name="tests", data=exam.data.sha256, seconds=exam.limits.seconds
        )
        tests._submit = lambda task_id, code: exam.judges.submit(
            tasks[task_id].task(exam.limits), Candidate(self._whole.get(code, code) or None)
        )
        return self._weave.Evaluation(
            name=f"{_name(exam.data.name)}-tests",
            dataset=self.dataset(exam.data),
            scorers=[tests],
            trials=exam.samples,
        )

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
        """Without keys, in texts at any depth."""
        if isinstance(value, str):
            return self._redactor.text(value)
        if isinstance(value, dict):
            return {name: self._clean(one) for name, one in value.items()}
        return [self._clean(one) for one in value] if type(value) is list else value


def _model_class(weave: Any) -> Any:
    """The class is made where Weave is there, for it derives from Weave's."""
    from pydantic import PrivateAttr  # Late: it comes with Weave.

    class CodeGeneration(weave.Model):  # type: ignore[misc, unused-ignore]
        model: str
        strategy: str
        prompt_template: str
        formatter: str
        parameters: dict[str, str]
        seed: int | None
        pipeline_version: str
        _answer: Any = PrivateAttr(None)

        @weave.op(name="predict")  # type: ignore[untyped-decorator, unused-ignore]
        async def predict(self, task_id: str, prompt: str) -> str:
            # In a thread: others go on meanwhile. Weave's place in the tree goes with it.
            return str(await asyncio.to_thread(self._answer, task_id))

    return CodeGeneration


def _scorer_class(weave: Any) -> Any:
    from pydantic import PrivateAttr  # Late: it comes with Weave.

    class Tests(weave.Scorer):  # type: ignore[misc, unused-ignore]
        data: str
        seconds: float
        _submit: Any = PrivateAttr(None)

        @weave.op(name="tests")  # type: ignore[untyped-decorator, unused-ignore]
        async def score(self, *, output: str, task_id: str) -> dict[str, Any]:
            verdict = await asyncio.wrap_future(self._submit(task_id, output or ""))
            if verdict.outcome == "harness_error":
                return {"outcome": verdict.outcome, "error": verdict.detail}
            found = {"correct": verdict.passed, "outcome": verdict.label}
            return found if verdict.passed else {**found, "error": verdict.detail}

        @weave.op(name="tests.summarize")  # type: ignore[untyped-decorator, unused-ignore]
        def summarize(self, score_rows: list[Any]) -> dict[str, Any]:
            """Weave's own sum would take what has no verdict for wrong."""
            known = [row["correct"] for row in score_rows if row and "correct" in row]
            rate = sum(known) / len(known) if known else None
            correct = {"true_count": sum(known), "true_fraction": rate}
            return {"correct": correct, "without_verdict": len(score_rows) - len(known)}

    return Tests


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
        asking = Asking(
            (task_id, number),
            self._pipeline.model,
            self._exam.purse,
            self._gate,
            self._trace,
            lambda call: None,
        )
        made = self._pipeline.generated(self._problems[task_id], asking, self._exam.open_executor)
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
    ) -> Iterator[Open]:
        found, client = Open(), self.weave._client
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
            call.summary = {"usage": {self._model: _used(found.usage)}}
        client.finish_call(call, self.weave._clean(dict(found.outputs)))


def _used(usage: Usage) -> dict[str, Any]:
    found = {"requests": 1, "prompt_tokens": usage.prompt, "completion_tokens": usage.completion}
    return {**found, "total_tokens": usage.total}


def _row(problem: Problem) -> dict[str, Any]:
    tests = problem.tests
    code = ""
    if isinstance(tests, CheckFunction | Program):
        code = tests.code
    elif isinstance(tests, Assertions):
        code = "\n".join((tests.setup, *tests.lines)).strip()
    return {
        "task_id": problem.task_id,
        "prompt": problem.prompt,
        "entry_point": problem.entry_point,
        "canonical_solution": problem.reference,
        "test": code,
    }


def _name(text: str) -> str:
    """Weave's names have letters, digits and few signs."""
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in text) or "unnamed"
