"""Replay: what a real run told is told again; a block that differs is an error that shows where."""

import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from assistant.events import CodeBlock, ExecResult, Notice, Output, Ran, SandboxError
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.options import Life
from assistant.sandbox.replay import ReplaySandbox
from tests.sandbox.contract import Contract, Make, Run, Store, finish, go

HELLO = CodeBlock("python", "print('hello')")
SECOND = CodeBlock("bash", "false", path="a/b.sh")


class Rerun:
    """A local sandbox whose results all pass through a record and its replay."""

    def __init__(self, sandbox: LocalSandbox) -> None:
        self._sandbox = sandbox

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sandbox, name)

    def run(self, block: CodeBlock, seconds: float) -> Run:
        if "while True: pass" in block.code or "sleep(60)" in block.code:
            return self._sandbox.run(block, seconds)  # Ended by somebody who watches it live.
        return self._replayed(block, seconds)

    def _replayed(
        self, block: CodeBlock, seconds: float
    ) -> Generator[Output | Notice, None, ExecResult]:
        _, result = finish(self._sandbox.run(block, seconds))
        return (yield from ReplaySandbox([Ran(block, result)]).run(block, seconds))


class TestReplayed(Contract):
    @pytest.fixture
    def make(self) -> Iterator[Make]:
        with ExitStack() as stack:

            def make(life: Life = "session") -> Rerun:
                options = LocalOptions(dict(os.environ), life)
                return Rerun(stack.enter_context(LocalSandbox(options)))

            yield make


def test_results_come_in_the_recorded_order() -> None:
    first, second = ExecResult(0, "hello\n", 0.2, image="sha256:1"), ExecResult(1, "")
    with ReplaySandbox([Output("x"), Ran(HELLO, first), Ran(SECOND, second)]) as sandbox:
        assert sandbox.image == "sha256:1"
        assert finish(sandbox.run(HELLO, 1)) == ("hello\n", first)
        assert finish(sandbox.run(SECOND, 1)) == ("", second)
        assert not sandbox.look()
        assert not sandbox.pull(Store())


def test_a_block_that_differs_is_an_error_with_a_diff() -> None:
    recorded = CodeBlock("python", "a = 1\nprint('hello')\n")
    with pytest.raises(SandboxError) as caught:
        go(ReplaySandbox([Ran(recorded, ExecResult(0, ""))]), "a = 1\nprint('bye\x1b[2J')\n")
    assert "-print('hello')" in caught.value.message
    assert "+print('bye\\x1b[2J')" in caught.value.message
    assert "\x1b" not in caught.value.message


def test_a_path_or_language_that_differs_is_an_error() -> None:
    with pytest.raises(SandboxError, match=r"-\[run bash a/b.sh\]\n\+\[run bash a/c.sh\]"):
        go(ReplaySandbox([Ran(SECOND, ExecResult(0, ""))]), "false", "bash", path="a/c.sh")


def test_a_record_that_ends_too_early() -> None:
    with pytest.raises(SandboxError, match="Block 1 is not in the record"):
        go(ReplaySandbox([]), "1")
