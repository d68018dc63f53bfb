"""Opens a session in the terminal on the folder."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import platformdirs

from assistant.chat import Chat
from assistant.cli.crash import crashed
from assistant.cli.ending import RECEIVED
from assistant.cli.forking import forked
from assistant.cli.model import chosen
from assistant.cli.model_names import ModelNames
from assistant.cli.sessions_command import line, when
from assistant.cli.setup import Setup, data_folder
from assistant.cli.wiring import LAST, Opened, open_chat, open_sessions
from assistant.events import UsageError
from assistant.sessions import Session
from assistant.terminal.console import TerminalOptions
from assistant.terminal.repl import run_terminal

_FRESH = 10.0
"""Seconds for which the list of sessions is taken for true."""


class _Sittings:
    """The one chat that is open, and how another takes its place."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._stack = ExitStack()
        self.opened: Opened | None = None

    def open(self, name: str | None) -> Chat:
        here = self.opened.chat.session if self.opened else ""
        if name and open_sessions(self._setup).find(name) == here:
            raise UsageError(f"{name} is the session that is open")
        stack = ExitStack()
        opened = stack.enter_context(open_chat(self._setup, resume=name))
        self._stack.close()  # Only now: where the other cannot be opened, this one goes on.
        self._stack, self.opened = stack, opened
        return opened.chat

    def fork(self) -> Chat:
        assert self.opened
        return self.open(forked(open_sessions(self._setup), self.opened.chat.session))

    def close(self) -> None:
        self._stack.close()


def open_terminal(setup: Setup, resume: str | None) -> int:
    """The exit code of the session. What it opened is closed whichever way it ends."""
    setup = chosen(setup)
    sittings = _Sittings(setup)
    try:
        name = "" if resume == LAST else resume
        return run_terminal(lambda: sittings.open(name), _options(setup, sittings))
    finally:
        sittings.close()


class _Known:
    """The sessions there are, by their names, with their age and title: asked for at each key."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._titles: Mapping[str, str] = {}
        self._until = float("-inf")

    def __call__(self) -> Mapping[str, str]:
        if time.monotonic() > self._until:
            self._titles = {one.id: f"{when(one)}  {one.title}" for one in self.here()}
            self._until = time.monotonic() + _FRESH
        return self._titles

    def here(self) -> list[Session]:
        """Those on this folder in which something was said: only they can go on here."""
        folder = str(self._setup.folder)
        found = open_sessions(self._setup).list()
        return [one for one in found if one.folder == folder and one.title]


def _options(setup: Setup, sittings: _Sittings) -> TerminalOptions:
    settings = setup.settings
    known = _Known(setup)
    commands = Path(platformdirs.user_config_dir("assistant")) / "commands"
    return TerminalOptions(
        ask=settings.ask,
        allow=settings.allow,
        deny=settings.deny,
        theme=settings.theme,
        output_lines=settings.output_lines,
        history=data_folder(settings) / "history",
        commands=commands,
        pictures=settings.pictures,
        pictures_folder=lambda session: open_sessions(setup).record(session).parent / "pictures",
        vi=settings.vi,
        ended=lambda: bool(RECEIVED),
        redact=setup.redactor.patterns,
        crashed=lambda error: crashed(error, setup.redactor, data_folder(settings)),
        resume=sittings.open,
        fork=sittings.fork,
        sandbox_state=lambda: sittings.opened.sandbox_state() if sittings.opened else "",
        sandbox_trouble=lambda: sittings.opened.sandbox_trouble() if sittings.opened else None,
        dearest=settings.dearest,
        models=ModelNames(setup),
        sessions=lambda: list(known()),
        session_titles=known,
        session_lines=lambda: [line(session) for session in known.here()],
    )
