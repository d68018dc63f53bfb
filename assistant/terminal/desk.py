"""The prompt's own thread: the line editor, the keys, the frames that are drawn."""

import asyncio
import contextvars
import fcntl
import signal
import termios
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import Completer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import History, InMemoryHistory
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from assistant.terminal import words
from assistant.terminal.console import TerminalOptions
from assistant.terminal.exchange import Exchange
from assistant.terminal.footer import question_line, status_line, tail
from assistant.terminal.history import FileHistory
from assistant.terminal.keys import bindings
from assistant.terminal.layout import layout
from assistant.terminal.markdown import Preview
from assistant.terminal.output import FramedOutput
from assistant.terminal.pastes import Pastes, tidy
from assistant.terminal.theme import Theme

FRAME = 0.05
"""Seconds between redraws for text that streams; what is typed is echoed at once."""
_TWICE = 1.0
"""Seconds: a second Ctrl-C at the empty prompt within this leaves."""
_LINE_MODE = 0.01
"""Seconds in which keys that were typed before the start have all been read."""
_PATIENCE = 0.2
"""Seconds between two signals to the main thread, however often Ctrl-C is pressed."""


class Desk:
    """Where the user types. All methods run in the prompt's thread."""

    def __init__(
        self, exchange: Exchange, theme: Theme, options: TerminalOptions, completer: Completer
    ) -> None:
        self.exchange, self.enter_sends = exchange, options.enter_sends
        self.just_begun = True
        self._sandbox, self._told = options.sandbox_state, ""
        self.drawn = threading.Event()
        self.fault = ""
        self._preview: Preview | None = None
        self._paused = False
        self._question: tuple[Future[str], str, Document] | None = None
        self._hint, self._hint_until = "", 0.0
        self._pressed = self._signalled = float("-inf")
        self._pastes = Pastes()
        self._history: History = InMemoryHistory()
        if options.history:
            self._history = FileHistory(options.history, options.redact)
        self.buffer = Buffer(
            history=self._history,
            completer=completer,
            complete_while_typing=Condition(lambda: self._question is None),
            accept_handler=self._accept,
            multiline=True,
            tempfile_suffix=".md",
        )
        self.output = FramedOutput()
        self.app = self._application(theme, options.vi)

    def _application(self, theme: Theme, vi: bool) -> "Application[None]":
        app: Application[None] = Application(
            layout(
                self.buffer,
                prompt=self._before,
                live=self._live,
                status=self._status,
                rows=lambda: self.output.get_size().rows,
            ),
            style=Style.from_dict(dict(theme.styles)),
            include_default_pygments_style=False,
            key_bindings=bindings(self),
            editing_mode=EditingMode.VI if vi else EditingMode.EMACS,
            erase_when_done=True,
            output=self.output,
            color_depth=ColorDepth.DEPTH_4_BIT if theme.coloured else ColorDepth.DEPTH_1_BIT,
            after_render=lambda _: self.drawn.set(),
        )
        app.terminal_size_polling_interval = 0.2
        app.ttimeoutlen = 0.1
        return app

    def run(self) -> None:
        """Keep the prompt until the app is told to exit."""
        self.app.run(pre_run=self._start, set_exception_handler=False, handle_sigint=False)

    def _start(self) -> None:
        self.news = asyncio.Event()
        self._context = contextvars.copy_context()  # In which this is the app that runs.
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._failed)
        loop.call_soon(self._look_for_early_keys, loop)
        self.app.create_background_task(self._frames()).add_done_callback(self._no_frames)

    def _look_for_early_keys(self, loop: asyncio.AbstractEventLoop) -> None:
        """What was typed before the raw mode lies there to be read; without it nothing is early."""
        waiting = fcntl.ioctl(self.app.input.fileno(), termios.FIONREAD, bytes(4))
        if any(waiting):
            loop.call_later(_LINE_MODE, lambda: setattr(self, "just_begun", False))
        else:
            self.just_begun = False

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A fault in a key or in completion costs that key, not the session."""
        self._tell(f"that key failed: {context.get('exception') or context.get('message')}", 5)

    def _no_frames(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) and not self.app.is_done:
            self.app.exit(exception=error)

    # Frames.

    async def _frames(self) -> None:
        while True:
            try:
                # By what the screen says of the sandbox: it may have changed since it was drawn.
                busy = self.exchange.state != "idle" or self._hint or "start" in self._told
                # Not wait_for: before Python 3.12 it loses a cancellation that meets the news.
                async with asyncio.timeout(1.0 if busy else None):
                    await self.news.wait()
            except TimeoutError:  # The running time in the status line goes on.
                self.app.invalidate()
                continue
            self.news.clear()
            if not self._paused:
                self._draw()
            await asyncio.sleep(FRAME)

    def _draw(self) -> None:
        """Put what is new above the prompt and draw the prompt again, in one write."""
        exchange, texts = self.exchange, []
        exchange.awake = False
        while exchange.shown:
            text, self._preview = exchange.shown.popleft()
            texts.append(text)
        with self.output.frame():
            if text := "".join(texts):
                self.app.renderer.erase()
                self.output.write_raw(text)
            self.app.render_counter += 1  # What is drawn is kept for as long as this stays.
            self.app.renderer.render(self.app, self.app.layout)
        exchange.written += len(text)

    def _live(self) -> StyleAndTextTuples:
        return tail(self._preview, self.output.get_size()) if self._preview else []

    def _before(self, row: int) -> str:
        return "  " if row else "? " if self._question else "> "

    def _status(self) -> StyleAndTextTuples:
        if time.monotonic() > self._hint_until:
            self._hint = ""
        columns = self.output.get_size().columns
        if self._question:
            return question_line(words.joined((self._hint, self._question[1])), columns)
        mode = "" if self.enter_sends else "Alt-Enter sends"
        self._told = self._sandbox()
        return status_line(self._hint, mode, self._told, self.exchange, columns)

    def look(self) -> None:
        """Something else than text is new: draw at once, and see anew how often to draw."""
        self.app.invalidate()
        self.news.set()

    def _tell(self, hint: str, lasting: float = _TWICE) -> None:
        self._hint, self._hint_until = hint, time.monotonic() + lasting
        self.news.set()

    # What the keys do.

    def _accept(self, buffer: Buffer) -> bool:
        text = tidy(self._pastes.unfold(buffer.text))
        if self._question:
            answer = self._question[0]
            if not answer.done():
                answer.set_result(text)
        elif text.strip() in ("/exit", "/quit") and self.exchange.state == "starting":
            self.leave()
        else:
            if text.strip():
                self._history.append_string(text)
            self.exchange.typed.put(text)
        buffer.reset()
        self._pastes = Pastes()
        return True

    def interrupt(self) -> None:
        """Ctrl-C: stops what runs; else clears the line; on an empty line, twice, it leaves."""
        now = time.monotonic()
        if self._paused or self.exchange.state == "leaving":
            return
        if self._question or self.exchange.state == "busy":
            self._return_typed()
            self._signal(now)
        elif self.buffer.text:
            self.buffer.reset()
            self._pastes = Pastes()
        elif now - self._pressed < _TWICE:
            self.leave()
        else:
            self._return_typed()
            self._pressed = now
            self._tell("Ctrl-C again leaves")

    def leave(self) -> None:
        """Ctrl-D on an empty line."""
        if self._question:
            self._accept(self.buffer)
        elif self.exchange.state == "busy":
            self._tell("Ctrl-C stops what is running; then Ctrl-D leaves", 3)
        else:
            self.exchange.typed.put(None)
            if self.exchange.state == "starting":
                self._signal(time.monotonic())

    def paste(self, text: str) -> None:
        self.buffer.insert_text(self._pastes.fold(tidy(text)))

    def edit(self) -> None:
        self._paused = True
        self.buffer.open_in_editor().add_done_callback(lambda _: self._resume())

    def lend(self, use: Callable[[], bool], ended: "Future[bool]") -> None:
        """Leave the terminal to another program for as long as ``use`` takes."""
        self._paused = True
        lent = self._context.run(lambda: run_in_terminal(use, in_executor=True))

        def over(task: "asyncio.Future[bool]") -> None:
            self._resume()
            if not ended.done():
                ended.set_result(not task.cancelled() and not task.exception() and task.result())

        asyncio.ensure_future(lent).add_done_callback(over)

    def _resume(self) -> None:
        self._paused = False
        self.news.set()

    def _signal(self, now: float) -> None:
        """Raise KeyboardInterrupt in the main thread, also out of a blocking call."""
        if now - self._signalled > _PATIENCE:
            self._signalled = now
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _return_typed(self) -> None:
        """Messages typed ahead come back to the prompt: after a Ctrl-C nothing runs unasked."""
        if messages := self.exchange.taken_back():
            held = [*messages, self.buffer.text] if self.buffer.text else messages
            self.buffer.document = Document("\n".join(held))

    # Questions.

    def open_question(self, answer: "Future[str]", question: str) -> None:
        self._question = (answer, question, self.buffer.document)
        self.buffer.reset()
        self.app.invalidate()

    def close_question(self) -> None:
        if self._question:
            self.buffer.document = self._question[2]
            self._question = None
            self.app.invalidate()
