"""Opens a session in the terminal on the folder."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import platformdirs

from assistant.chat import Chat
from assistant.cli.crash import crashed
from assistant.cli.forking import forked
from assistant.cli.setup import Setup, data_folder
from assistant.cli.wiring import open_chat, open_sessions
from assistant.events import UsageError
from assistant.terminal.console import TerminalOptions
from assistant.terminal.repl import run_terminal


def open_terminal(setup: Setup, resume: str | None) -> int:
    """The exit code of the session. What it opened is closed whichever way it ends."""
    opened = ExitStack()
    here = ""

    def open_one(name: str | None) -> Chat:
        nonlocal opened, here
        if name and open_sessions(setup).find(name) == here:
            raise UsageError(f"{name} is the session that is open")
        stack = ExitStack()
        chat = stack.enter_context(open_chat(setup, resume=name)).chat
        opened.close()  # Only now: where the other cannot be opened, this one goes on.
        opened, here = stack, chat.session
        return chat

    def fork() -> Chat:
        return open_one(forked(open_sessions(setup), here))

    try:
        return run_terminal(lambda: open_one(resume), _options(setup, open_one, fork))
    finally:
        opened.close()


def _options(
    setup: Setup, another: Callable[[str], Chat], fork: Callable[[], Chat]
) -> TerminalOptions:
    settings = setup.settings
    commands = Path(platformdirs.user_config_dir("assistant")) / "commands"
    return TerminalOptions(
        ask=settings.ask,
        allow=settings.allow,
        deny=settings.deny,
        theme=settings.theme,
        history=data_folder(settings) / "history",
        commands=commands,
        pictures=settings.pictures,
        pictures_folder=lambda session: open_sessions(setup).record(session).parent / "pictures",
        vi=settings.vi,
        redact=setup.redactor.patterns,
        crashed=lambda error: crashed(error, setup.redactor, data_folder(settings)),
        resume=another,
        fork=fork,
        sessions=lambda: [session.id for session in open_sessions(setup).list()],
    )
