"""What a renderer writes to."""

from collections.abc import Iterable
from typing import Protocol

from assistant.terminal.markdown import Preview
from assistant.terminal.theme import Line


class Screen(Protocol):
    """Where lines go."""

    @property
    def columns(self) -> int: ...
    @property
    def rich(self) -> bool:
        """Whether Markdown is set; else the words of a reply are shown as they came."""
        ...

    def show(self, rows: Iterable[Line], live: Preview | None = None) -> None:
        """Add final rows; ``live`` draws what is not final yet, None where nothing is open."""
        ...

    def pulse(self, text: str) -> None:
        """How far something has come of which nothing is shown; empty once it is shown again."""
        ...
