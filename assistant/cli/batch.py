"""The improve steps of a script: each on its own copy, those of different files side by side."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from assistant.cli.children import Children, StepReport, read_step
from assistant.cli.improving import open_improvement
from assistant.cli.run_command import allow_apply
from assistant.cli.screen import Sink, screen
from assistant.cli.setup import Setup, read_setup
from assistant.cli.wiring import open_kept
from assistant.events import AssistantError, Event, Finished, Notice, Status
from assistant.tasks.answer import Scope
from assistant.tasks.batch import side_by_side, waves
from assistant.tasks.improve import Job
from assistant.tasks.improved import write
from assistant.tasks.script import TurnReport, Verdict, judged
from assistant.tasks.script_file import Expectation, ImproveStep, Script
from assistant.tasks.targets import locate, suitable
from assistant.transcript import this_turn

_STATUS: dict[int, Status] = {4: "model-error", 5: "sandbox-error"}


class Batch:
    """A script's improve steps with all that is needed to run them.

    Each is atomic: its changes are written (with ``apply``) only if all that it expects held.
    """

    def __init__(self, script: Script, options: argparse.Namespace) -> None:
        self.script, self.options = script, options
        self.setups = [read_setup(options, {**script.settings, **s.settings}) for s in script.steps]
        for setup, step in zip(self.setups, script.steps, strict=True):
            allow_apply(self.applies(setup), setup.settings, options.unchecked)
            self.job(setup, step)

    def applies(self, setup: Setup) -> bool:
        return bool(self.options.apply or setup.settings.apply)

    def run(self) -> Iterator[StepReport]:
        """The steps' reports, wave by wave; a wave is written before the next one begins."""
        for wave in waves(self.script.steps):
            for number, found in zip(wave, self.wave(wave), strict=True):
                yield self.written(self.setups[number], found)

    def wave(self, numbers: Sequence[int]) -> list[StepReport]:
        """Steps of different files: here, one after the other, or each in a process of its own."""
        if self.options.jobs == 1 or len(numbers) == 1:
            return [_whole(self.step(number)) for number in numbers]
        children = Children()

        def run(number: int) -> StepReport:
            return read_step(self.script.steps[number], children.run(number))

        return list(side_by_side(numbers, self.options.jobs, run, children.stop))

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
        """Events are shown, but for those of a step in a process of its own."""
        options = self.options
        if options.step is not None:
            yield None
            return
        with screen(
            options.json,
            options.json_stream,
            setup.redactor.patterns,
            echo=True,
            lines=setup.settings.output_lines,
        ) as show:
            yield show


def _whole(found: StepReport) -> StepReport:
    """A step that a Ctrl-C ended ends the batch; the others of its wave are kept, not written."""
    if found.report.ending and found.report.ending.status == "interrupted":
        raise KeyboardInterrupt
    return found
