"""The pipeline from a prompt to code: a model, a strategy, a prompt, a formatter, one version."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Literal

from assistant.evals.asking import Gate, SampleModel
from assistant.evals.formatter import CodeFormatter
from assistant.evals.generated import GeneratedCode
from assistant.evals.problems import Problem
from assistant.evals.runs import Attempt, Generated, PipelineStamp
from assistant.evals.strategies import default_template, generate
from assistant.evals.strategy_context import STRATEGIES, Sandboxes, Strategy, StrategyContext
from assistant.evals.trace import Trace
from assistant.events import ModelError, UsageError
from assistant.following import unheard
from assistant.functions.solutions import entry_of
from assistant.protocols import Model
from assistant.purse import UNCAPPED, Purse
from assistant.verdicts.task import Program, Verdict


@dataclass(frozen=True)
class Parameters:
    """What a pipeline's replies depend on besides model and prompt."""

    temperature: float | None = None
    """For the record: the model was opened with it."""
    seed: int | None = None
    max_reply: int | None = None
    repairs: int = 2
    turns: int = 8
    block_seconds: float = 30.0
    tries: int = 1
    """Answers to an exercise at most; between them its tests are run."""
    reasoning_effort: str | None = None
    """For the record, as the temperature."""

    def texts(self) -> dict[str, str]:
        found = {k: v for k, v in asdict(self).items() if v is not None and k != "seed"}
        if self.tries == 1:
            del found["tries"]  # As it was before there were several.
        return {name: str(value) for name, value in sorted(found.items())}


@dataclass(frozen=True)
class Around:
    """What a sample is generated with besides its model."""

    open_executor: Sandboxes | None = None
    """What a chat runs its blocks in."""
    judge: Callable[[str], Verdict] | None = None
    """Runs the tests of the task, between tries."""


class CodeGenerationPipeline:
    """Generates code with a model and makes a tidy program of it.

    Its name, model, parameters, prompt, strategy and formatter are all part of ``version``: two
    pipelines of one version ask the same. ``prompt`` has ``$prompt`` where the task's own text
    goes; by default it is the strategy's. ``formatter`` is None for none;
    "default" is the usual one for parts, which need it, and none for whole code.
    """

    def __init__(
        self,
        model: Model | str,
        *,
        name: str = "",
        strategy: Strategy = "structured",
        prompt: str = "",
        formatter: CodeFormatter | Literal["default"] | None = "default",
        parameters: Parameters = Parameters(),
    ) -> None:
        if strategy not in STRATEGIES:
            raise UsageError(
                f"there is no strategy {strategy!r}", f"Choose one: {', '.join(STRATEGIES)}"
            )
        self.model: Model = _opened(model) if isinstance(model, str) else model
        self.strategy, self.parameters = strategy, parameters
        self.name = name or strategy
        self.prompt = prompt or default_template(strategy)
        if "$prompt" not in self.prompt and "${prompt}" not in self.prompt:
            raise UsageError("the prompt has no $prompt, where the task's own text would go")
        if isinstance(formatter, str):
            formatter = CodeFormatter() if strategy == "structured" else None
        self.formatter = formatter

    @property
    def stamp(self) -> PipelineStamp:
        """All that makes it this pipeline."""
        formatter = "" if self.formatter is None else self.formatter.name
        named = PipelineStamp(
            self.name,
            "",
            self.model.name,
            self.strategy,
            self.prompt,
            hashlib.sha256(self.prompt.encode("utf-8", "surrogatepass")).hexdigest(),
            formatter,
            self.parameters.texts(),
            self.parameters.seed,
        )
        text = json.dumps(asdict(named), sort_keys=True)
        return replace(named, version=hashlib.sha256(text.encode()).hexdigest()[:16])

    @property
    def version(self) -> str:
        return self.stamp.version

    def generate_code(self, prompt: str) -> GeneratedCode:
        """The parts of one function, by a structured reply.

        Raises:
            ModelError: the model cannot answer, refuses, or gives nothing that fits.
        """
        parts = replace_strategy(self, "structured")
        asking = uncapped_sample(self.model)
        parts.attempts(task_of(prompt), asking)
        last = asking.attempts[-1]
        try:
            return GeneratedCode.model_validate_json(last.reply)
        except ValueError as error:
            raise ModelError(f"{self.model.name} gave no code: {_why(last)}") from error

    def predict(self, prompt: str) -> str:
        """The whole program that the model writes for a prompt, formatted.

        Raises:
            ModelError: the model cannot answer, refuses, or its reply has no code.
        """
        asking = uncapped_sample(self.model)
        self.attempts(task_of(prompt), asking)
        found = [one.formatted or one.code for one in asking.attempts]
        code = next((one for one in reversed(found) if one is not None), None)
        if code is None:
            raise ModelError(f"{self.model.name} gave no code: {_why(asking.attempts[-1])}")
        return code

    def attempts(self, problem: Problem, asking: SampleModel, around: Around = Around()) -> None:
        """Get one sample's replies and code into ``asking.attempts``. Raises as ``generate``."""
        parameters = self.parameters
        context = StrategyContext(
            self.prompt,
            self.formatter,
            parameters.repairs,
            parameters.turns,
            parameters.block_seconds,
            around.open_executor,
            parameters.tries,
            around.judge,
        )
        generate(self.strategy, problem, asking, context)

    def generated(
        self, problem: Problem, asking: SampleModel, around: Around = Around()
    ) -> Generated:
        """The same as a line of the run's store; a model error is one of its results.

        Raises:
            Exhausted, Stopped: the run's budget is used up, or it is being ended.
        """
        fault = ""
        with asking.trace.span("predict", asking.key, {"prompt": problem.prompt}) as span:
            try:
                self.attempts(problem, asking, around)
            except ModelError as error:
                fault = str(error)
            if asking.attempts:
                last = asking.attempts[-1]
                span.outputs["code"] = last.formatted or last.code or ""
            span.outputs["fault"] = fault
        return Generated(*asking.key, tuple(asking.attempts), fault)


def replace_strategy(
    pipeline: CodeGenerationPipeline, strategy: Strategy
) -> CodeGenerationPipeline:
    """The same pipeline with another strategy, and that one's prompt."""
    if pipeline.strategy == strategy:
        return pipeline
    return CodeGenerationPipeline(
        pipeline.model,
        name=pipeline.name,
        strategy=strategy,
        formatter=None,
        parameters=pipeline.parameters,
    )


def uncapped_sample(model: Model) -> SampleModel:
    """For one sample outside of any run."""
    return SampleModel(("", 0), model, Purse(UNCAPPED), Gate(), Trace(unheard), lambda call: None)


def task_of(prompt: str) -> Problem:
    """A prompt as a task that nothing judges."""
    return Problem("", prompt, entry_of(prompt), Program(""), "", "", "")


def _why(attempt: Attempt) -> str:
    return attempt.detail or f"its reply ended with {attempt.finish!r}"


def _opened(name: str) -> Model:
    """The model of that name, on the server of the user's settings."""
    # Late: a pipeline with a model of its own needs none of it.
    from assistant.functions.request import opened, read_request
    from assistant.settings import load_settings

    settings = load_settings()
    config = {"model": name, "messages": [{"role": "user", "content": ""}]}
    return opened(read_request(config, None, settings), settings)
