"""Output as it comes from an engine: first and last bytes kept, all counted, decoded as it goes."""

import codecs

from assistant.sandbox.questions import joined


class Kept:
    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._head, self._tail = bytearray(), bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.total = 0

    def add(self, piece: bytes) -> str:
        """Takes a piece in; returns what of it can be shown."""
        self.total += len(piece)
        room = self._keep - len(self._head)
        self._head += piece[:room]
        self._tail += piece[room:]
        del self._tail[: -self._keep]
        return self._decoder.decode(piece)

    @property
    def cut(self) -> int:
        return self.total - len(self._head) - len(self._tail)

    def text(self) -> str:
        return joined(bytes(self._head + self._tail), len(self._head), self.cut)
