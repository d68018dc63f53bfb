"""The sandbox's half of a copy: what it holds, as host and sandbox last agreed."""

from collections.abc import Generator
from typing import Protocol

from assistant.events import CodeBlock, ExecResult, Notice, Output, UsageError
from assistant.sandbox.blobs import Blobs
from assistant.sandbox.overlay import puts, received
from assistant.sandbox.tree import Delta, Tree

Run = Generator[Output | Notice, None, ExecResult]


class RawSandbox(Protocol):
    """Where blocks run, with a workspace of its own. ``pull`` says what changed since the last
    ``put`` or ``pull``; ``put`` takes removals first."""

    @property
    def image(self) -> str: ...
    def put(self, delta: Delta, blobs: Blobs, /) -> None: ...
    def pull(self, blobs: Blobs, /) -> Delta: ...
    def run(self, block: CodeBlock, seconds: float, /) -> Run: ...


class Mirror:
    """A sandbox and the tree that is known to be in it."""

    def __init__(self, sandbox: RawSandbox | None, blobs: Blobs) -> None:
        self._sandbox, self._blobs = sandbox, blobs
        self.held: Tree = {}
        self.filled = False
        """Whether it ever got the copy; before its first block it does not."""

    @property
    def sandbox(self) -> RawSandbox:
        """Raises UsageError where there is none."""
        if self._sandbox is None:
            raise UsageError("there is no sandbox here: changes can be seen and applied only")
        return self._sandbox

    @property
    def left_out(self) -> tuple[str, ...]:
        """What the last look inside did not bring, in sentences, from a sandbox that says so."""
        return tuple(getattr(self.sandbox, "left_out", ()))

    def fill(self, wanted: Tree) -> None:
        """Bring the sandbox to ``wanted``, with as little as will do."""
        if wanted is not self.held:
            for delta in puts(self.held, wanted):
                self.sandbox.put(delta, self._blobs)
        self.held, self.filled = wanted, True

    def follow(self) -> bool:
        """See what changed inside; True if anything did."""
        if not self.filled or not (delta := self.sandbox.pull(self._blobs)):
            return False
        self.held = received(self.held, delta)
        return True
