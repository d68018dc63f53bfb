"""What a soak does to a terminal besides typing words: keys, pastes, resizes, at random."""

import random
from collections.abc import Sequence

from tests.terminal.driver import Terminal

KEYS = [
    *("\x1b[A", "\x1b[B", "\x1b[D", "\x1b[C", "\x01", "\x05", "\x0b", "\x15", "\x17", "\x1b\r"),
    *("\n", "\t", "\x7f", "\x1b", "\x12", "\x07", "\x0c", "é", "漢", "👍", "/", "@", "\x1b[5~"),
    *("\x14", "\x19"),
]
"""Arrows, the keys of Emacs, lines, Tab, search, wide characters, what begins a command."""
WILD = [
    *KEYS,
    *("\x1b[200~", "\x1b[201~", "\x1bOQ", "\x00", "\x1f", "\x18\x15", "y\r", "\x1b[999~"),
]
"""The same with pastes that never end, F2, and what no terminal sends."""


def keys(rng: random.Random, among: Sequence[str]) -> str:
    return "".join(rng.choice(among) for _ in range(rng.randrange(1, 8)))


def paste(rng: random.Random, texts: Sequence[str]) -> str:
    return f"\x1b[200~{rng.choice(texts)}\x1b[201~"


def resize(screen: Terminal, rng: random.Random) -> None:
    screen.resize(rng.randrange(20, 160), rng.randrange(5, 50))


def come_to_rest(screen: Terminal) -> None:
    """A size to read at; what was open, a paste or a search, is closed."""
    screen.resize(100, 30)
    screen.type("\x1b[201~\x07")
