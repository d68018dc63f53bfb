"""The host's end of a runner: asks one thing at a time and takes in the answers.

A thread of its own reads, so that a Ctrl-C, which only ever lands in the main thread, can interrupt
the waiting but never lose a piece of an answer.
"""

import threading
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import suppress
from typing import Any

from assistant.events import AssistantError, SandboxError
from assistant.sandbox.haste import Haste, NoHaste
from assistant.sandbox.protocol import (
    Caps,
    Decoder,
    Frame,
    Unpacking,
    encode,
    list_of,
    nonsense,
    packed,
    words_of,
)
from assistant.sandbox.pulse import LOOK
from assistant.sandbox.questions import Block, Done, Load, Question, Wait
from assistant.sandbox.transport import Relay, Transport
from assistant.sandbox.tree import Delta, Entry, Store

PATIENCE = 8.0
"""Seconds beyond limit and grace after which a runner that has not answered is given up: one whose
processor a fork bomb has may need some."""
_CANCELLING = 3.0
"""Seconds beyond the grace and a moment that a block has to end after a Ctrl-C."""
_NONE = NoHaste()


class LinkLost(SandboxError):
    """The runner is gone, or is not to be believed any more. Nothing can be asked again."""


class Link:
    """A conversation with one runner; ``setup`` is what it is told first."""

    def __init__(
        self,
        transport: Transport,
        source: bytes,
        setup: Mapping[str, Any],
        relay: Relay | None = None,
        haste: Haste = _NONE,
    ) -> None:
        self._transport, self._relay, self._haste = transport, relay, haste
        self._writing = threading.Lock()
        self._grace = float(setup["grace"])
        self._number = 0
        self._agreed = 0
        self._question: Question | None = None
        self._torn = False
        self._prepared = b""
        self._fault: AssistantError | None = None
        self._thread = threading.Thread(target=self._listen, name="sandbox", daemon=True)
        self._start = len(source).to_bytes(4, "big") + source
        self._setup = dict(setup)

    def open(self, seconds: float) -> None:
        """Sends the runner its program and waits until it is ready for questions."""
        self._thread.start()
        question = Question(self._next())
        self._ask(question, self._start + encode({**self._setup, "is": "setup", "id": question.id}))
        self._await(question, seconds, "start")

    @property
    def lost(self) -> bool:
        """Whether the runner is known to be gone."""
        return self._fault is not None

    def close(self) -> None:
        """Ends the connection; the runner ends all it has started, and itself."""
        if self._relay is not None:
            self._relay.close()
        self._transport.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(5)

    def run(self, head: Mapping[str, Any], code: bytes) -> Generator[str, None, Done]:
        """Runs a block; yields its output as it comes. ``head["seconds"]`` is its time limit.

        A Ctrl-C ends the block, and it comes back as cancelled.
        """
        self._end_haste()
        question = Block(self._next())
        sent = encode({**head, "is": "run", "id": question.id}, code)
        try:
            self._ask(question, sent)
            due = time.monotonic() + float(head["seconds"]) + self._grace
            wait = Wait(due + 1, due + PATIENCE)
            while not question.wait(wait.seconds):
                yield from question.pieces()
                if self._look(question, wait, "end a block in time"):
                    self._haste.begin()
        except KeyboardInterrupt:
            self._cancel(question)
        except GeneratorExit:
            self._cancel(question)
            raise
        finally:
            self._end_haste()
        yield from question.pieces()
        return question.answer()

    def prepare(self, program: bytes) -> None:
        """Has the Python program loaded where jobs are forked from; runs of the kind "prepared"
        then call its ``main`` with a descriptor of their code. It must hold nothing secret."""
        if program != self._prepared:
            self._ask(Question(self._next()), encode({"is": "prepare"}, program))
            self._prepared = program

    def put(self, delta: Delta, blobs: Store) -> None:
        """Writes and deletes files of the workspace; raises SandboxError for those that failed."""
        question = Question(self._next())
        removed = list(delta.removed)
        told = {"is": "put", "id": question.id, "agreed": self._agreed}
        try:
            for start in range(0, len(removed), 500):
                part = removed[start : start + 500]
                self._ask(question, encode({**told, "removed": part, "last": False}))
            for rows, body in packed(_contents(delta, blobs)):
                self._ask(question, encode({**told, "entries": rows, "last": False}, body))
            self._ask(question, encode({**told, "last": True}))
        except BaseException:
            if not self._cut():  # Whole frames only: the runner can tell later what it has.
                self._ask(question, encode({**told, "last": True, "broken": True}))
                self._await(question, 120, "write files")
            raise
        frame = self._await(question, 120, "write files")
        faults = list_of(frame.head, "faults", 100)
        if faults:
            first = words_of({"fault": faults[0]}, "fault")
            raise SandboxError(f"The sandbox could not write {len(faults)} file(s): {first}")

    def pull(
        self, blobs: Store, caps: Caps, skip: Iterable[str]
    ) -> tuple[dict[str, Entry], list[str], Mapping[str, Any]]:
        """What changed since the last put or pull: entries by path, removed paths, what was left
        out and why. One that fails changes nothing: the next one tells it all again."""
        load = Load(self._next(), Unpacking(caps), blobs)
        head = {
            "is": "pull",
            "id": load.id,
            "agreed": self._agreed,
            "skip": sorted(skip),
            "bytes": caps.bytes,
            "largest": caps.largest,
            "count": caps.count,
            "longest": caps.longest,
            "deepest": caps.deepest,
            "seconds": caps.seconds,
        }
        self._ask(load, encode(head))
        frame = self._await(load, caps.seconds + 10, "tell its files")
        self._agreed = load.id
        return load.unpacking.entries, load.unpacking.removed, frame.head

    # Asking.

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _ask(self, question: Question, data: bytes) -> None:
        if self._fault is not None:
            raise self._fault
        if self._cut():
            raise LinkLost("A message to the sandbox was cut off", "Start a new session")
        self._question = question
        try:
            self._write(data)
        except (OSError, ValueError) as error:
            self._thread.join(1)  # What it read last may say why.
            raise self._lost() from error

    def _cut(self) -> bool:
        """Whether a message was cut off, so that nothing can be said any more."""
        with self._writing:
            return self._torn

    def _write(self, data: bytes) -> None:
        with self._writing:
            if self._torn:
                raise OSError("a message was cut off")
            self._torn = True  # Until all is sent: a half message would make the rest nonsense.
            self._transport.write(data)
            self._torn = False

    def _carry(self, head: Mapping[str, Any], body: bytes) -> None:
        """For the relay: a frame that answers no question. Raises OSError where it cannot go."""
        if self._fault is not None:
            raise OSError("the runner is gone")
        self._write(encode(head, body))

    def _await(self, question: Question, seconds: float, what: str) -> Frame:
        wait = Wait((now := time.monotonic()) + LOOK, now + seconds)
        while not question.wait(wait.seconds):
            self._look(question, wait, what)
        return question.frame()

    def _look(self, question: Question, wait: Wait, what: str) -> bool:
        """Whether it was time to; gives up what has not come in time, or cannot come any more."""
        if not wait.due:
            return False
        if wait.over or not (self._transport.reachable() or question.over):
            self._give_up(what)
        wait.again()
        return True

    def _end_haste(self) -> None:
        try:
            if not self._torn:
                self._haste.end()
        except SandboxError:  # Nothing runs there without its limits.
            self._torn = True
            self._transport.close()

    def _cancel(self, question: Block) -> None:
        """Ends a block early; more Ctrl-C change nothing, for this takes little time."""
        question.cancelled = True
        with suppress(AssistantError):
            if not question.over:
                self._ask(question, encode({"is": "cancel", "id": question.id}))
        _wait_out(question, self._grace + 0.5)
        if not question.over:
            with suppress(KeyboardInterrupt):
                self._haste.begin()
            _wait_out(question, _CANCELLING)
        if not question.over:
            self._torn = True
            self._transport.close()

    def _give_up(self, what: str) -> None:
        self._torn = True
        self._transport.close()
        raise LinkLost(f"The sandbox did not {what}; it was closed", "Start a new session")

    def _lost(self) -> AssistantError:
        if self._fault is None:
            self._fault = LinkLost("The sandbox has ended", "Start a new session")
        return self._fault

    # Listening, in the thread.

    def _listen(self) -> None:
        decoder = Decoder()
        try:
            while data := self._transport.read():
                for frame in decoder.feed(data):
                    self._take(frame)
        except (OSError, ValueError):
            pass
        except AssistantError as error:
            self._fault = error
        except Exception:  # noqa: BLE001 - whatever a frame can bring about, it is a frame's fault
            self._fault = nonsense("what cannot be understood")
        finally:
            fault = self._lost()
            if self._relay is not None:
                self._relay.close()
            if self._question is not None:
                self._question.fail(fault)
            self._transport.close()
            self._transport.release()

    def _take(self, frame: Frame) -> None:
        if frame.kind == "net" and self._relay is not None:
            self._relay.take(frame, self._carry)
            return
        question = self._question
        if question is None or frame.head.get("id") != question.id or question.over:
            return
        if frame.kind == "fault":
            question.fail(LinkLost(f"The sandbox failed: {words_of(frame.head, 'why')}"))
        else:
            question.take(frame)


def _contents(delta: Delta, blobs: Store) -> Generator[tuple[str, Entry, bytes], None, None]:
    """Folders before what they hold, since paths sort that way."""
    for path, entry in sorted(delta.written.items()):
        yield path, entry, blobs.get(entry.digest) if entry.kind == "file" else b""


def _wait_out(question: Question, seconds: float) -> None:
    """Waits for the end, whatever is pressed meanwhile."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not question.over:
        with suppress(KeyboardInterrupt):
            question.wait(until - time.monotonic())
