"""Runs evaluations: calls of models in threads, verdicts as they come, each line kept at once."""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from assistant.evals.asking import Gate, SampleModel
from assistant.evals.pipeline import Around, CodeGenerationPipeline
from assistant.evals.problems import Problem
from assistant.evals.run_writer import RunWriter
from assistant.evals.runs import FAULTS, Generated, Key, RunStatus, Sample, Scored, Span
from assistant.evals.scoring import Judges, PendingScore, examine, traced
from assistant.evals.strategy_context import Sandboxes
from assistant.evals.trace import Trace
from assistant.events import SandboxError
from assistant.following import unheard
from assistant.protocols import Model
from assistant.purse import Exhausted, Purse, Stopped
from assistant.verdicts.task import Candidate, TaskLimits, Verdict

FATAL = ("auth", "not-found", "quota", "unsupported")
"""Kinds of model errors that every further call would meet, too."""
PATIENCE = 5.0
"""Seconds that calls under way get to end when a run is being ended."""


@dataclass(frozen=True)
class Plan:
    """What one run is to do."""

    pipeline: CodeGenerationPipeline
    problems: Sequence[Problem]
    samples: int
    limits: TaskLimits
    model_for: Callable[[Key], Model]
    """The model that one sample asks."""
    open_executor: Sandboxes | None = None
    """What a chat runs its blocks in."""

    def order(self) -> Iterable[Key]:
        """First a sample of every task, then the second ones: what is cut short is even."""
        for number in range(1, self.samples + 1):
            for problem in self.problems:
                yield problem.task_id, number


_Item = tuple["ActiveRun", Generated | PendingScore | BaseException]


@dataclass(eq=False)
class ActiveRun:
    """One run on its way: what it still has to do, and what is known of it so far."""

    plan: Plan
    writer: RunWriter
    purse: Purse
    done: dict[Key, Sample] = field(default_factory=dict)
    """Samples, scored or not; those of an earlier process to begin with."""
    only_given: bool = False
    """Score the samples that there are; ask for none."""
    unwritten: set[Key] = field(default_factory=set)
    """Those of ``done`` that the store does not have yet: each is written when it has a result."""
    heard: Callable[[Span], None] = unheard
    """Who else gets each span when it ends, besides the store."""
    status: RunStatus = "done"
    detail: str = ""
    began: float = field(default_factory=time.monotonic)
    fresh: int = 0
    """Samples that this process has finished."""

    def __post_init__(self) -> None:
        self._gate = Gate()
        self._trace = Trace(self._ended, f"{time.time_ns():x}.")
        self._problems = {p.task_id: p for p in self.plan.problems}
        missing = (key for key in self.plan.order() if self._missing(key))
        self._todo = deque(() if self.only_given else missing)
        self._over = False
        self._scoring = 0
        self._judges: Judges | None = None
        self._threads: list[threading.Thread] = []

    def _ended(self, span: Span) -> None:
        self.writer.add(span)
        self.heard(span)

    def _missing(self, key: Key) -> bool:
        return key not in self.done or self.done[key].result == "model_error"

    @property
    def to_ask(self) -> tuple[Key, ...]:
        """The samples that the model has yet to be asked for."""
        return tuple(self._todo)

    @property
    def wanted(self) -> int:
        """How many samples there will be."""
        return len(self.done) if self.only_given else len(self.plan.problems) * self.plan.samples

    @property
    def finished(self) -> int:
        """Samples with a result that stands."""
        return sum(sample.result not in FAULTS for sample in self.done.values())

    @property
    def busy(self) -> bool:
        return self._scoring > 0 or any(thread.is_alive() for thread in self._threads)

    def start(self, jobs: int, judges: Judges, out: "queue.SimpleQueue[_Item]") -> None:
        """Begin to generate in threads, and to score what an earlier process had generated."""
        self._judges = judges
        for key in self.plan.order():
            sample = self.done.get(key)
            if sample and sample.result in ("undecided", "harness_error"):
                self.examine(sample.generated, judges, out)
            elif sample and key in self.unwritten:
                self._write(sample.generated)
        for number in range(min(jobs, len(self._todo))):
            work = partial(self._work, out)
            thread = threading.Thread(target=work, name=f"generate-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def examine(
        self, generated: Generated, judges: Judges, out: "queue.SimpleQueue[_Item]"
    ) -> None:
        task = self._problems[generated.task].task(self.plan.limits)
        pending = examine(generated, task, judges, lambda done: out.put((self, done)))
        self._scoring += pending is not None

    def note(self, generated: Generated) -> None:
        """A sample's replies are there, and kept."""
        key = (generated.task, generated.number)
        self.done[key] = Sample(generated)
        self.fresh += self.done[key].result != "undecided"

    def settle(self, pending: PendingScore) -> None:
        """A sample's verdicts are there: keep them."""
        self._scoring -= 1
        scored = pending.scored()
        traced(pending, scored, self._trace)
        self._write(pending.generated, scored)
        self.done[scored.task, scored.number] = Sample(pending.generated, scored)
        self.fresh += 1

    def _write(self, generated: Generated, *scored: Scored) -> None:
        """What the store lacks of a sample, in one piece."""
        key = (generated.task, generated.number)
        self.writer.add(*([generated] if key in self.unwritten else []), *scored)
        self.unwritten.discard(key)

    @property
    def first_fault(self) -> str:
        """What model or judge said about one of the samples without a verdict."""
        for key, sample in self.done.items():
            if sample.result in FAULTS:
                said = sample.generated.fault or (sample.verdict.detail if sample.verdict else "")
                return f"sample {key[1]} of {key[0]}: {said or sample.result}"
        return "some samples have no verdict"

    def end(self, status: RunStatus, detail: str = "") -> None:
        """No further sample is begun."""
        if self.status == "done":
            self.status, self.detail = status, detail
        self._over = True

    def join(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self, out: "queue.SimpleQueue[_Item]") -> None:
        """One thread: sample after sample until there is none."""
        try:
            while not (self._over or self.purse.stopped):
                try:
                    key = self._todo.popleft()
                except IndexError:
                    return
                self._generate(key, out)
        except Stopped:
            pass
        except Exhausted as exhausted:
            self.end("budget", str(exhausted))
        except BaseException as fault:
            out.put((self, fault))
            if not isinstance(fault, Exception):
                raise

    def _generate(self, key: Key, out: "queue.SimpleQueue[_Item]") -> None:
        plan, problem = self.plan, self._problems[key[0]]
        model = plan.model_for(key)
        asking = SampleModel(key, model, self.purse, self._gate, self._trace, self.writer.add)
        around = Around(plan.open_executor, partial(self._judge, problem))
        generated = plan.pipeline.generated(problem, asking, around)
        self.writer.add(generated)
        if asking.error is not None and asking.error.kind in FATAL:
            self.end("faults", generated.fault)
        out.put((self, generated))

    def _judge(self, problem: Problem, code: str) -> Verdict:
        """The verdict between two tries; when the sample is scored, it is known already."""
        if self._judges is None:
            raise SandboxError("there is nothing to judge with")
        future = self._judges.submit(problem.task(self.plan.limits), Candidate(code))
        while not self.purse.stopped:
            with suppress(TimeoutError):
                return future.result(timeout=0.2)
        raise Stopped


def conduct(
    active_runs: Sequence[ActiveRun], jobs: int, judges: Judges, watch: Callable[[], None]
) -> None:
    """Bring runs to their end, side by side: ``jobs`` calls of each model at a time.

    ``watch`` is called a few times a second. A Ctrl-C ends all of them; what is finished is kept.

    Raises:
        SandboxError: there is no sandbox to judge in.
        RecordError: a run cannot be written.
    """
    out: queue.SimpleQueue[_Item] = queue.SimpleQueue()
    try:
        for active_run in active_runs:
            active_run.start(jobs, judges, out)
        _gather(active_runs, judges, out, watch)
    except KeyboardInterrupt:
        for active_run in active_runs:
            if active_run.busy:
                active_run.end("interrupted")
    except BaseException as fault:
        for active_run in active_runs:
            active_run.end("failed", str(fault).split("\n")[0])
        raise
    finally:
        _stop(active_runs)
    for active_run in active_runs:
        if active_run.status == "done" and active_run.finished < active_run.wanted:
            active_run.end("faults", active_run.first_fault)
    watch()


def _gather(
    active_runs: Sequence[ActiveRun],
    judges: Judges,
    out: "queue.SimpleQueue[_Item]",
    watch: Callable[[], None],
) -> None:
    """What comes, for as long as anything may."""
    while any(active_run.busy for active_run in active_runs) or not out.empty():
        with suppress(queue.Empty):
            _take(out.get(timeout=0.2), judges, out)
        if out.empty():
            watch()


def _stop(active_runs: Sequence[ActiveRun]) -> None:
    """No call goes on; those under way get a moment to end."""
    for active_run in active_runs:
        active_run.purse.stop()
    until = time.monotonic() + PATIENCE
    for active_run in active_runs:
        active_run.join(until - time.monotonic())


def _take(item: _Item, judges: Judges, out: "queue.SimpleQueue[_Item]") -> None:
    active_run, what = item
    if isinstance(what, BaseException):
        raise what
    if isinstance(what, PendingScore):
        active_run.settle(what)
    else:
        active_run.note(what)
        active_run.examine(what, judges, out)
