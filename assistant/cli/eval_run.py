"""``assistant eval run``: models asked for code, side by side, and what they give is scored."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.budget import Budget
from assistant.cli.eval_caps import CAPS, budget_of, check_prices, tell_cost, to_go_on
from assistant.cli.eval_images import fitted
from assistant.cli.eval_progress import Progress
from assistant.cli.eval_weave import also_in_weave
from assistant.cli.evaluating import (
    SECONDS,
    check_ks,
    data_folders,
    exit_code,
    limits_of,
    open_judges,
    show_figures,
    tell,
    usual_seconds,
    with_places,
    workers_of,
)
from assistant.cli.model import REPLAY, open_model
from assistant.cli.output import say
from assistant.cli.setup import Setup, data_folder
from assistant.cli.tracing import open_collector, run_trace
from assistant.cli.wiring import open_scratch, read_setup
from assistant.evals.beginning import (
    already_spent,
    check_same,
    data_stamp,
    editable,
    manifest,
    narrowed,
    not_for,
)
from assistant.evals.datasets import DataSet, load
from assistant.evals.formatter import CodeFormatter
from assistant.evals.means import Strategy
from assistant.evals.pipeline import CodeGenerationPipeline, Parameters
from assistant.evals.problems import Problem
from assistant.evals.replayed import Recording, recording
from assistant.evals.run_reader import Run, Runs, load_run
from assistant.evals.run_writer import RunWriter
from assistant.evals.running import Course, Plan, conduct
from assistant.evals.runs import Key, Manifest, PipelineStamp
from assistant.events import UsageError
from assistant.protocols import Model
from assistant.purse import Purse

if TYPE_CHECKING:
    from assistant.traces.otlp import Otlp

JOBS = 8
SAMPLES = "samples"
"""The name of the pipeline of samples that were made elsewhere."""


def run(options: argparse.Namespace) -> int:
    setup = read_setup(options)
    runs = Runs(data_folder(setup.settings))
    before = _resumed(runs, options)
    if before:
        setup = read_setup(options, _kept(before.manifest.pipeline))
    data = load(_dataset(options, before), data_folders(setup))
    wanted = _Wanted(setup, options, data, before)
    ks = getattr(options, "k", None)
    check_ks(ks, wanted.samples, "the run makes")
    budget = budget_of(options, setup.settings, before)
    check_prices(budget, [one.model for one in wanted.models])
    with also_in_weave(setup, options.weave, data) as sent:
        courses = _conducted(wanted, budget)
        paths = [course.writer.path for course in courses]
        summaries = [show_figures(path, ks, options.json) for path in paths]
        for course in courses:
            if course.status != "done":
                say(f"assistant: {course.status}: {course.detail or 'ended by you'}", error=True)
                say(f"assistant: to go on: {to_go_on(course, course.purse)}", error=True)
        sent += paths
    return exit_code(courses, summaries, getattr(options, "fail_under", None))


def _conducted(wanted: "_Wanted", budget: Budget) -> list[Course]:
    """The runs, brought to their end."""
    setup, options, purse = wanted.setup, wanted.options, Purse(budget)
    with ExitStack() as stack:
        wanted.send = stack.enter_context(open_collector(setup))
        judges, image = stack.enter_context(
            open_judges(wanted.setup, workers_of(options), wanted.problems)
        )
        courses = [
            stack.enter_context(_course(wanted, model, image, purse)) for model in wanted.models
        ]
        tell_cost(courses, purse)
        with Progress(courses) as progress:
            conduct(courses, getattr(options, "jobs", JOBS), judges, progress.draw)
        for course in courses:
            course.writer.end(course.status, course.detail)
    return courses


def _resumed(runs: Runs, options: argparse.Namespace) -> Run | None:
    name = getattr(options, "resume", None)
    if name is None:
        return None
    found = load_run(runs.find(name))
    if len(getattr(options, "models", ())) > 1:
        raise UsageError("--resume goes on with one run, so with one model")
    if found.manifest.pipeline.name == SAMPLES:
        raise UsageError(
            f"run {found.id} has the samples of a file, and no model to ask for more",
            f"Go on with: assistant eval score FILE.jsonl DATASET --resume {found.id}",
        )
    return found


def _kept(stamp: PipelineStamp) -> dict[str, object]:
    """The settings that a run was begun with, as flags would give them."""
    found: dict[str, object] = {
        name: value
        for name, value in stamp.parameters.items()
        if name in ("temperature", "max_reply")
    }
    return found if stamp.seed is None else {**found, "seed": stamp.seed}


def _dataset(options: argparse.Namespace, before: Run | None) -> str:
    if options.dataset:
        return str(options.dataset)
    if before is None:
        raise UsageError("which data set?", "Example: assistant eval run starter --model NAME")
    return before.manifest.data.path


@dataclass(frozen=True)
class _Opened:
    """A model, and what answers each sample."""

    model: Model
    for_key: Callable[[Key], Model]
    strategy: Strategy = "structured"
    """Where none is asked for: a recording's own."""
    prompt: str = ""


class _Wanted:
    """What the flags ask for; a run that is gone on with says the rest."""

    def __init__(
        self, setup: Setup, options: argparse.Namespace, data: DataSet, before: Run | None
    ) -> None:
        self.options, self.data, self.before = options, data, before
        self.send: Otlp | None = None
        """What traces go to, if anything."""
        was = before.manifest if before else None
        tasks = getattr(options, "tasks", list(was.data.tasks) if was else [])
        self.problems: Sequence[Problem] = narrowed(data, tasks, getattr(options, "limit", None))
        self.setup = fitted(setup, self.problems)
        self.samples = getattr(options, "samples", was.samples if was else 1)
        self.limits = limits_of(setup.settings, self._seconds(was))
        self.parameters = self._parameters(was)
        names = getattr(options, "models", [was.pipeline.model if was else ""])
        self.models = [self._open(name) for name in names]
        tell(data)

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
        return Parameters(settings.temperature, seed, settings.max_reply, turns=turns, tries=tries)

    def _open(self, name: str) -> _Opened:
        if name.startswith(REPLAY):
            found = self._recording(name.removeprefix(REPLAY))
            return _Opened(found.model(("", 0)), found.model, found.strategy, found.prompt)
        model = open_model(self.setup, name)
        seed = self.parameters.seed
        if seed is None:
            return _Opened(model, lambda key: model)
        # Each sample has a seed of its own: with one for all they would all be the same.
        seeded = {
            number: open_model(
                replace(self.setup, settings=replace(self.setup.settings, seed=seed + number - 1)),
                model.name,
            )
            for number in range(1, self.samples + 1)
        }
        return _Opened(model, lambda key: seeded[key[1]])

    def _recording(self, name: str) -> Recording:
        runs = Runs(data_folder(self.setup.settings))
        return recording(Path(name) if Path(name).is_file() else runs.find(name), name)

    def pipeline(self, opened: _Opened) -> CodeGenerationPipeline:
        """As the flags have it, else as the run was begun, else as the recording was made."""
        was = self.before.manifest.pipeline if self.before else None
        usual = was.strategy if was else opened.strategy
        refused = not_for(self.problems)
        if usual in refused:
            usual = "fence"
        strategy: Any = getattr(self.options, "strategy", usual)
        if strategy in refused:
            raise UsageError(
                f"the strategy {strategy} is for functions of Python, which {self.data.name} does"
                " not ask for",
                "Choose another one: --strategy fence",
            )
        if self.parameters.tries > 1 and strategy not in ("chat", "fence"):
            raise UsageError("--tries needs --strategy chat or fence")
        prompt = was.prompt if was else opened.prompt if strategy == opened.strategy else ""
        if hasattr(self.options, "prompt"):
            prompt = _read(Path(self.options.prompt))
        formatter: Any = getattr(
            self.options, "formatter", (was.formatter or "none") if was else "default"
        )
        if formatter != "default":
            formatter = None if formatter == "none" else CodeFormatter(formatter)
        made = CodeGenerationPipeline(
            opened.model,
            strategy=strategy,
            prompt=prompt,
            formatter=formatter,
            parameters=self.parameters,
        )
        if made.formatter is not None:
            made.formatter.add_imports("x = 1\n")  # What it lacks is told before a model is paid.
            made.formatter.lint_code("x = 1\n")
        return made


@contextmanager
def _course(wanted: _Wanted, opened: _Opened, image: str, purse: Purse) -> Iterator[Course]:
    """A run, new or gone on with, held by this process for as long as the context lasts."""
    pipeline = wanted.pipeline(opened)
    stamps = (data_stamp(wanted.data, wanted.problems), pipeline.stamp)
    caps = {name: str(value) for name in CAPS if (value := getattr(purse.budget, name))}
    setup, before = wanted.setup, wanted.before
    first = manifest(stamps, wanted.samples, image, wanted.limits, caps)
    first = with_places(first, setup.settings)
    path = before.path if before else Runs(data_folder(setup.settings)).path(first.run)
    plan = Plan(
        pipeline,
        wanted.problems,
        wanted.samples,
        wanted.limits,
        opened.for_key,
        lambda: open_scratch(setup),
    )
    with RunWriter(path, setup.redactor) as writer:
        done = {}
        if before is None:
            writer.begin(first)
        else:
            held = load_run(path)  # Again, now that nobody else writes to it.
            check_same(held, first)
            already_spent(held, purse)
            done = {sample.key: sample for sample in held.samples}
        course = Course(plan, writer, purse, done)
        if wanted.send is not None:
            course.heard = run_trace(setup, wanted.send, before.manifest if before else first)
        yield course


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the prompt {path} cannot be read: {error}") from error
