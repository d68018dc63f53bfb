"""Small parts for tests of the loop: answers and results from lists, in order."""

from collections.abc import Generator, Iterable, Sequence
from decimal import Decimal
from typing import Any

from assistant.events import (
    Checked,
    Checking,
    Chunk,
    CodeBlock,
    ExecResult,
    ModelError,
    Notice,
    Output,
    Replied,
    Retrying,
    Said,
    Usage,
    UsageError,
)


class ListFolder:
    """A workspace in which nothing ever changes."""

    def read(self, path: str, most: int) -> bytes:
        raise UsageError(f"there is no file {path}")

    def diff(self, paths: Sequence[str] = ()) -> str:
        return ""

    def refusals(self) -> list[str]:
        return []

    def apply(self, paths: Sequence[str] | None = None) -> str:
        return ""

    def undo(self, count: int = 1) -> str:
        return ""

    def redo(self, count: int = 1) -> str:
        return ""

    def discard(self) -> str:
        return ""

    def conflicts(self) -> list[str]:
        return []

    def resolve(self, path: str, side: str) -> None: ...


class ListModel:
    """Answers from a list: a text, a whole Replied, or an exception to raise."""

    name = "list"

    def __init__(
        self,
        *replies: str | Replied | BaseException,
        max_reply: int = 1000,
        price: Decimal | None = None,
    ) -> None:
        self.replies = list(replies)
        self.max_reply, self.price = max_reply, price
        self.seen: list[list[Said | Replied]] = []
        self.caps: list[int] = []

    def count(self, messages: Sequence[Said | Replied]) -> int:
        return sum(len(message.text) for message in messages)

    def cost(self, prompt: int, completion: int) -> Decimal | None:
        return None if self.price is None else self.price * (prompt + completion)

    def reply(
        self,
        messages: Sequence[Said | Replied],
        *,
        max_tokens: int,
        seconds: float,
        schema: Any = None,
    ) -> Generator[Chunk | Retrying | Notice, None, Replied]:
        self.seen.append(list(messages))
        self.caps.append(max_tokens)
        if not self.replies:
            raise ModelError("the list of replies is used up")
        reply = self.replies.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        if isinstance(reply, Replied):
            return reply
        yield Chunk(reply)
        prompt = self.count(messages)
        return Replied(reply, Usage(prompt, 0, len(reply), cost=self.cost(prompt, len(reply))))


class ListExecutor:
    """Results from a list; success where the list is used up."""

    def __init__(self, *results: ExecResult | BaseException, told: Iterable[str] = ()) -> None:
        self.results = list(results)
        self.blocks: list[CodeBlock] = []
        self.limits: list[float] = []
        self.told = list(told)

    def look(self) -> Sequence[str]:
        told, self.told = self.told, []
        return told

    def run(self, block: CodeBlock, seconds: float) -> Generator[Output | Notice, None, ExecResult]:
        self.blocks.append(block)
        self.limits.append(seconds)
        result = self.results.pop(0) if self.results else ExecResult(0, "")
        if isinstance(result, BaseException):
            raise result
        if result.output:
            yield Output(result.output)
        return result


class ListCheck:
    """Verdicts from a list."""

    command = "the check"

    def __init__(self, *verdicts: bool) -> None:
        self.verdicts = list(verdicts)

    def run(self, seconds: float) -> Generator[Checking | Output | Notice, None, Checked]:
        yield Checking(self.command)
        passed = self.verdicts.pop(0)
        return Checked(passed, self.command, 0 if passed else 1, "check output")
