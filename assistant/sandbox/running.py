"""Runs blocks by way of a runner, in whatever place that was started; keeps files in step."""

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.closing import Closing
from assistant.events import (
    CodeBlock,
    ExecResult,
    Notice,
    Output,
    SandboxError,
    SandboxKilled,
)
from assistant.sandbox.notes import left_out, notes
from assistant.sandbox.options import CACHES, Life
from assistant.sandbox.orders import limit, order_for
from assistant.sandbox.places import KILLED, Linked, Place, Started, Stock
from assistant.sandbox.protocol import Caps
from assistant.sandbox.questions import Done
from assistant.sandbox.tree import Delta, Entry, Store, patched
from assistant.sandbox.undisturbed import undisturbed

_BLOCKS = 1000
"""After so many blocks a pooled place is replaced."""
_ANSWER = CodeBlock("python", "")
"""Stands for a prepared program where notes are made for a block."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How blocks are run, the same for every place."""

    life: Life = "session"
    values: bool = True
    skip: frozenset[str] = CACHES
    caps: Caps = field(default_factory=Caps)
    mounted: bool = False
    """The workspace is the user's own folder: nothing is put into it or pulled out."""
    spares: int = 0
    """Places that are started ahead of need, for lives that use up several."""
    pip: bool = False
    """Blocks can install Python packages."""
    limited: bool = False
    """The limits of the code are in force, not only watched."""


class RunnerSandbox(Closing):
    """A raw sandbox. In the life "session" Python and shell keep their state from block to block;
    in the life "fresh" every block has a place of its own, with only what ``put`` has brought. The
    life "pooled" is the quick form of that: one place, in which after each block all processes are
    ended and all files removed; it is replaced where anything is left, and after some blocks.

    A place is opened when it is first needed. What a fresh block has left behind can be pulled
    until the next one runs; a pooled one leaves nothing.
    """

    def __init__(self, image: str, new_place: Callable[[], Place], manner: Manner) -> None:
        self.image = image
        self.left_out: tuple[str, ...] = ()
        """What the last pull did not bring, in sentences for user and model."""
        self._new_place, self._manner = new_place, manner
        self._place: Place | None = None
        self._link: Linked | None = None
        self._stock = Stock(self._start, manner.spares) if manner.spares else None
        self._agreed: dict[str, Entry] = {}
        self._store: Store | None = None
        self._program = b""
        self._count = 0
        self._used = 0
        self._clean = self._warned = self._aborted = False

    def close(self) -> None:
        """Ends all that runs; nothing stays."""
        stock = self._stock
        try:
            self._leave()
        finally:
            if stock is not None:
                self._stock = None
                undisturbed(stock.close)

    def _leave(self) -> None:
        link, place = self._link, self._place
        self._link = self._place = None
        if self._stock is not None and link is not None and place is not None:
            self._stock.give_back((place, link))
            return
        try:
            if link is not None:
                link.close()
        finally:
            if place is not None:
                undisturbed(place.close)

    def abort(self) -> None:
        """From any thread: what runs or is asked from now on fails with SandboxError."""
        self._aborted = True
        if (link := self._link) is not None:
            link.close()

    def look(self) -> Sequence[str]:
        return ()

    def open(self) -> None:
        """Starts the place now, rather than with the first block."""
        self._opened()

    @property
    def stands(self) -> bool:
        """Whether a place is open that is not known to have ended."""
        return self._link is not None and not self._link.lost

    # Blocks.

    def run(self, block: CodeBlock, seconds: float) -> Generator[Output | Notice, None, ExecResult]:
        """Runs one block; see ``protocols.Executor``. A block with a path runs that file, which
        must be there, in a process of its own."""
        self._count += 1
        manner = self._manner
        order = order_for(block, self._count, manner.life, manner.values) | limit(seconds)
        code = b"" if block.path else block.code.encode("utf-8", "surrogatepass")
        return (yield from self._run(order, code, block))

    def prepare(self, program: str) -> None:
        """Has a Python program stand ready, in every place from now on: ``answer`` is then one fork
        away. All jobs share its memory as it is after loading, so it must hold no secret."""
        self._program = program.encode()
        if self._link is not None:
            self._link.prepare(self._program)

    def answer(self, asked: bytes, seconds: float) -> Generator[Output | Notice, None, ExecResult]:
        """Runs ``main`` of the prepared program with a descriptor, at its start, of ``asked``;
        what it prints and how it ends is the result, as with ``run``."""
        order = {"kind": "prepared", "saved": False} | limit(seconds)
        return (yield from self._run(order, asked, _ANSWER))

    def _run(
        self, head: dict[str, Any], code: bytes, block: CodeBlock
    ) -> Generator[Output | Notice, None, ExecResult]:
        began = time.monotonic()
        try:
            if self._spent():
                self._leave()
            link = self._opened()
            if self._manner.life == "pooled" and self._used:
                self._bring(link)
            for sentence in self._warnings():
                yield Notice(sentence)
        except KeyboardInterrupt:
            self._leave()
            spent = time.monotonic() - began
            return ExecResult(130, "", spent, "cancelled", self.image)
        self._used += 1
        self._clean = False
        try:
            done = yield from _shown(link.run(head, code))
        except SandboxError as error:
            raise self._found_dead(error) from error
        self._clean = done.clean
        return self._result(block, done)

    def _spent(self) -> bool:
        """Whether the next block needs another place."""
        if self._manner.life == "pooled":
            return self._used >= _BLOCKS or (self._used > 0 and not self._clean)
        return self._manner.life == "fresh" and self._used > 0

    def _bring(self, link: Linked) -> None:
        """What was put before, into a place that has nothing yet."""
        if self._agreed and self._store is not None:
            link.put(Delta(self._agreed), self._store)

    def _result(self, block: CodeBlock, done: Done) -> ExecResult:
        told = notes(block, done, pip=self._manner.pip, limited=self._manner.limited)
        return ExecResult(
            done.exit_code, done.output, done.seconds, done.reason, self.image, done.cut, told
        )

    # Files.

    def put(self, delta: Delta, blobs: Store) -> None:
        """Writes and deletes files of the workspace."""
        if self._manner.mounted:
            return
        self._store = blobs
        if self._manner.life == "session" or (self._link is not None and not self._used):
            link = self._opened()  # Else they are brought when a place is opened, or used again.
            try:
                link.put(delta, blobs)
            except SandboxError as error:
                raise self._found_dead(error) from error
        self._agreed = patched(self._agreed, delta)

    def pull(self, blobs: Store) -> Delta:
        """What has changed in the workspace since host and sandbox last agreed on it."""
        if self._link is None or self._manner.mounted or self._manner.life == "pooled":
            return Delta()
        try:
            entries, removed, told = self._link.pull(blobs, self._manner.caps, self._manner.skip)
        except SandboxError as error:
            raise self._found_dead(error) from error
        self.left_out = left_out(told, self._manner.caps)
        entries = {path: e for path, e in entries.items() if not self._skipped(path)}
        written = {path: e for path, e in entries.items() if self._agreed.get(path) != e}
        gone = {path for path in removed if path in self._agreed and path not in entries}
        gone = {path for path in gone if not self._skipped(path)}
        delta = Delta(written, tuple(sorted(gone, reverse=True)))
        if self._manner.life == "session":
            self._agreed = patched(self._agreed, delta)
        return delta

    def _skipped(self, path: str) -> bool:
        """Whether nobody asked for it: who answers may not be a runner of ours."""
        return not self._manner.skip.isdisjoint(path.split("/"))

    # Places.

    def _opened(self) -> Linked:
        if self._link is not None:
            return self._link
        self._unless_aborted()
        try:
            if self._stock is not None:
                self._place, link = self._stock.take()
            else:
                self._place = self._new_place()
                link = undisturbed(self._place.open)
            if self._program:
                link.prepare(self._program)
            if self._manner.life != "session":
                self._bring(link)
        except SandboxError as error:
            raise self._found_dead(error) from error
        except BaseException:
            self._leave()
            raise
        self._link, self._used, self._clean = link, 0, False
        self._unless_aborted()
        return link

    def _unless_aborted(self) -> None:
        if self._aborted:
            raise SandboxError("The sandbox was closed while it was in use")

    def _start(self) -> Started:
        """For the stock: a place, started."""
        place = self._new_place()
        try:
            link = place.open()
            if self._program:
                link.prepare(self._program)
            return place, link
        except BaseException:
            place.close()
            raise

    def _warnings(self) -> Sequence[str]:
        """What the place lacks, once."""
        found = self._place.warnings if self._place is not None and not self._warned else ()
        self._warned = True
        return found

    def _found_dead(self, error: SandboxError) -> SandboxError:
        """The error with what the place knows of its end; the place is cleared away."""
        why = self._place.obituary() if self._place is not None else ""
        self._leave()
        if not why:
            return error
        kind = SandboxKilled if why in KILLED else SandboxError
        return kind(f"{error.message}: {why}", error.remedy)


def _shown(run: Generator[str, None, Done]) -> Generator[Output, None, Done]:
    """The pieces as events. What is thrown in here belongs to the run below."""
    try:
        piece = next(run)
        while True:
            try:
                yield Output(piece)
            except (KeyboardInterrupt, GeneratorExit) as stop:
                piece = run.throw(stop)
            else:
                piece = next(run)
    except StopIteration as end:
        done: Done = end.value
        return done
