"""The HTTP client under the SDK: no redirects, and answers bounded in time and size."""

import time
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from assistant.model.punctual import Until, make_punctual

MOST_CONNECTIONS = 1000
MOST_LINE = 64_000_000
"""Bytes without a line break; a stream that sends more is no stream of events."""
MOST_ANSWER = 256_000_000
"""Bytes of an answer that is no stream."""
MOST_ERROR = 1_000_000
"""Bytes read of an error's body."""
_PIECE = 1 << 18


def http_client(transport: Any = None) -> Any:
    """An ``httpx2.Client``; ``transport`` takes the place of the network.

    Redirects are not followed: the key goes to the server the user named and to no other.
    No packed answers are asked for; those that come all the same are unpacked piece by piece.
    """
    import httpx2  # Late: it comes with openai and costs as much.

    class Bounded(httpx2.SyncByteStream):
        def __init__(self, response: Any) -> None:
            self._stream = response.stream
            self._bytes = _bounded(response, _unpacked(response), _deadline(response.request))

        def __iter__(self) -> Iterator[bytes]:
            return self._bytes

        def close(self) -> None:
            self._stream.close()

    def bound(response: Any) -> None:
        response.stream = Bounded(response)

    client = httpx2.Client(
        transport=transport,
        follow_redirects=False,
        headers={"accept-encoding": "identity"},
        limits=httpx2.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=20),
        event_hooks={"response": [bound]},
    )
    make_punctual(client)
    return client


def _deadline(request: Any) -> float | None:
    left = request.extensions.get("timeout", {}).get("pool")
    return None if left is None else time.monotonic() + left


def _unpacked(response: Any) -> Iterable[bytes]:
    """The bytes without their packing, never much at a time: a few of them can hold gigabytes."""
    import httpx2  # Late: see above.

    packing = response.headers.pop("content-encoding", "identity").strip().lower()
    if packing == "identity":
        stream: Iterable[bytes] = response.stream
        return stream
    if packing not in ("gzip", "x-gzip", "deflate"):
        raise httpx2.DecodingError("the answer is packed in a way that was not asked for")
    return _inflated(response.stream)


def _inflated(stream: Iterable[bytes]) -> Iterator[bytes]:
    import httpx2  # Late: see above.

    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for data in stream:
            while data:
                yield unpack.decompress(data, _PIECE)
                data = unpack.unconsumed_tail
        yield unpack.flush()
    except zlib.error as error:
        raise httpx2.DecodingError("the packed answer is damaged") from error


def _bounded(response: Any, pieces: Iterable[bytes], deadline: float | None) -> Iterator[bytes]:
    """A response's bytes, until the call's time is over or too much has come.

    The time that remained for the call when it was sent comes with the request, as its pool
    timeout.
    """
    import httpx2  # Late: see above.

    streams = "event-stream" in response.headers.get("content-type", "")
    since_line = total = 0
    for piece in pieces:
        total += len(piece)
        cut = piece.rfind(b"\n")
        since_line = since_line + len(piece) if cut < 0 else len(piece) - cut
        yield piece
        if response.status_code >= 400 and total > MOST_ERROR:
            return
        if since_line > MOST_LINE:
            raise httpx2.ReadError("a line of the answer is too long")
        if total > MOST_ANSWER and not streams:
            raise httpx2.ReadError("the answer is too long")
        if deadline is not None and time.monotonic() > deadline:
            raise httpx2.ReadTimeout("the time of the call is over")


def timeouts(connect: float, silence: float, left: float) -> Any:
    """Limits for one request, none beyond what is left of the call (which may be infinite)."""
    import httpx2  # Late: see above.

    until = time.monotonic() + left

    def within(seconds: float) -> float | None:
        shortest = min(seconds, left)
        return None if shortest == float("inf") else Until(max(shortest, 0.001), until)

    return httpx2.Timeout(
        connect=within(connect), read=within(silence), write=within(60.0), pool=within(left)
    )
