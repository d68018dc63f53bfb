"""The HTTP client under the SDK: no redirects, and answers bounded in time and size."""

import time
from collections.abc import Iterator
from typing import Any

MOST_CONNECTIONS = 1000
MOST_LINE = 64_000_000
"""Bytes without a line break; a stream that sends more is no stream of events."""
MOST_ERROR = 1_000_000
"""Bytes read of an error's body."""


def http_client(transport: Any = None) -> Any:
    """An ``httpx2.Client``; ``transport`` takes the place of the network.

    Redirects are not followed: the key goes to the server the user named and to no other.
    """
    import httpx2  # Late: it comes with openai and costs as much.

    class Bounded(httpx2.SyncByteStream):
        def __init__(self, response: Any) -> None:
            self._stream = response.stream
            self._bytes = _bounded(response, response.stream, _deadline(response.request))

        def __iter__(self) -> Iterator[bytes]:
            return self._bytes

        def close(self) -> None:
            self._stream.close()

    def bound(response: Any) -> None:
        response.stream = Bounded(response)

    return httpx2.Client(
        transport=transport,
        follow_redirects=False,
        limits=httpx2.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=20),
        event_hooks={"response": [bound]},
    )


def _deadline(request: Any) -> float | None:
    left = request.extensions.get("timeout", {}).get("pool")
    return None if left is None else time.monotonic() + left


def _bounded(response: Any, stream: Any, deadline: float | None) -> Iterator[bytes]:
    """A response's bytes, until the call's time is over or too much has come.

    The read timeout bounds the silence between two bytes only: a server that keeps the line
    alive with comments would else hold a call for ever. The time that remained for the call
    when it was sent comes with the request, as its pool timeout.
    """
    import httpx2  # Late: see above.

    since_line = total = 0
    for piece in stream:
        total += len(piece)
        cut = piece.rfind(b"\n")
        since_line = since_line + len(piece) if cut < 0 else len(piece) - cut
        yield piece
        if response.status_code >= 400 and total > MOST_ERROR:
            return
        if since_line > MOST_LINE:
            raise httpx2.ReadError("a line of the answer is too long")
        if deadline is not None and time.monotonic() > deadline:
            raise httpx2.ReadTimeout("the time of the call is over")


def timeouts(connect: float, silence: float, left: float) -> Any:
    """Limits for one request, none beyond what is left of the call (which may be infinite)."""
    import httpx2  # Late: see above.

    def within(seconds: float) -> float | None:
        shortest = min(seconds, left)
        return None if shortest == float("inf") else max(shortest, 0.001)

    return httpx2.Timeout(
        connect=within(connect), read=within(silence), write=within(60.0), pool=within(left)
    )
