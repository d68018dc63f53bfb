"""``assistant run TASK``: one task, no questions, a true exit code."""

import argparse
import sys
from pathlib import Path

from assistant.chat import Chat
from assistant.cli.judged import apply_judged
from assistant.cli.output import at_terminal, say
from assistant.cli.screen import screen
from assistant.cli.setup import read_setup
from assistant.cli.wiring import Opened, open_chat
from assistant.events import EXIT_CODES, Finished, UsageError
from assistant.feedback import quoted
from assistant.prompts import prompt
from assistant.settings import Settings
from assistant.terminal.words import count


def run(options: argparse.Namespace) -> int:
    setup = read_setup(options)
    settings = setup.settings
    wants_apply = options.apply or settings.apply
    allow_apply(wants_apply, settings, options.unchecked)
    task = _task(options)
    with (
        open_chat(setup) as opened,
        screen(
            options.json,
            options.json_stream,
            setup.redactor.patterns,
            lines=setup.settings.output_lines,
        ) as show,
    ):
        opened.chat.attend(show)
        opened.await_sandbox()
        ending = opened.chat.say(task)
        if concluded(opened, ending, wants_apply, quiet=options.json or options.json_stream):
            apply_judged(opened, allow_test_changes=options.allow_test_changes)
    return EXIT_CODES[ending.status]


def allow_apply(wanted: bool, settings: Settings, unchecked: bool) -> None:
    """Writing back without a check needs someone to look at it, or the user's word."""
    if wanted and not settings.check and not unchecked and not at_terminal():
        raise UsageError(
            "--apply without a check would write back what nothing has judged",
            "Add --check CMD, or say --unchecked.",
        )


def concluded(opened: Opened, ending: Finished, wants_apply: bool, quiet: bool) -> bool:
    """Whether the changes are to be written back; else it is said where they are kept."""
    chat = opened.chat
    changes = opened.changes()
    if not changes:
        return False
    if wants_apply and ending.status == "done" and _agreed(chat, quiet):
        return True
    if not quiet:
        say(f"{count(len(changes), 'changed file')} kept with the session:")
        for change in changes:
            say(f"  {change}")
        say(f"To write them to your folder: assistant apply {chat.session}")
    return False


def _agreed(chat: Chat, quiet: bool) -> bool:
    """A check has judged it, or the user said --unchecked; at a terminal a person looks."""
    if chat.terms.check or quiet or not at_terminal():
        return True
    from assistant.cli.output import ask

    say(chat.diff())
    return ask("Write these changes to your folder?")


def _task(options: argparse.Namespace) -> str:
    """The task's text with the files that go with it."""
    text = sys.stdin.read() if options.task == "-" else options.task
    if not text.strip():
        raise UsageError("the task is empty", 'Say what to do: assistant run "..."')
    parts = [text]
    for name in options.file:
        try:
            content = Path(name).read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(f"cannot read {name}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{name} is no text in UTF-8: {error}") from error
        parts.append(prompt("attached_file", path=name, text=quoted(content)))
    return "\n\n".join(parts)
