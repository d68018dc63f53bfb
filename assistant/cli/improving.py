"""Opens an improve task: a copy of the folder, the chat about it, the check that judges it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from assistant.chat import Chat
from assistant.cli.beginning import Told, started
from assistant.cli.model import open_model
from assistant.cli.sandboxes import Fresh
from assistant.cli.setup import Setup
from assistant.cli.wiring import STORE, affordable, edit_text, kept, new_chat, open_sessions
from assistant.code.encodings import NotText
from assistant.events import Checked, Finished, Notice, Said, UsageError
from assistant.following import followed
from assistant.prompts import prompt
from assistant.protocols import Model
from assistant.record import Recorder
from assistant.sandbox.workspace import Workspace
from assistant.tasks.check import CommandCheck
from assistant.tasks.improve import Draft, Job, improve_system, improving, task
from assistant.tasks.improved import Outcome, outcome, write
from assistant.tasks.script import Probe
from assistant.tasks.suggest import Suggesting


@dataclass
class Improvement:
    """An improve task with what surrounds it, for as long as the context that opened it."""

    chat: Chat
    workspace: Workspace
    draft: Draft
    setup: Setup

    def run(self) -> Finished:
        """Ask until the check passes or something else ends it."""
        return self.chat.say(task(self.draft))

    def probe(self) -> Probe:
        """How a script looks at the copy."""
        return Probe(self._read, self._passes)

    def _read(self, path: str) -> str | None:
        try:
            return self.draft.now(path).text if path in self.draft.snapshot() else None
        except NotText:
            return None

    def _passes(self, command: str) -> Checked:
        settings = self.setup.settings
        with Fresh(self.setup) as fresh:
            subjects = self.draft.job.scope.files
            check = CommandCheck(command, self.draft, fresh, settings.protect, subjects)
            return followed(check.run(settings.check_seconds))

    def outcome(self, ending: Finished) -> Outcome:
        return outcome(self.draft, ending, self.chat.session)

    def write(self, found: Outcome) -> Outcome:
        """Write what was found into the user's folder; the record hears of it."""
        found = write(found, self.workspace, self.draft.job.allow_tests)
        if found.written:
            self.chat.pour(Notice(f"written: {', '.join(found.written)}"))
        return found


@contextmanager
def open_improvement(
    setup: Setup,
    job: Job,
    *,
    model: Model | None = None,
    suggest: bool = False,
    briefed: bool = True,
) -> Iterator[Improvement]:
    """The task, recorded as a session; everything is closed at the end, also on an interrupt.

    ``briefed`` is False where the chat itself asks no model.
    Raises UsageError where a file of the job is not in the copy.
    """
    sessions = open_sessions(setup)
    if model is None:
        model = open_model(setup)
        affordable(model, setup.settings)
    with ExitStack() as stack:
        record = sessions.record(sessions.new().name)
        told = Told()
        recorder = stack.enter_context(Recorder(record, setup.redactor, tell=told))
        workspace = stack.enter_context(_workspace(setup, job, record.parent / STORE))
        draft = Draft(job, workspace)
        chat = new_chat(setup, workspace, model, None)
        stack.enter_context(kept(chat, setup, recorder))
        chat.turn = Suggesting if suggest else improving(draft)
        if job.check and not suggest:
            fresh = stack.enter_context(Fresh(setup))
            fresh.expect()  # While the model writes.
            chat.sinks.append(fresh.hear)
            given = setup.settings.protect, job.scope.files
            check = CommandCheck(job.check, draft, fresh, *given)
            chat.terms = replace(chat.terms, check=check)
        chat.pour(started(chat, setup, _kind(suggest, briefed)))
        if briefed:
            chat.pour(Said(_system(job, suggest), "system"))
        told.join(chat)
        yield Improvement(chat, workspace, draft, setup)


def _kind(suggest: bool, briefed: bool) -> str:
    return "suggest" if suggest else "improve" if briefed else "implement"


def _system(job: Job, suggest: bool) -> str:
    if not suggest:
        return improve_system(job)
    check = prompt("system_check", command=job.check) if job.check else ""
    return prompt("suggest_system", check=check)


def _workspace(setup: Setup, job: Job, store: Path) -> Workspace:
    """The copy, with the job's files in it whatever the ignore files say."""
    named = tuple(_pattern(file) for file in job.scope.files)
    copying = replace(setup.copying, named=(*setup.copying.named, *named))
    workspace = Workspace(None, setup.folder, store, edit_text, copying)
    try:
        missing = [file for file in job.scope.files if file not in workspace.base]
    except BaseException:
        workspace.close()
        raise
    if missing:
        workspace.close()
        raise UsageError(
            f"{missing[0]} is not in the copy of {setup.folder}",
            "The folder may be too large: name a smaller one with --folder DIR.",
        )
    return workspace


def _pattern(path: str) -> str:
    """A path as a pattern of ignore files that means this path alone."""
    return "".join(f"\\{sign}" if sign in "\\*?[]!# " else sign for sign in path)
