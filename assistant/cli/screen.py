"""Where a command without a prompt shows its events: text, colours at a terminal, JSON lines."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from assistant.event_lines import to_json
from assistant.events import Chunk, Event, Output
from assistant.terminal.folding import LINES
from assistant.terminal.plain import PlainConsole
from assistant.terminal.render import Renderer
from assistant.terminal.theme import theme

Sink = Callable[[Event], None]


@contextmanager
def text_screen(
    redact: Callable[[str], str] = str,
    *,
    echo: bool = False,
    name: str = "auto",
    lines: int = LINES,
) -> Iterator[Renderer]:
    """Events as text on standard output; ``echo`` shows the user's messages too.

    At a terminal an output is folded to so many ``lines``, 0 for all of it.
    """
    rich = sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    styles = theme(name, os.environ) if rich else theme("text")
    columns = shutil.get_terminal_size().columns if rich else 10_000
    with PlainConsole(styles, columns, prompt=False) as console:
        folded = lines if sys.stdout.isatty() else None
        renderer = Renderer(console, redact=redact, echo=echo, hints=False, lines=folded)
        yield renderer
        renderer.close()


def json_lines(pieces: bool) -> Sink:
    """Events as the record has them, one object a line; with ``pieces``, as they come too."""

    def write(event: Event) -> None:
        if pieces or not isinstance(event, Chunk | Output):
            sys.stdout.write(to_json(event) + "\n")
            sys.stdout.flush()

    return write


@contextmanager
def screen(
    as_json: bool,
    pieces: bool,
    redact: Callable[[str], str] = str,
    *,
    echo: bool = False,
    lines: int = LINES,
) -> Iterator[Sink]:
    """What ``--json`` and ``--json-stream`` ask for, else text."""
    if as_json or pieces:
        yield json_lines(pieces)
    else:
        with text_screen(redact, echo=echo, lines=lines) as show:
            yield show
