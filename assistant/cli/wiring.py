"""Builds the parts of a run from its settings, joins them, and closes them in order."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assistant.budget import Budget, price_needed
from assistant.chat import Chat, Openers
from assistant.cli.beginning import Told, begin
from assistant.cli.model import open_model
from assistant.cli.sandboxes import Fresh, open_raw
from assistant.cli.setup import Setup, data_folder
from assistant.cli.tracing import open_traces
from assistant.events import AssistantError, Checked, Event, Started, UsageError
from assistant.following import followed
from assistant.protocols import Model, Terms
from assistant.record import Loaded, Recorder, load, redacted
from assistant.sandbox.diffing import Change
from assistant.sandbox.mounted import MountedFolder
from assistant.sandbox.workspace import Workspace
from assistant.sessions import Sessions
from assistant.settings import Settings
from assistant.tasks.check import CommandCheck
from assistant.tasks.script import Probe

Folder = Workspace | MountedFolder
LAST = "last"
STORE = "work"
"""The folder of a session that keeps what its code changed."""


def open_sessions(setup: Setup) -> Sessions:
    return Sessions(data_folder(setup.settings))


@dataclass
class Opened:
    """A chat with what surrounds it, for as long as the context that opened it."""

    chat: Chat
    sandbox: Any
    workspace: Folder
    setup: Setup
    fresh: Fresh
    past: Loaded | None = None
    """The record that was resumed."""

    def await_sandbox(self) -> None:
        """Raises SandboxError where there is none, before a model is paid for work."""
        _ = self.sandbox.image

    def sandbox_state(self) -> str:
        """In two words, without waiting for anything."""
        state = getattr(getattr(self.sandbox, "main", self.sandbox), "state", "")
        named = {"opening": "sandbox starting", "open": "sandbox ready", "failed": "no sandbox"}
        return named.get(state, "")

    def sandbox_trouble(self) -> AssistantError | None:
        """Why no code can run, once that is known."""
        main = getattr(self.sandbox, "main", self.sandbox)
        found: AssistantError | None = getattr(main, "trouble", None)
        return found

    def changes(self) -> list[str]:
        """What differs from the user's folder, a line each; empty where no code ever ran."""
        if isinstance(self.workspace, MountedFolder) or not self.workspace.copy.opened:
            return []
        return [_change(change) for change in self.workspace.changes()]

    def probe(self) -> Probe:
        """How a script looks at the workspace."""
        return Probe(self._read, self._passes)

    def _read(self, path: str) -> str | None:
        entry = self.workspace.snapshot().get(path)
        if entry is None or entry.kind != "file":
            return None
        return self.workspace.blobs.get(entry.digest).decode("utf-8", "replace")

    def _passes(self, command: str) -> Checked:
        return followed(self.check(command).run(self.setup.settings.check_seconds))

    def check(self, command: str) -> CommandCheck:
        """An acceptance check of this work, in a container of its own."""
        return CommandCheck(command, self.workspace, self.fresh, self.setup.settings.protect)

    def hear(self, event: Event) -> None:
        """What is to be checked in the end."""
        if self.chat.terms.check is not None:
            self.fresh.hear(event)


@contextmanager
def open_chat(
    setup: Setup, *, model: Model | None = None, resume: str | None = None
) -> Iterator[Opened]:
    """A chat on the folder, recorded; everything is closed at the end, also on an interrupt.

    ``resume`` goes on with a session: its id, or "" for the last one of this folder.
    """
    sessions = open_sessions(setup)
    model = model or open_model(setup)  # First: without one there is no session to keep.
    affordable(model, setup.settings)
    with ExitStack() as stack:
        name = session_named(sessions, setup, resume)
        past = load(sessions.record(name)) if resume is not None else None
        told = Told()
        recorder = stack.enter_context(Recorder(sessions.record(name), setup.redactor, tell=told))
        sandbox = stack.enter_context(open_raw(setup, name))
        store = sessions.record(name).parent / STORE
        workspace = _open_workspace(setup, sandbox, store)
        stack.enter_context(workspace)
        chat = new_chat(setup, workspace, model, past)
        stack.enter_context(kept(chat, setup, recorder, past))
        fresh = stack.enter_context(Fresh(setup))
        opened = Opened(chat, sandbox, workspace, setup, fresh, past)
        chat.openers = Openers(lambda other: open_model(setup, other), opened.check)
        if setup.settings.check:
            chat.terms = replace(chat.terms, check=opened.check(setup.settings.check))
        chat.sinks.append(opened.hear)
        begin(chat, setup, past)
        told.join(chat)
        yield opened


@contextmanager
def kept(
    chat: Chat, setup: Setup, recorder: Recorder, past: Loaded | None = None
) -> Iterator[None]:
    """Makes a chat the session that ``recorder`` records: each event goes there before it goes to
    a collector, if there is one, or to anyone else."""
    chat.session, chat.folder = recorder.path.parent.name, str(setup.folder)
    chat.sinks.append(recorder)
    with open_traces(setup, chat.session, past.events if past else ()) as trace:
        if trace is not None:
            chat.sinks.append(trace)
        yield


def session_named(sessions: Sessions, setup: Setup, resume: str | None) -> str:
    """The id of a session: a new one for None, this folder's last one for "" and "last"."""
    if resume is None:
        return sessions.new().name
    if resume not in ("", LAST):
        return sessions.find(resume)
    latest = sessions.latest(setup.folder)
    if latest is None:
        raise UsageError(f"no session was held on {setup.folder} yet", "Start one: assistant")
    return latest


def _open_workspace(setup: Setup, sandbox: Any, store: Path) -> Folder:
    """A copy of the folder, unless the user asked for the folder itself."""
    if setup.settings.mount != "none" and not setup.settings.local:
        _writable(setup)
        return MountedFolder(sandbox, setup.folder, store, edit_text, setup.copying)
    return Workspace(sandbox, setup.folder, store, edit_text, setup.copying)


def _writable(setup: Setup) -> None:
    """A mounted folder of root's cannot be written: nothing in a container ever runs as root."""
    found = setup.folder.stat()
    if setup.settings.mount == "rw" and found.st_uid == 0 and not found.st_mode & 0o002:
        raise UsageError(
            f"{setup.folder} belongs to root, and code in the sandbox never runs as root",
            "Work on a copy (without --mount), or give the folder to another user.",
        )


def affordable(model: Model, settings: Settings) -> None:
    """A dollar cap that someone set needs a price, and does so before anything is sent."""
    if settings.given("dollars") and model.cost(1000, 1000) is None:
        raise price_needed(model.name)


def new_chat(
    setup: Setup, workspace: Workspace | MountedFolder, model: Model, past: Loaded | None
) -> Chat:
    chat = Chat(
        model,
        workspace,
        terms_of(setup.settings),
        workspace=workspace,
        past=past.events if past else (),
    )
    if setup.settings.secrets:
        chat.redacted = lambda event: redacted(event, setup.redactor)
    return chat


def terms_of(settings: Settings) -> Terms:
    """The caps and limits; a dollar cap that someone set makes an unknown price an error."""
    session = Budget(
        settings.session_replies,
        settings.session_tokens,
        settings.session_dollars,
        settings.session_seconds,
        settings.session_blocks,
    )
    return Terms(
        budget=Budget(
            settings.replies,
            settings.tokens,
            settings.dollars,
            settings.seconds,
            settings.blocks,
            settings.given("dollars") or settings.session_dollars is not None,
        ),
        session=None if session == Budget(None, None, None, None, None) else session,
        block_seconds=settings.block_seconds,
        check_seconds=settings.check_seconds,
    )


def _change(change: Change) -> str:
    lines = "" if change.added is None else f" (+{change.added} -{change.removed})"
    refused = f", cannot be applied: {change.refused}" if change.refused else ""
    return f"{change.kind} {change.path}{lines}{refused}"


def edit_text(text: str | None, code: str) -> tuple[str | None, Sequence[str]]:
    """An edit block applied to a file's text; errors carry what the model should hear."""
    from assistant.code.edit_reports import edit_failed, edit_notes
    from assistant.code.edits import EditError, apply_edit, parse_edit

    try:
        edit = parse_edit(code)
        applied = apply_edit(text or "", edit)
    except EditError as error:
        raise UsageError(edit_failed(error, "the file")) from error
    return None if edit.delete else applied.text, edit_notes(applied.notes, "the file")


@contextmanager
def open_kept(setup: Setup, session: str) -> Iterator[tuple[Workspace, Recorder]]:
    """The kept changes of a session, to be looked at and applied; nothing can run."""
    sessions = open_sessions(setup)
    name = session_named(sessions, setup, session)
    record = sessions.record(name)
    folder = next((e.folder for e in load(record).events if isinstance(e, Started)), "")
    if not folder:
        raise UsageError(f"session {name} has no folder", "`assistant sessions` lists them.")
    with Recorder(record, setup.redactor) as recorder:
        place = replace(setup, folder=Path(folder))
        with Workspace(None, folder, record.parent / STORE, edit_text, place.copying) as workspace:
            yield workspace, recorder


@contextmanager
def open_scratch(setup: Setup) -> Iterator[Workspace]:
    """A session's sandbox on an empty folder, mounted nowhere and without a network."""
    closed = replace(setup.settings, mount="none", network="none", images={})
    with TemporaryDirectory(prefix="assistant-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "empty").mkdir()
        place = Setup(closed, folder / "empty")
        sandbox = stack.enter_context(open_raw(place, ""))
        workspace = Workspace(sandbox, place.folder, folder / STORE, edit_text, place.copying)
        yield stack.enter_context(workspace)
