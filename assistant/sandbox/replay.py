"""Answers blocks from a record instead of running them; a block that differs is an error."""

import difflib
from collections import deque
from collections.abc import Generator, Iterable, Sequence

from assistant.closing import Closing
from assistant.events import CodeBlock, Event, ExecResult, Notice, Output, Ran, SandboxError
from assistant.sandbox.names import shown
from assistant.sandbox.tree import Delta, Store

_REMEDY = "The record fits another conversation, or the program has changed since"


class ReplaySandbox(Closing):
    """Results in the order in which ``events`` (those of a record) tell them; nothing runs.

    Files are not replayed: ``put`` keeps nothing and ``pull`` tells no change.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self._left = deque(event for event in events if isinstance(event, Ran))
        self._count = 0
        self.image = next((e.result.image for e in self._left if e.result.image), "replay")

    def close(self) -> None:
        pass

    def look(self) -> Sequence[str]:
        return ()

    def put(self, delta: Delta, blobs: Store) -> None:
        pass

    def pull(self, blobs: Store) -> Delta:
        return Delta()

    def run(self, block: CodeBlock, seconds: float) -> Generator[Output | Notice, None, ExecResult]:
        """The recorded result; raises SandboxError with a diff where the recorded block differs."""
        self._count += 1
        if not self._left:
            raise SandboxError(
                f"Block {self._count} is not in the record, which ends before it", _REMEDY
            )
        recorded = self._left.popleft()
        if recorded.block != block:
            raise SandboxError(
                f"Block {self._count} is not the recorded one:\n{_diff(recorded.block, block)}",
                _REMEDY,
            )
        if recorded.result.output:
            yield Output(recorded.result.output)
        return recorded.result


def _diff(recorded: CodeBlock, now: CodeBlock) -> str:
    lines = difflib.unified_diff(_lines(recorded), _lines(now), "recorded", "now", lineterm="", n=2)
    return "\n".join(shown(line) for line in lines)


def _lines(block: CodeBlock) -> list[str]:
    head = f"[{block.action} {block.lang}{' ' + block.path if block.path else ''}]"
    return [head, *block.code.splitlines()]
