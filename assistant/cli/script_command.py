"""``assistant script FILE``: turns and improve steps, with a report and an exit code."""

import argparse
from pathlib import Path

from assistant.cli.batch import Batch
from assistant.cli.children import StepReport, step_line
from assistant.cli.judged import apply_judged
from assistant.cli.output import say
from assistant.cli.run_command import allow_apply
from assistant.cli.screen import screen
from assistant.cli.setup import read_setup
from assistant.cli.wiring import open_chat
from assistant.events import UsageError
from assistant.tasks.script import TurnReport, junit, run_script
from assistant.tasks.script_file import Script, load_script


def run(options: argparse.Namespace) -> int:
    script = load_script(options.file)
    folder = getattr(options, "folder", "") or script.folder
    if folder:
        options.folder = folder
    batch = Batch(script, options)  # What is wrong with a step ends it before anything is sent.
    if options.step is not None:
        print(step_line(script.file, batch.step(options.step)))
        return 0
    if options.junit:
        _write(options.junit, b"")  # What cannot be written is told before anything is spent.
    reports: list[TurnReport] = []
    if script.turns:
        reports += _converse(script, options)
    for found in batch.run():
        reports.append(found.report)
        if options.json or options.json_stream:
            print(step_line(script.file, found))
        else:
            _tell_step(script, found, len(reports))
    if options.junit:
        _write(options.junit, junit(script, reports))
    return 0 if all(report.passed for report in reports) else 1


def _converse(script: Script, options: argparse.Namespace) -> list[TurnReport]:
    """The turns: one conversation, whose changes are applied if all of it held."""
    setup = read_setup(options, script.settings)
    wants_apply = options.apply or setup.settings.apply
    allow_apply(wants_apply, setup.settings, options.unchecked)
    quiet = options.json or options.json_stream
    with (
        open_chat(setup) as opened,
        screen(
            options.json,
            options.json_stream,
            setup.redactor.patterns,
            echo=True,
            lines=setup.settings.output_lines,
        ) as show,
    ):
        opened.chat.attend(show)
        opened.await_sandbox()
        reports = []
        for report in run_script(script, opened.chat, opened.probe()):
            reports.append(report)
            if not quiet:
                _tell(script, report, len(reports))
        if all(report.passed for report in reports) and wants_apply:
            apply_judged(opened, allow_test_changes=options.allow_test_changes)
    return reports


def _tell(script: Script, report: TurnReport, number: int) -> None:
    if report.ending is None:
        say(f"turn {number}: not said, since an earlier turn failed")
        return
    for verdict in report.verdicts:
        where = f"{script.file}:{verdict.expectation.line}"
        if verdict.passed:
            say(f"ok      {where}: {verdict.expectation}")
        else:
            say(f"FAILED  {where}: {verdict.expectation}: {verdict.found}")


def _tell_step(script: Script, found: StepReport, number: int) -> None:
    _tell(script, found.report, number)
    outcome = found.outcome
    if outcome is None:
        return
    if outcome.written:
        say(f"        written: {', '.join(outcome.written)}")
    elif outcome.files or outcome.tests:
        names = ", ".join((*outcome.files, *outcome.tests))
        say(f"        kept: {names}: assistant apply {outcome.session}")
    else:
        say("        nothing was changed")


def _write(file: str, data: bytes) -> None:
    try:
        Path(file).write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write the report {file}: {error.strerror}") from error
