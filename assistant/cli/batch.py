"""The improve steps of a script: each on its own copy, those of different files side by side."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from assistant.cli.improving import open_improvement
from assistant.cli.run_command import allow_apply
from assistant.cli.screen import Sink, screen
from assistant.cli.setup import Setup
from assistant.cli.wiring import open_kept, read_setup
from assistant.events import AssistantError, Event, Finished, Notice, Status
from assistant.tasks.answer import Scope
from assistant.tasks.batch import Stop, side_by_side, waves
from assistant.tasks.improve import Job
from assistant.tasks.improved import Outcome, write
from assistant.tasks.script import TurnReport, Verdict, judged
from assistant.tasks.script_file import Expectation, ImproveStep, Script
from assistant.tasks.targets import locate, suitable
from assistant.transcript import this_turn

_STATUS: dict[int, Status] = {4: "model-error", 5: "sandbox-error"}


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step: how its expectations fared, and what changed (None where it never began)."""

    report: TurnReport
    outcome: Outcome | None = None


class Batch:
    """A script's improve steps with all that is needed to run them.

    Each is atomic: its changes are written (with ``apply``) only if all that it expects held.
    """

    def __init__(self, script: Script, options: argparse.Namespace) -> None:
        self.script, self.options = script, options
        self.stop = Stop()
        self.setups = [read_setup(options, {**script.settings, **s.settings}) for s in script.steps]
        for setup, step in zip(self.setups, script.steps, strict=True):
            allow_apply(self.applies(setup), setup.settings, options.unchecked)
            self.job(setup, step)

    def applies(self, setup: Setup) -> bool:
        return bool(self.options.apply or setup.settings.apply)

    def run(self) -> Iterator[StepReport]:
        """The steps' reports, wave by wave; a wave is written before the next one begins."""
        for wave in waves(self.script.steps):
            done = list(side_by_side(wave, self.options.jobs, self.step, self.stop))
            for number, found in done:
                yield self.written(self.setups[number], found)
                if found.report.ending and found.report.ending.status == "interrupted":
                    raise KeyboardInterrupt

    def step(self, number: int) -> StepReport:
        """Run one step; what ends it before it began is a failed step, not the end of the batch."""
        step, setup = self.script.steps[number], self.setups[number]
        try:
            return self._step(step, setup)
        except AssistantError as error:
            status = _STATUS.get(error.exit_code, "gave-up")
            failed = Verdict(Expectation("status", "done", step.line), False, str(error))
            return StepReport(TurnReport(step, Finished(status, str(error)), (failed,)))

    def _step(self, step: ImproveStep, setup: Setup) -> StepReport:
        with (
            open_improvement(setup, self.job(setup, step)) as improvement,
            self._screen(setup) as show,
        ):
            improvement.chat.sinks.append(self.stop)
            if show:
                improvement.chat.attend(show)
            ending = improvement.run()
            events: list[Event] = this_turn(improvement.chat.events)
            found = improvement.outcome(ending)
            return StepReport(judged(step, ending, events, improvement.probe()), found)

    def job(self, setup: Setup, step: ImproveStep) -> Job:
        """Raises UsageError where the step's files cannot be improved."""
        names = [str(setup.folder / file) for file in step.files]
        targets = locate(names, str(setup.folder))
        suitable(targets, step.function, step.allow_tests)
        scope = Scope(targets.files, step.function)
        return Job(step.objective, scope, setup.settings.check, step.allow_tests)

    def written(self, setup: Setup, found: StepReport) -> StepReport:
        """The step's changes in the user's folder, if they shall be there."""
        outcome, report = found.outcome, found.report
        if not outcome or not report.passed or not self.applies(setup):
            return found
        with open_kept(setup, outcome.session) as (workspace, recorder):
            outcome = write(outcome, workspace, self._allowed(report))
            if outcome.written:
                recorder(Notice(f"written: {', '.join(outcome.written)}"))
        if outcome.refused:
            expected = Expectation("written", True, report.turn.line)
            failed = Verdict(expected, False, outcome.refused)
            report = replace(report, verdicts=(*report.verdicts, failed))
        return StepReport(report, outcome)

    def _allowed(self, report: TurnReport) -> bool:
        return isinstance(report.turn, ImproveStep) and report.turn.allow_tests

    @contextmanager
    def _screen(self, setup: Setup) -> Iterator[Sink | None]:
        """Events are shown of steps that run one at a time."""
        options = self.options
        if options.jobs > 1:
            yield None
            return
        with screen(options.json, options.json_stream, setup.redactor.patterns, echo=True) as show:
            yield show
