"""A sandbox that is opened in the background, while the user types or the model thinks."""

import threading
from collections.abc import Callable, Generator
from typing import Self

from assistant.events import AssistantError, CodeBlock, ExecResult, Notice, Output, SandboxError
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.running import RunnerSandbox
from assistant.sandbox.tree import Delta


class EarlySandbox:
    """Opens what ``opener`` makes in a thread of its own; each use waits for that first.

    What goes wrong meanwhile is raised at the first use: a conversation that runs nothing needs
    no sandbox.
    """

    def __init__(self, opener: Callable[[], RunnerSandbox]) -> None:
        self._opener = opener
        self._sandbox: RunnerSandbox | None = None
        self._error: AssistantError | None = None
        self._turn = threading.Lock()  # Taken by whoever is first: the thread, or the end.
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._open, name="sandbox", daemon=True)

    def _open(self) -> None:
        if not self._turn.acquire(blocking=False):
            return
        try:
            self._sandbox = self._opener()
            self._sandbox.open()
        except AssistantError as error:  # Raised again in the thread that asks.
            self._error = error
        finally:
            self._done.set()

    def __enter__(self) -> Self:
        try:
            self._thread.start()
        except BaseException:  # A signal; the thread may have begun nevertheless.
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        if not self._turn.acquire(blocking=False):
            self._done.wait()
        if self._sandbox is not None:
            self._sandbox.close()

    @property
    def state(self) -> str:
        """opening, open or failed; asking waits for nothing."""
        if self._error is not None:
            return "failed"
        return "opening" if self._thread.is_alive() else "open"

    @property
    def trouble(self) -> AssistantError | None:
        """Why it could not be opened; None while that is not known, or all is well."""
        return self._error

    def stands(self) -> bool:
        """Whether it is open and not known to have ended; waits until it is open."""
        self._done.wait()
        return self._sandbox is not None and self._sandbox.stands

    def _opened(self) -> RunnerSandbox:
        self._done.wait()
        if self._error is not None:
            raise self._error
        if self._sandbox is None:
            raise SandboxError("the sandbox was never opened")
        return self._sandbox

    @property
    def image(self) -> str:
        return self._opened().image

    @property
    def left_out(self) -> tuple[str, ...]:
        return self._opened().left_out

    def put(self, delta: Delta, blobs: Blobs) -> None:
        self._opened().put(delta, blobs)

    def pull(self, blobs: Blobs) -> Delta:
        return self._opened().pull(blobs)

    def run(self, block: CodeBlock, seconds: float) -> Generator[Output | Notice, None, ExecResult]:
        return (yield from self._opened().run(block, seconds))
