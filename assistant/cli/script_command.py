"""``assistant script FILE``: a scripted conversation, with a report and an exit code."""

import argparse
from pathlib import Path

from assistant.cli.output import say
from assistant.cli.run_command import allow_apply
from assistant.cli.screen import screen
from assistant.cli.wiring import open_chat, read_setup
from assistant.events import UsageError
from assistant.tasks.script import TurnReport, junit, run_script
from assistant.tasks.script_file import Script, load_script


def run(options: argparse.Namespace) -> int:
    script = load_script(options.file)
    folder = getattr(options, "folder", "") or script.folder
    if folder:
        options.folder = folder
    setup = read_setup(options, script.settings)
    wants_apply = options.apply or setup.settings.apply
    allow_apply(wants_apply, setup.settings, options.unchecked)
    quiet = options.json or options.json_stream
    with (
        open_chat(setup) as opened,
        screen(options.json, options.json_stream, setup.redactor.patterns, echo=True) as show,
    ):
        opened.chat.attend(show)
        reports = []
        for report in run_script(script, opened.chat, opened.probe()):
            reports.append(report)
            if not quiet:
                _tell(script, report, len(reports))
        passed = all(report.passed for report in reports)
        if passed and wants_apply:
            opened.chat.apply()
    if options.junit:
        _write(options.junit, junit(script, reports))
    return 0 if passed else 1


def _tell(script: Script, report: TurnReport, number: int) -> None:
    if report.ending is None:
        say(f"turn {number}: not said, since an earlier turn failed")
        return
    for verdict in report.verdicts:
        where = f"{script.file}:{verdict.expectation.line}"
        if verdict.passed:
            say(f"ok      {where}: {verdict.expectation}")
        else:
            say(f"FAILED  {where}: {verdict.expectation}: found {verdict.found!r}")


def _write(file: str, data: bytes) -> None:
    try:
        Path(file).write_bytes(data)
    except OSError as error:
        raise UsageError(f"cannot write the report {file}: {error.strerror}") from error
