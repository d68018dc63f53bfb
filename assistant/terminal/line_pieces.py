"""Puts together the lines of a text that arrives in pieces."""


class LinePieces:
    """The unfinished line, kept in pieces: to join them each time one comes is slow."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def feed(self, text: str) -> list[str]:
        """Take in a piece; the lines that it finished, without their newlines."""
        *lines, last = text.split("\n")
        if lines:
            lines[0] = "".join([*self._pieces, lines[0]])
            self._pieces.clear()
        if last:
            self._pieces.append(last)
        return lines

    def close(self) -> list[str]:
        """The text is over: its last line, if that had no newline."""
        rest = ["".join(self._pieces)] if self._pieces else []
        self._pieces.clear()
        return rest

    def end(self, most: int) -> str:
        """The last characters of the unfinished line, at most ``most`` of them."""
        return "".join(self._pieces[-most:])[-most:]
