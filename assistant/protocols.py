"""What the loop asks of its parts, and what it is held to. Parts fit these by shape."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from assistant.budget import Budget
from assistant.events import (
    Asked,
    Checked,
    Checking,
    Chunk,
    CodeBlock,
    ExecResult,
    Notice,
    Output,
    Replied,
    Retrying,
    Said,
)


class Model(Protocol):
    """What answers. ``reply`` yields pieces and returns the whole; ``max_tokens`` caps the reply.

    Raises ModelError where no further try can help; a stream that broke off is a Replied.
    """

    @property
    def name(self) -> str: ...
    @property
    def max_reply(self) -> int: ...
    def count(self, messages: Sequence[Said | Replied], /) -> int: ...
    def cost(self, prompt: int, completion: int, /) -> Decimal | None: ...
    def reply(
        self,
        messages: Sequence[Said | Replied],
        /,
        *,
        max_tokens: int,
        seconds: float,
        schema: Any = None,
    ) -> Generator[Chunk | Retrying | Notice, None, Replied]: ...


def window_of(model: Model) -> int | None:
    """Tokens of prompt and reply together that the model can hold.

    ``window`` is for a model to have or not; None where it says nothing or does not know.
    """
    window: int | None = getattr(model, "window", None)
    return window


class Executor(Protocol):
    """What runs blocks. ``look`` carries changes from outside in, and says what they were.

    Code that fails is a result; a sandbox that fails raises SandboxError. A Ctrl-C during ``run``
    ends the block and comes back as a result with the reason "cancelled".
    """

    def look(self) -> Sequence[str]: ...
    def run(
        self, block: CodeBlock, seconds: float, /
    ) -> Generator[Output | Notice | Asked, None, ExecResult]: ...


class Check(Protocol):
    """What "the task passes" means."""

    @property
    def command(self) -> str: ...
    def run(
        self, seconds: float, /
    ) -> Generator[Checking | Output | Notice | Asked, None, Checked]: ...


class Workspace(Protocol):
    """What a chat asks of the folder that the code works on."""

    def read(self, path: str, most: int) -> bytes: ...
    def diff(self, paths: Sequence[str] = ()) -> str: ...
    def refusals(self) -> list[str]: ...
    def apply(self, paths: Sequence[str] | None = None) -> str: ...
    def undo(self, count: int = 1) -> str: ...
    def redo(self, count: int = 1) -> str: ...
    def discard(self) -> str: ...
    def conflicts(self) -> list[str]: ...
    def resolve(self, path: str, side: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run is held to: caps for this message and for the session, limits, the check."""

    budget: Budget = field(default_factory=Budget)
    session: Budget | None = None
    check: Check | None = None
    block_seconds: float = 120.0
    check_seconds: float = 600.0
    clock: Callable[[], float] = time.monotonic
