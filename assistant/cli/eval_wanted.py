"""What the flags of ``assistant eval run`` ask for: tasks, models, pipelines, limits."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from assistant.cli.eval_images import fitted
from assistant.cli.eval_judges import SECONDS, limits_of, usual_seconds
from assistant.cli.eval_resume import Resumed
from assistant.cli.evaluating import command_of, tell
from assistant.cli.model import REPLAY, open_model
from assistant.cli.setup import Setup, data_folder
from assistant.evals.beginning import editable, narrowed, not_for
from assistant.evals.commands import Command
from assistant.evals.datasets import DataSet
from assistant.evals.formatter import CodeFormatter
from assistant.evals.pipeline import CodeGenerationPipeline, Parameters
from assistant.evals.problems import Problem
from assistant.evals.replayed import Recording, recording
from assistant.evals.run_reader import Listed, Runs
from assistant.evals.runs import Key, Manifest
from assistant.evals.strategy_context import Strategy
from assistant.events import UsageError
from assistant.protocols import Model


def dataset_of(options: argparse.Namespace, was: Manifest | None) -> str:
    if options.dataset:
        return str(options.dataset)
    if was is None:
        raise UsageError("which data set?", "Example: assistant eval run starter --model NAME")
    return was.data.path


@dataclass(frozen=True)
class Opened:
    """A model, and what answers each sample."""

    model: Model
    for_key: Callable[[Key], Model]
    strategy: Strategy = "structured"
    """Where none is asked for: a recording's own."""
    prompt: str = ""
    place: int = 1
    """Among the models of the command."""
    before: Listed | None = None
    """The run that is gone on with."""


class Wanted:
    """What the flags ask for; the runs that are gone on with say the rest."""

    def __init__(
        self, setup: Setup, options: argparse.Namespace, data: DataSet, resumed: Resumed
    ) -> None:
        self.options, self.data = options, data
        was = resumed.begun
        tasks = getattr(options, "tasks", list(was.data.tasks) if was else [])
        self.problems: Sequence[Problem] = narrowed(data, tasks, getattr(options, "limit", None))
        self.setup = fitted(setup, self.problems)
        self.samples = getattr(options, "samples", was.samples if was else 1)
        self.limits = limits_of(setup.settings, self._seconds(was))
        self.parameters = self._parameters(was)
        self._command = command_of(options, was)
        self.ks: Sequence[int] | None = self._command.ks or None
        self.fail_under = self._command.fail_under
        self.models = self._models(resumed.on)
        tell(data)

    def _models(self, on: Sequence[Listed]) -> list[Opened]:
        if on:
            return [replace(self._open(one.manifest.pipeline.model), before=one) for one in on]
        names = getattr(self.options, "models", [""])
        return [replace(self._open(name), place=n) for n, name in enumerate(names, 1)]

    def command(self, opened: Opened) -> Command:
        """What the first line of a new run says of the command that begins it."""
        return replace(self._command, place=opened.place)

    def _seconds(self, was: Manifest | None) -> float:
        if was and not hasattr(self.options, "task_seconds"):
            return float(was.limits.get("seconds", SECONDS))
        return float(getattr(self.options, "task_seconds", usual_seconds(self.problems)))

    def _parameters(self, was: Manifest | None) -> Parameters:
        settings = self.setup.settings
        kept = was.pipeline.parameters if was else {}
        turns = getattr(self.options, "turns", int(kept.get("turns", Parameters.turns)))
        seed = getattr(self.options, "seed", settings.seed)
        tries = getattr(self.options, "tries", int(kept.get("tries", 1)))
        if tries > 1 and not all(editable(problem) for problem in self.problems):
            raise UsageError(
                "--tries is for exercises, whose tests are run between them",
                "More answers to one question: --samples",
            )
        effort = settings.reasoning_effort or None
        return Parameters(
            settings.temperature,
            seed,
            settings.max_reply,
            turns=turns,
            tries=tries,
            # Runs of before do not say with which effort.
            reasoning_effort=effort if was is None or was.command.id else None,
        )

    def _open(self, name: str) -> Opened:
        if name.startswith(REPLAY):
            found = self._recording(name.removeprefix(REPLAY))
            return Opened(found.model(("", 0)), found.model, found.strategy, found.prompt)
        model = open_model(self.setup, name)
        seed = self.parameters.seed
        if seed is None:
            return Opened(model, lambda key: model)
        # Each sample has a seed of its own: with one for all they would all be the same.
        seeded = {
            number: open_model(
                replace(self.setup, settings=replace(self.setup.settings, seed=seed + number - 1)),
                model.name,
            )
            for number in range(1, self.samples + 1)
        }
        return Opened(model, lambda key: seeded[key[1]])

    def _recording(self, name: str) -> Recording:
        runs = Runs(data_folder(self.setup.settings))
        return recording(Path(name) if Path(name).is_file() else runs.find(name), name)

    def pipeline(self, opened: Opened) -> CodeGenerationPipeline:
        """As the flags have it, else as the run was begun, else as the recording was made."""
        was = opened.before.manifest.pipeline if opened.before else None
        strategy = self._strategy(was.strategy if was else opened.strategy)
        prompt = was.prompt if was else opened.prompt if strategy == opened.strategy else ""
        if hasattr(self.options, "prompt"):
            prompt = _read(Path(self.options.prompt))
        made = CodeGenerationPipeline(
            opened.model,
            strategy=strategy,
            prompt=prompt,
            formatter=self._formatter((was.formatter or "none") if was else "default"),
            parameters=self.parameters,
        )
        if made.formatter is not None:
            made.formatter.add_imports("x = 1\n")  # What it lacks is told before a model is paid.
            made.formatter.lint_code("x = 1\n")
        return made

    def _strategy(self, usual: str) -> Strategy:
        """The one asked for, else the usual one, where these tasks can be asked with it."""
        refused = not_for(self.problems)
        named: Any = getattr(self.options, "strategy", "fence" if usual in refused else usual)
        strategy: Strategy = named
        if strategy in refused:
            raise UsageError(
                f"the strategy {strategy} is for functions of Python, which {self.data.name} does"
                " not ask for",
                "Choose another one: --strategy fence",
            )
        if self.parameters.tries > 1 and strategy not in ("chat", "fence"):
            raise UsageError("--tries needs --strategy chat or fence")
        return strategy

    def _formatter(self, usual: str) -> CodeFormatter | Literal["default"] | None:
        name: Any = getattr(self.options, "formatter", usual)
        if name == "default":
            return "default"
        return None if name == "none" else CodeFormatter(name)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the prompt {path} cannot be read: {error}") from error
