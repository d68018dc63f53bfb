"""The terminal as prompt_toolkit writes to it, with frames that appear whole."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from prompt_toolkit.data_structures import Size
from prompt_toolkit.output.vt100 import Vt100_Output


def screen_size() -> Size:
    """The size of the terminal now; 80 by 24 where it does not say."""
    try:
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
    except OSError:
        columns, rows = 0, 0
    return Size(rows=rows or 24, columns=columns or 80)


class FramedOutput(Vt100_Output):
    """Output that can hold back a frame until it is whole, so that nothing flickers.

    The terminal is never asked where its cursor is: the answer would come in between what is typed.
    """

    held = False

    def __init__(self) -> None:
        super().__init__(sys.stdout, screen_size, os.environ.get("TERM"), enable_cpr=False)

    def flush(self) -> None:
        if not self.held:
            super().flush()

    @contextmanager
    def frame(self) -> Iterator[None]:
        """One write for all that happens inside."""
        self.held = True
        try:
            yield
        finally:
            self.held = False
            self.flush()
