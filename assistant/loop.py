"""The conversation loop: ask the model, run its blocks, feed back, until an ending that is true."""

from collections.abc import Callable, Generator, Sequence
from contextlib import suppress

from assistant import feedback
from assistant.asking import Asking, Ended, Run
from assistant.budget import Exhausted
from assistant.code.blocks import blocks
from assistant.events import (
    Checked,
    CodeBlock,
    Event,
    ExecResult,
    Finished,
    ModelError,
    Notice,
    Ran,
    Running,
    Said,
    SandboxError,
)
from assistant.files_in_use import reader
from assistant.meaning import meant
from assistant.prompts import prompt
from assistant.protocols import Check, Executor, Model, Terms
from assistant.transcript import steady, this_turn

SAME_FAILURES = 3
"""The same block failing the same way so often ends the run."""
SAME_OUTCOMES = 3
"""The same block coming to the same so often is told to the model; once more ends the run."""


def converse(
    past: Sequence[Event],
    model: Model,
    executor: Executor,
    terms: Terms,
    turn: "MakeTurn | None" = None,
) -> Run:
    """One turn: events from the user's last message in ``past`` to ``Finished``, always the last.

    The caller appends what it wants to keep; nothing is printed, slept or written here. ``turn``
    makes a turn of another kind, which follows replies in its own way.
    """
    try:
        yield from (turn or Turn)(past, model, executor, terms).steps()
    except Ended as ended:
        status, detail = ended.status, ended.detail
    except ModelError as error:
        status, detail = "model-error", str(error)
    except SandboxError as error:
        status, detail = "sandbox-error", str(error)
    except KeyboardInterrupt as interrupt:
        yield from stopped(interrupt)
        return
    yield Finished(status, detail)


def said(text: str, turn: Callable[[], Run]) -> Run:
    """The user's message, and the turn that follows: one ending, wherever a Ctrl-C lands."""
    try:
        yield Said(text)
    except KeyboardInterrupt as interrupt:
        yield from stopped(interrupt)
    else:
        yield from turn()


def stopped(interrupt: KeyboardInterrupt) -> Run:
    """How a turn ends that was interrupted, however often it is while it ends."""
    with suppress(KeyboardInterrupt):
        yield Said(prompt("interrupted", what="you"), "result")
    yield Finished("interrupted", str(interrupt))


class Turn(Asking):
    """One turn: asks and runs, until something ends it."""

    def __init__(
        self, past: Sequence[Event], model: Model, executor: Executor, terms: Terms
    ) -> None:
        super().__init__(past, model, terms)
        self.executor, self.read = executor, reader(executor)
        self.told: set[CodeBlock] = set()  # Of these the model was told that they bring nothing.
        self.stopped_before = False  # The last reply, too, had nothing to run.

    def steps(self) -> Run:
        """Ask and run until something ends it; every ending is an exception."""
        if sentences := self.executor.look():
            text = "\n".join(sentences)
            yield Notice(text)
            yield self.keep(Said(prompt("outside_changes", sentences=text), "result"))
        empty = False
        while True:
            try:
                reply = yield from self.ask()
            except Exhausted as exhausted:
                yield from self.last_chance(Ended("budget", str(exhausted)))
                return
            if reply.finish == "length":
                yield self.keep(Said(prompt("reply_cut"), "result"))
            elif not reply.text.strip():
                if empty:
                    raise Ended("stuck", "two empty replies in a row")
                empty = True
                yield self.keep(Said(prompt("empty_reply"), "result"))
            else:
                empty = False
                yield from self.follow(blocks(reply.text))

    def follow(self, found: Sequence[CodeBlock]) -> Run:
        """Run what a reply asks for; without anything to run the model has stopped."""
        unsure = sum(block.action == "show" and not block.lang for block in found)
        if any(block.action != "show" for block in found):
            yield from self.run_blocks(found, unsure)
            self.stopped_before = False
        elif unsure and not self.stopped_before:
            self.stopped_before = True
            yield self.keep(Said(prompt("untagged", count=unsure), "result"))
        else:
            yield from self.settle()
            self.stopped_before = True

    def run_blocks(self, found: Sequence[CodeBlock], unsure: int) -> Run:
        """The blocks in order, up to the first that fails; then the model hears of them."""
        ran: list[tuple[CodeBlock, ExecResult]] = []
        ended: Ended | None = None
        repeated: list[CodeBlock] = []
        for block in found:
            if block.action == "show":
                continue
            remaining = self.left()
            if block.action == "run" and remaining.blocks < 1:
                ended = Ended("budget", "all blocks of the budget are used")
                break
            limit = max(min(self.terms.block_seconds, remaining.seconds), 1.0)
            block, result = yield from self.run_block(block, limit)
            ran.append((block, result))
            times = self.repeats(block, result) if result.ok else 0
            if times >= SAME_OUTCOMES:
                repeated.append(block)
            ended = self.ending(block, result, times)
            if ended or not result.ok:
                break
        heard = feedback.results(found, ran, unsure)
        if repeated:
            self.told.update(repeated)
            heard = f"{heard}\n\n{prompt('repeated', count=SAME_OUTCOMES)}"
        yield self.keep(Said(heard, "result"))
        if ended and (ended.status == "budget" or repeated):
            yield from self.last_chance(ended)
        if ended:
            raise ended

    def run_block(
        self, block: CodeBlock, limit: float
    ) -> Generator[Event, None, tuple[CodeBlock, ExecResult]]:
        """One block as it is meant, and its result: what was told as begun is told as ended."""
        block, result = meant(block)
        try:
            yield self.keep(Running(block))
            result = result or (yield from self.executor.run(block, limit))
        except KeyboardInterrupt:
            result = ExecResult(130, "", reason="cancelled")
        yield self.keep(Ran(block, result))
        return block, result

    def note(self, block: CodeBlock, result: ExecResult) -> Run:
        """A block that was taken without running: begun and ended."""
        try:
            yield self.keep(Running(block))
        except KeyboardInterrupt:
            yield self.keep(Ran(block, result))
            raise
        yield self.keep(Ran(block, result))

    def ending(self, block: CodeBlock, result: ExecResult, times: int) -> Ended | None:
        """How the turn ends with this block, if it does; it came to the same so many ``times``."""
        if result.reason == "cancelled":
            when = "while code ran" if result.seconds else "before the code ran"
            return Ended("interrupted", when)
        if not result.ok and self.failures(block, result) >= SAME_FAILURES:
            return Ended("stuck", f"the same block failed the same way {SAME_FAILURES} times")
        if times >= SAME_OUTCOMES and block in self.told:
            return Ended("stuck", f"the same block came to the same {times} times")
        return None

    def failures(self, block: CodeBlock, result: ExecResult) -> int:
        """How often in this turn the same block has failed the same way."""

        def way(event: Ran) -> tuple[object, ...]:
            failed = event.result
            return event.block, failed.exit_code, failed.reason, steady(failed.output)

        wanted = way(Ran(block, result))
        turn = this_turn(self.events)
        return sum(isinstance(event, Ran) and way(event) == wanted for event in turn)

    def repeats(self, block: CodeBlock, result: ExecResult) -> int:
        """How often the same block has come to the same, without anything new in between.

        New is a block that was not there before in this turn and changed files: running the same
        tests after each change is no loop.
        """
        seen: list[CodeBlock] = []
        count, output = 0, steady(result.output)
        for event in this_turn(self.events):
            if not isinstance(event, Ran):
                continue
            if event.result.files and event.block not in seen and event.block != block:
                count = 0
            seen.append(event.block)
            same = event.block == block and event.result.ok
            count += same and steady(event.result.output) == output
        return count

    def settle(self) -> Run:
        """The model has stopped: the check decides, else the last block that ran."""
        if self.terms.check:
            checked = yield from self.judge(self.terms.check)
            if checked.passed:
                raise Ended("done")
            if self.stopped_before:
                raise Ended("check-failed", checked.detail)
            yield self.keep(Said(feedback.verdict(checked), "result"))
            return
        results = [e.result for e in this_turn(self.events) if isinstance(e, Ran)]
        executed = [result for result in results if result.reason != "declined"]
        if executed and not executed[-1].ok:
            raise Ended("gave-up", "the last block that ran had failed")
        raise Ended("done")

    def judge(self, check: Check) -> Generator[Event, None, Checked]:
        limit = min(self.terms.check_seconds, self.left().seconds)
        if limit <= 0:
            raise Ended("budget", "the time of the budget is over")
        checked = yield from check.run(max(limit, 1.0))
        yield self.keep(checked)
        return checked

    def last_chance(self, ended: Ended) -> Run:
        """The run is to end. Work that was not yet checked is, so that the ending is true."""
        unchecked = next(
            (e for e in reversed(this_turn(self.events)) if isinstance(e, Ran | Checked)), None
        )
        if self.terms.check and isinstance(unchecked, Ran) and self.left().seconds > 0:
            checked = yield from self.judge(self.terms.check)
            if checked.passed:
                raise Ended("done", f"the check passes; {ended.detail}")
        raise ended


MakeTurn = Callable[[Sequence[Event], Model, Executor, Terms], Turn]


def drive(run: Run, *sinks: Callable[[Event], None]) -> Finished:
    """Pour a run into sinks, in order, and return its ending.

    A Ctrl-C that lands in a sink is thrown into the run once every sink has the event, so that
    it ends in one place and no sink misses what another one saw.
    """
    event = next(run)
    while True:
        interrupt = deliver(event, sinks)
        if isinstance(event, Finished):
            run.close()
            return event
        event = run.throw(interrupt) if interrupt else next(run)


def deliver(event: Event, sinks: Sequence[Callable[[Event], None]]) -> KeyboardInterrupt | None:
    """Hand an event to every sink; the Ctrl-C that landed in one of them, if one did."""
    interrupt = None
    for sink in sinks:
        try:
            sink(event)
        except KeyboardInterrupt as caught:
            interrupt = caught
    return interrupt
