"""One streamed answer, from the request to its last piece, whoever carries the bytes."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import chain
from typing import Any, Protocol

from assistant.events import Chunk, Finish, Notice, Retrying
from assistant.model.call import Call, Request
from assistant.model.faults import Fault, told
from assistant.model.stream import Reading
from assistant.model.structured import Schema

CHARACTERS_PER_TOKEN = 16
"""Text with fewer tokens than that comes from a server that ignores the cap on the reply."""
MOST_SLOWNESS = 32.0


class Stream(Protocol):
    """An answer that has begun."""

    @property
    def content_type(self) -> str: ...
    def chunks(self) -> Iterator[Any]: ...
    def close(self) -> None: ...


class Wire(Protocol):
    """What carries requests and answers. Everything that goes wrong is raised as a Fault."""

    def warm(self) -> None: ...
    def stream(self, sent: Mapping[str, object], call: Call) -> Stream: ...
    def send(self, sent: Mapping[str, object], call: Call) -> Any: ...
    def response_format(self, schema: type[Schema]) -> dict[str, object] | None:
        """The schema in the strict form that servers insist on; None where it has none."""


def streamed(
    wire: Wire, call: Call, request: Request, reading: Reading
) -> Generator[Chunk | Retrying | Notice, None, tuple[Finish, str]]:
    """Fill ``reading``, yielding its pieces as they come; returns finish and detail.

    What breaks once the answer has begun is an ending, "broken"; it may have been paid for.

    Raises:
        ModelError: the answer never began, and asking again does not help.
    """
    stream, pieces = yield from call.insist(request, lambda sent: _begun(wire, sent, call, reading))
    with closing(stream):
        try:
            yield from pieces
        except Fault as fault:
            if reading.reason:  # The reply was whole already; only the end is missing.
                return reading.ending()
            if fault.kind == "silent" and not reading.size:
                call.quirks.slowness = min(call.quirks.slowness * 2, MOST_SLOWNESS)
            return "broken", told(fault, call.shown)
    return reading.ending()


def _begun(
    wire: Wire, sent: dict[str, object], call: Call, reading: Reading
) -> tuple[Stream, Iterable[Chunk]]:
    """The stream up to its first piece: a refusal until then means that it never began."""
    reading.asked = True
    try:
        stream = wire.stream(sent, call)
    except Fault as fault:
        if fault.kind in ("silent", "late"):  # It may have begun, and be charged for.
            return _Nothing(), _raising(fault)
        reading.asked = False
        raise
    pieces = _pieces(stream, call, reading, sent)
    try:
        first = next(pieces, None)
    except Fault as fault:
        stream.close()
        if fault.kind in ("status", "wrong-page"):
            reading.asked = False
            raise
        return stream, _raising(fault)
    except BaseException:
        stream.close()
        raise
    return stream, pieces if first is None else chain([first], pieces)


def _pieces(
    stream: Stream, call: Call, reading: Reading, sent: Mapping[str, object]
) -> Iterator[Chunk]:
    cap = sent.get("max_tokens") or sent.get("max_completion_tokens") or call.options.max_reply
    most = int(str(cap)) * CHARACTERS_PER_TOKEN + 4096
    for chunk in stream.chunks():
        yield from reading.feed(chunk)
        if reading.size > most:
            reading.reason = "length"
            return
        if reading.reason:
            continue  # The reply is whole; what may follow is its usage.
        if call.left <= 0:
            raise Fault("late", f"{call.seconds:.0f} s")
    if not reading.chunks and "event-stream" not in stream.content_type:
        raise Fault("wrong-page", f"it sent {stream.content_type or 'nothing'}")


class _Nothing:
    """The stream of a call that did not get that far."""

    content_type = ""

    def chunks(self) -> Iterator[Any]:
        return iter(())

    def close(self) -> None:
        return


def _raising(fault: Fault) -> Iterator[Chunk]:
    raise fault
    yield  # Makes this a generator: the fault comes when it is read.
