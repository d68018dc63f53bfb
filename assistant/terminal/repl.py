"""The session in the terminal: prompt, say, show, and again, until the user leaves."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from assistant import __version__
from assistant.events import EXIT_CODES, AssistantError, CodeBlock, Event, Running
from assistant.terminal import words
from assistant.terminal.approve import Approval
from assistant.terminal.commands import arguments, is_command, run_command, table
from assistant.terminal.console import Console, TerminalOptions
from assistant.terminal.faults import caught
from assistant.terminal.plain import PlainConsole
from assistant.terminal.render import Renderer
from assistant.terminal.session import Session
from assistant.terminal.theme import theme
from assistant.transcript import by_user

if TYPE_CHECKING:
    from assistant.chat import Chat

_DUMB = ("", "dumb", "unknown")
_PIPED = 10_000
"""Columns of a screen that is none."""
_INTERRUPTED = EXIT_CODES["interrupted"]


def run_terminal(chat_factory: "Callable[[], Chat]", options: TerminalOptions | None = None) -> int:
    """Hold a session; the exit code.

    ``chat_factory`` is called, in this thread, once the prompt stands, and may take its time: what
    is typed meanwhile waits. At a terminal a session that was left ends with 0; in a pipe, with
    the code of the last turn. An AssistantError of the factory is shown, and its code returned.
    """
    options = options or TerminalOptions()
    desk = _Repl(options)
    try:
        # Before the prompt stands, so that the prompt is never the first line of the screen: when
        # that is erased, tmux takes it for a screen that was cleared and keeps it.
        desk.renderer.say(f"assistant {__version__}: /help shows what can be typed")
        with caught(options.crashed) as desk.faults, desk.console:
            code = desk.run(chat_factory)
        desk.goodbye()
    except BrokenPipeError:  # Whoever read our output has left.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - what is flushed at exit goes nowhere
        return 0
    return code


class _Repl:
    """The loop, and what it holds on to."""

    def __init__(self, options: TerminalOptions) -> None:
        self.options = options
        self.session: Session | None = None
        self.faults: list[str] = []
        self.console = self._open()
        lines = options.output_lines if sys.stdout.isatty() else None
        self.renderer = Renderer(self.console, redact=options.redact, lines=lines)
        self.renderer.shown_by = "/output"

    def _open(self) -> Console:
        """The console for what standard input and output are."""
        dumb = os.environ.get("TERM", "") in _DUMB
        typed, shown = sys.stdin.isatty(), sys.stdout.isatty()
        if typed and shown and not dumb:
            # Late: a pipe needs none of prompt_toolkit.
            from assistant.terminal.completion import Offers, SessionCompleter
            from assistant.terminal.prompt import PromptConsole

            offers = Offers(
                commands=self._commands,
                arguments=lambda name: arguments(self.session, name) if self.session else (),
                about=self._about,
                folder=lambda: self.session.chat.folder if self.session else "",
                text=self._said,
                price=lambda size: f"about {words.count(size // 4, 'token')}",
            )
            styles = theme(self.options.theme, os.environ)
            return PromptConsole(styles, self.options, SessionCompleter(offers))
        if shown and not dumb:
            styles, columns = theme(self.options.theme, os.environ), _columns()
        else:
            styles, columns = theme("text"), _PIPED
        return PlainConsole(styles, columns, prompt=typed)

    def _commands(self) -> list[tuple[str, str]]:
        if not self.session:
            return [("/help", "the commands"), ("/exit", "leave")]
        return [(f"/{command.name}", command.help) for command in table(self.session).values()]

    def _about(self, name: str, argument: str) -> str:
        return self.options.session_titles().get(argument, "") if name == "/resume" else ""

    def _said(self) -> str:
        events = self.session.chat.events[-50:] if self.session else []
        return "\n".join(text for event in events if (text := getattr(event, "text", "")))

    def run(self, chat_factory: "Callable[[], Chat]") -> int:
        """The whole session; its exit code."""
        try:
            chat = chat_factory()
        except AssistantError as error:
            self._complain(error)
            return error.exit_code
        except KeyboardInterrupt:
            return _INTERRUPTED
        approval = Approval(self.console, self.renderer, self.options)
        self.session = Session(chat, self.console, self.renderer, self.options, approval)
        pending = [self.options.first] if self.options.first else []
        code: int | None = None
        while code is None:
            code = self._round(self.session, pending)
            # A signal's exception may come out of a library as an error of another kind, or not.
            if code is None and self.options.ended():
                code = _INTERRUPTED
        return code

    def _round(self, session: Session, pending: list[str]) -> int | None:
        """One thing is read and done; the exit code where it was the last."""
        try:
            while self.faults:
                self.renderer.say(self.faults.pop(0), "class:bad")
            self._handle(session, pending.pop() if pending else self.console.read())
            if not self.console.interactive and self._was_interrupted(session):
                return _INTERRUPTED
        except EOFError:
            return self._code(session)
        except KeyboardInterrupt:
            if not self.console.interactive or self.options.ended():
                return _INTERRUPTED
            self.renderer.say("stopped")
        except AssistantError as error:
            self._complain(error)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the session
            if not self.options.ended():
                self.renderer.say(self.options.crashed(error), "class:bad")
        return None

    def _handle(self, session: Session, text: str) -> None:
        """One thing that was typed: a command, a line for the sandbox, or a message."""
        if not text.strip():
            return
        self.renderer.user(text, typed_here=not self.console.rich)
        if is_command(text):
            run_command(session, text)
        elif text.startswith("!"):
            tell = text.startswith("!!")
            command = text.removeprefix("!!" if tell else "!").strip()
            session.run(CodeBlock("bash", command), tell=tell)
        else:
            session.send(text)

    def _was_interrupted(self, session: Session) -> bool:
        return session.last is not None and session.last.status == "interrupted"

    def _complain(self, error: AssistantError) -> None:
        self.renderer.say(error.message, "class:bad")
        if error.remedy:
            self.renderer.say(error.remedy)

    def _code(self, session: Session) -> int:
        """0 where someone sat there; in a pipe, what the last turn came to."""
        if self.console.interactive or session.last is None:
            return 0
        return EXIT_CODES[session.last.status]

    def goodbye(self) -> None:
        """What the session came to, once the prompt is gone."""
        if not self.session or not any(map(_is_work, self.session.chat.events)):
            return
        spent, session = self.session.chat.spent(), self.session.chat.session
        cost = words.money(None if spent.unpriced else spent.dollars) if spent.tokens else ""
        if not spent.unpriced and spent.dollars > self.session.standing.cost():
            cost = f"{words.money(self.session.standing.cost())}, at most {cost}"
        tokens = self.session.standing.used()
        counted = f"the budget counts {spent.tokens:,}" if spent.tokens > tokens else ""
        used = words.joined(
            (words.count(spent.replies, "reply"), words.count(tokens, "token"), counted, cost)
        )
        self.renderer.say(words.joined((f"session {session}" if session else "", used)))
        if session:
            self.renderer.say(f"go on with it: assistant --resume {session}")


def _is_work(event: Event) -> bool:
    """Whether there is something to go on with once this has happened."""
    return isinstance(event, Running) or by_user(event)


def _columns() -> int:
    with suppress(OSError):
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    return 80
