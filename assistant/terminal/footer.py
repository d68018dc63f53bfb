"""What is drawn around the prompt: the tail of the unfinished line, and the status line."""

import time

from prompt_toolkit.data_structures import Size
from prompt_toolkit.formatted_text import StyleAndTextTuples

from assistant.terminal import words
from assistant.terminal.exchange import Exchange
from assistant.terminal.markdown import Preview
from assistant.terminal.sanitize import visible
from assistant.terminal.wrap import clip, fold


def tail(preview: Preview, size: Size) -> StyleAndTextTuples:
    """The last rows of what is not final, one third of the screen at most."""
    rows = [part for row in preview() for part in fold(row, size.columns - 1)]
    fragments: StyleAndTextTuples = []
    for row in rows[-max(size.rows // 3, 1) :]:
        fragments.extend([*row, ("", "\n")])
    return fragments[:-1]


def question_line(question: str, columns: int) -> StyleAndTextTuples:
    """What is asked, and nothing beside it: it has the whole width."""
    return list(clip([("class:warn", visible(question))], columns - 1))


def status_line(
    notice: str, mode: str, sandbox: str, exchange: Exchange, columns: int
) -> StyleAndTextTuples:
    """One line, the most urgent first; parts that the screen has no room for are left out whole."""
    waiting = exchange.typed.qsize()
    ready = sandbox.endswith("ready")
    parts = [
        notice,
        _running(exchange),
        f"{words.count(waiting, 'message')} waiting" if waiting else "",
        mode,
        "" if ready else sandbox,
        *exchange.status.split(words.BETWEEN),
        sandbox if ready else "",
    ]
    parts = [part for part in parts if part]
    while len(parts) > 1 and len(words.joined(parts)) >= columns:
        parts.pop()
    text = visible(words.joined(parts))
    style = "class:warn" if notice else "class:dim"
    return list(clip([(style, text)], columns - 1)) if text else []


def _running(exchange: Exchange) -> str:
    took = int(time.monotonic() - exchange.since)
    if exchange.state == "starting":
        return f"starting, {took} s; type ahead" if took else "starting"
    pulse = f"{exchange.pulse}, " if exchange.pulse else ""
    return f"{took} s, {pulse}Ctrl-C stops it" if exchange.state == "busy" else ""
