"""What the commands print: one line, made safe for a terminal."""

import sys

from assistant.terminal.sanitize import visible


def say(text: str, *, error: bool = False) -> None:
    """A text of ours, maybe with hostile names in it, on standard output (or error)."""
    print(visible(text), file=sys.stderr if error else sys.stdout, flush=True)


def ask(question: str) -> bool:
    """A yes-or-no question at a terminal; anything but yes is a no."""
    return read_line(f"{question} [y/N]").lower() in ("y", "yes")


def read_line(question: str) -> str:
    """An answer at a terminal, stripped; empty where there is none."""
    from assistant.terminal.plain import forgiving  # Late: it knows how to draw, too.

    forgiving(sys.stdin)
    print(visible(question), end=" ", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
