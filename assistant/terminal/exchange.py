"""What crosses between the thread that works and the thread that keeps the prompt."""

import queue
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from assistant.terminal.markdown import Preview

State = Literal["starting", "idle", "busy", "leaving"]


@dataclass(eq=False)
class Exchange:
    """Each field is written by one side only, or is a queue; so there is no lock to be held.

    ``typed`` holds messages in order, None for leaving. ``shown`` holds final text and how to draw
    what is not final. ``sent`` and ``written`` count its characters, at the one end and the other.
    """

    typed: "queue.SimpleQueue[str | None]" = field(default_factory=queue.SimpleQueue)
    shown: deque[tuple[str, Preview | None]] = field(default_factory=deque)
    sent: int = 0
    written: int = 0
    awake: bool = False
    """The prompt's thread has been told that there is news."""
    state: State = "starting"
    since: float = field(default_factory=time.monotonic)
    status: str = ""
    pulse: str = ""
    """How far what runs has come, where its output is held back."""

    def enter(self, state: State) -> None:
        self.state, self.since = state, time.monotonic()

    def taken_back(self) -> list[str]:
        """The messages that were typed ahead and not yet read."""
        messages: list[str] = []
        while True:
            try:
                message = self.typed.get_nowait()
            except queue.Empty:
                return messages
            if message is not None:
                messages.append(message)
