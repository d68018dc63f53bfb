"""``assistant improve FILE...``: change files, and trust that they only changed if it passed."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from assistant.cli.improving import Improvement, open_improvement
from assistant.cli.output import ask, at_terminal, say
from assistant.cli.screen import Sink, screen
from assistant.cli.setup import Setup, read_setup
from assistant.events import EXIT_CODES, Replied, UsageError
from assistant.tasks.answer import Scope
from assistant.tasks.improve import Job
from assistant.tasks.improved import Outcome
from assistant.tasks.suggest import suggestions
from assistant.tasks.targets import Targets, locate, suitable

NOT_WRITTEN = 1


def run(options: argparse.Namespace) -> int:
    if not options.objective.strip():
        raise UsageError("the objective is empty", 'Say what to improve: --objective "..."')
    folder = getattr(options, "folder", None) or ""
    targets = locate(options.files, folder, ask if at_terminal() else None)
    options.folder = str(targets.folder)
    setup = read_setup(options)
    job = Job(
        options.objective,
        Scope(targets.files, options.function),
        setup.settings.check,
        options.allow_test_changes,
    )
    suitable(targets, options.function, options.allow_test_changes or options.mode == "suggest")
    if options.mode == "suggest":
        return _suggest(options, setup, job)
    writable(options.mode == "write", setup, options.unchecked, targets)
    with (
        open_improvement(setup, job) as improvement,
        shown(options, setup, options.mode == "diff") as show,
    ):
        improvement.chat.attend(show)
        found = improvement.outcome(improvement.run())
        found = offered(improvement, found, targets, options)
    return tell(options, found)


def offered(
    improvement: Improvement, found: Outcome, targets: Targets, options: argparse.Namespace
) -> Outcome:
    """The outcome after what was to be written is; at a terminal a person is asked."""
    if options.mode == "write":
        return _written(improvement, found, options)
    if at_terminal() and not options.json:
        return _asked(improvement, found, targets, options)
    return found


def writable(wanted: bool, setup: Setup, unchecked: bool, targets: Targets) -> None:
    """Raise UsageError where changes may not be written as things are."""
    if wanted and targets.unwritable:
        raise UsageError(targets.unwritable[0], "Settle this, or use --diff.")
    if wanted and not setup.settings.check and not unchecked and not at_terminal():
        raise UsageError(
            "--write without a check would write what nothing has judged",
            "Add --check CMD, or say --unchecked.",
        )


def _suggest(options: argparse.Namespace, setup: Setup, job: Job) -> int:
    with (
        open_improvement(setup, job, suggest=True) as improvement,
        shown(options, setup, True) as show,
    ):
        improvement.chat.attend(show)
        ending = improvement.run()
        replies = [e.text for e in improvement.chat.events if isinstance(e, Replied)]
    found = suggestions(replies[-1]) if replies and ending.status == "done" else []
    if options.json:
        import json  # Only where it is asked for.

        print(json.dumps({"v": 1, "type": "Suggested", "suggestions": found}))
    else:
        for number, text in enumerate(found, start=1):
            say(f"{number}. " + text.replace("\n", "\n   "))
    return EXIT_CODES[ending.status]


@contextmanager
def shown(options: argparse.Namespace, setup: Setup, apart: bool) -> Iterator[Sink]:
    """The events as they come; on standard error where the result goes to a pipe (``apart``)."""
    as_json = options.json or options.json_stream
    with (
        redirect_stdout(sys.stderr if apart and not as_json else sys.stdout),
        screen(
            options.json,
            options.json_stream,
            setup.redactor.patterns,
            lines=setup.settings.output_lines,
        ) as show,
    ):
        yield show


def _written(improvement: Improvement, found: Outcome, options: argparse.Namespace) -> Outcome:
    """Write what passed; without a check a person looks, or has said --unchecked."""
    if found.status != "done" or not (found.files or found.tests):
        return found
    if found.passed or options.unchecked:
        return improvement.write(found)
    _show(found, options)
    return improvement.write(found) if ask("Write these changes?") else found


def _asked(
    improvement: Improvement, found: Outcome, targets: Targets, options: argparse.Namespace
) -> Outcome:
    if found.status != "done" or not (found.files or found.tests):
        return found
    if targets.unwritable:
        say(f"Not to be written: {targets.unwritable[0]}", error=True)
        return found
    _show(found, options)
    return improvement.write(found) if ask("Write these changes?") else found


def _show(found: Outcome, options: argparse.Namespace) -> None:
    say(found.diff)
    if found.tests:
        say(f"Changes to tests{_apart(options)}:")
        say(found.tests_diff)


def _apart(options: argparse.Namespace) -> str:
    return "" if options.allow_test_changes else " (not written without --allow-test-changes)"


def tell(options: argparse.Namespace, found: Outcome) -> int:
    """Say what came of it; the exit code."""
    if options.json or options.json_stream:
        print(found.line())
    else:
        _say(options, found)
    code = EXIT_CODES[found.status]
    return NOT_WRITTEN if not code and found.refused else code


def _say(options: argparse.Namespace, found: Outcome) -> None:
    changed = bool(found.files or found.tests)
    if options.mode == "diff" and not at_terminal():
        diff = found.diff + (found.tests_diff if options.allow_test_changes else "")
        sys.stdout.buffer.write(diff.encode("utf-8", "surrogateescape"))
        sys.stdout.buffer.flush()
    if found.refused:
        say(found.refused, error=True)
        say(found.diff)
    if found.written:
        say(f"To take {', '.join(found.written)} back: assistant undo", error=True)
    elif changed:
        what = {True: "", None: " (not checked)", False: " (the check fails: the best attempt)"}
        say(
            f"{', '.join((*found.files, *found.tests))}: changes are kept{what[found.passed]}:"
            f" assistant apply {found.session}",
            error=True,
        )
    else:
        say("Nothing was changed.", error=True)
    left = [path for path in found.tests if path not in found.written]
    if found.written and left:
        say(f"Changes to tests are kept, not written: {', '.join(left)}", error=True)
