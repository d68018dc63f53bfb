"""The console at a real terminal: one prompt that stays, with all that happens scrolling above it.

The prompt runs in a thread of its own, so that typing goes on while the main thread streams a reply
and so that Ctrl-C reaches the main thread as a signal. Text crosses over as whole final rows plus a
way to draw the unfinished one; both appear in one write to the terminal, at most 20 times a second.
"""

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

from prompt_toolkit.completion import Completer

from assistant.events import AssistantError
from assistant.terminal.console import TerminalOptions
from assistant.terminal.desk import FRAME, Desk
from assistant.terminal.exchange import Exchange
from assistant.terminal.markdown import Preview
from assistant.terminal.output import screen_size
from assistant.terminal.pager import paged, pager
from assistant.terminal.plain import forgiving
from assistant.terminal.sanitize import visible
from assistant.terminal.theme import Line, Theme
from assistant.terminal.wrap import wrap

_AHEAD = 2_000_000
"""Characters that may wait for a slow terminal before whoever writes them has to wait too."""


class PromptConsole:
    """A console at a terminal that knows control sequences. Used ``with``, by the main thread."""

    rich = True
    interactive = True

    def __init__(self, theme: Theme, options: TerminalOptions, completer: Completer) -> None:
        forgiving(sys.stdout)
        self._theme = theme
        self._exchange = Exchange()
        self._desk = Desk(self._exchange, theme, options, completer)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="prompt")
        self._ended: Future[None] | None = None
        self._asked: Future[str] | None = None
        self._lent: Future[bool] | None = None

    def __enter__(self) -> Self:
        self._ended = self._pool.submit(self._desk.run)
        self._ended.add_done_callback(lambda _: self._gone())
        while not self._desk.drawn.wait(FRAME) and self._runs():
            pass
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._exchange.enter("leaving")  # From here on no Ctrl-C leaves the terminal half restored.
        self._flush()
        app = self._desk.app
        self._call(lambda: app.is_done or app.exit())
        self._pool.shutdown()
        self._write()
        fault = self._ended.exception() if self._ended else None
        if fault and kind is None and not isinstance(fault, EOFError | OSError):
            raise AssistantError(f"the prompt failed: {fault!r}") from fault

    @property
    def columns(self) -> int:
        return screen_size().columns

    def show(self, rows: Iterable[Line], live: Preview | None = None) -> None:
        """Add final rows above the prompt, and say how to draw what is not final."""
        self._send("".join(f"{self._theme.paint(row)}\r\n" for row in rows), live)

    def draw(self, sequences: str) -> None:
        self._send(f"{sequences}\r\n", None)

    def _send(self, text: str, live: Preview | None) -> None:
        exchange = self._exchange
        exchange.sent += len(text)
        exchange.shown.append((text, live))
        if not self._runs():
            self._write()
        elif not exchange.awake:
            exchange.awake = True
            self._call(self._desk.news.set)
        while exchange.sent - exchange.written > _AHEAD and self._runs():
            time.sleep(FRAME / 2)

    def pulse(self, text: str) -> None:
        """In the line under the prompt, which is drawn again each second."""
        self._exchange.pulse = text

    def status(self, text: str) -> None:
        self._exchange.status = text

    def read(self) -> str:
        """The next message. Raises EOFError when the user leaves or the terminal is gone."""
        exchange = self._exchange
        while True:
            exchange.enter("idle")
            self._call(self._desk.look)
            try:
                text = exchange.typed.get()
                exchange.enter("busy")
            except KeyboardInterrupt as interrupt:  # A signal from outside, or one that came late.
                if type(interrupt) is not KeyboardInterrupt:  # It ends more than what runs.
                    raise
                self._call(self._desk.interrupt)
                continue
            if text is None:
                raise EOFError
            self._call(self._desk.news.set)
            return text

    def ask(self, question: str) -> str:
        """The answer to a question. Ctrl-C raises KeyboardInterrupt; Ctrl-D answers nothing.

        One that is too long for the line under the prompt stands above it, too.
        """
        self._flush()
        self._asked = answer = Future[str]()
        self._call(lambda: self._desk.open_question(answer, question))
        if len(question) >= (columns := self.columns):  # Seen only once it can be answered.
            self.show(wrap([("class:warn", visible(question))], columns))
        try:
            return answer.result().strip() if self._runs() else ""
        finally:
            self._asked = None
            self._call(self._desk.close_question)

    def page(self, lines: Sequence[str]) -> bool:
        """Show lines in the user's pager, where they are more than the window has rows for."""
        command = pager(os.environ)
        if len(lines) < screen_size().rows or not command or not self._runs():
            return False
        self._flush()
        ended = self._lent = Future[bool]()
        text = "".join(f"{line}\n" for line in lines)
        self._call(lambda: self._desk.lend(lambda: paged(command, text), ended))
        try:
            while True:
                try:
                    return ended.result() if self._runs() else True
                except KeyboardInterrupt as interrupt:  # It is the pager's.
                    if type(interrupt) is not KeyboardInterrupt:
                        raise
        finally:
            self._lent = None

    def _gone(self) -> None:
        """The prompt has ended: whoever waits for something typed waits in vain."""
        asked, lent = self._asked, self._lent
        if asked and not asked.done():
            asked.set_result("")
        if lent and not lent.done():
            lent.set_result(True)
        self._exchange.typed.put(None)

    def _runs(self) -> bool:
        return self._ended is not None and not self._ended.done()

    def _call(self, call: Callable[[], Any]) -> None:
        """Have the prompt's thread call something, if it still runs."""
        loop = self._desk.app.loop
        if loop and self._runs():
            try:
                loop.call_soon_threadsafe(call)
            except RuntimeError:  # It was closed this moment.
                return

    def _flush(self) -> None:
        """Wait until all that was shown is on the screen."""
        while self._exchange.written < self._exchange.sent and self._runs():
            time.sleep(FRAME / 10)

    def _write(self) -> None:
        """Without a prompt, straight to the terminal."""
        while self._exchange.shown:
            text, _ = self._exchange.shown.popleft()
            sys.stdout.write(text)
            self._exchange.written += len(text)
        sys.stdout.flush()
