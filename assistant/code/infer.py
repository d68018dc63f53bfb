"""Which language a piece of code is in: rules for what is plain, then a small linear model."""

import json
import math
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assistant.code.features import features, sample
from assistant.code.python_text import parses
from assistant.code.rules import ruled
from assistant.languages import TABLE

UNKNOWN = "unknown"
WEIGHTS = Path(__file__).with_name("weights.bin")

UNSURE = 0.4
"""A language that runs is not named below this probability."""
RISK = 0.5
"""Nor when those that do not run have more than this part of its probability together."""
VAGUE = 0.25
"""Nor is one that does not run below this."""
CLOSE = 6.0
"""Python's parser is asked only where Python is behind by no more than this, in log odds."""


def infer_lang(code: str) -> str:
    """A name of `languages.TABLE`, or "unknown" when unsure.

    "sh" for bare pip and python command lines, as AutoGen has it, "bash" for other shell code. What
    a prompt says counts (``$ `` is bash, ``>>> `` is python). Looks at 3,000 characters, whatever
    the length, and never fails.
    """
    return answer(code, _weights)


def answer(code: str, weights: Callable[[], "Weights"]) -> str:
    """The answer with these weights, which are asked for only where the rules say nothing."""
    text = sample(code)
    if not text:
        return UNKNOWN
    whole = len(text) >= len(code.strip())
    return ruled(text, whole=whole) or weights().label(text)


_POWERSHELL_SIGN = re.compile(
    r"[$\\`@\[|]|-[A-Z]|\.(?:exe|ps1|cmd|bat)\b|(?i:powershell|pwsh|scoop|choco|winget)"
)
_SPACED = re.compile(r"(?:#.*\n|\s)*[A-Za-z_][\w.-]*[ \t]+[?:+]?=[ \t]")
"""An assignment with blanks around it: a shell would take the name for a command."""
_WORDS = re.compile(r"[A-Za-z][a-z']*(?:,? [a-z'-]+)?[.!?]?")


@dataclass(frozen=True, slots=True)
class Weights:
    """A table of features: for each one a byte per language, above the others' if it speaks for it.

    What is common to all bytes of a row cancels out, so that they need no sign.
    """

    languages: tuple[str, ...]
    rows: dict[str, bytes]
    kept: frozenset[str]
    """Words that stand for themselves in runs of tokens."""
    scale: float
    """What one is in the bytes."""
    sha256: str
    """Of the data that the weights were trained on."""

    @classmethod
    def read(cls, data: bytes) -> "Weights":
        """From the bytes of a weights file: a line of JSON, then packed names and rows."""
        head, _, packed = data.partition(b"\n")
        about = json.loads(head)
        names, _, rows = zlib.decompress(packed).partition(b"\0")
        size = len(about["languages"])
        table = [rows[at : at + size] for at in range(0, len(rows), size)]
        listed = names.decode().split("\n")
        return cls(
            tuple(about["languages"]),
            dict(zip(listed, table, strict=True)),
            frozenset(listed[: about["kept"]]),
            about["scale"],
            about["sha256"],
        )

    def odds(self, text: str) -> dict[str, float]:
        """Log odds of each language, up to a constant."""
        found = map(self.rows.get, features(text, self.kept))
        rows = [row for row in found if row]
        odds = self._summed([*rows, self.rows["bias"]])
        if odds["python"] > max(odds.values()) - CLOSE:
            return self._summed([*rows, self.rows["bias"], self.rows[f"parses {parses(text)}"]])
        return odds

    def _summed(self, rows: list[bytes]) -> dict[str, float]:
        columns = zip(*rows, strict=True)
        return {
            name: sum(column) / self.scale
            for name, column in zip(self.languages, columns, strict=True)
        }

    def label(self, text: str) -> str:
        odds = self.odds(text)
        if not _POWERSHELL_SIGN.search(text):
            odds["powershell"] = -math.inf  # other shells run the same line
        if _SPACED.match(text):
            odds["bash"] = -math.inf
        best = decide(odds)
        return UNKNOWN if best == "bash" and self._is_mere_words(text) else best

    def _is_mere_words(self, text: str) -> bool:
        """Whether this is a word or two of which the first is no command that we know."""
        if not _WORDS.fullmatch(text):
            return False
        row = self.rows.get(re.split(r"[ ,.!?]", text, maxsplit=1)[0])
        return row is None or row[self.languages.index("bash")] < max(row)


_FAMILY = {"typescript": "javascript", "cpp": "c"}
"""Many short pieces of these are as much the other: unsure between the two is not unsure."""
_RICHER = 2.0
"""How much likelier the richer one must be to be named rather than the plain one."""


def decide(odds: dict[str, float]) -> str:
    """The likeliest language, or a careful answer where that one would run and may be wrong."""
    top = max(odds.values())
    chances = {name: math.exp(value - top) for name, value in odds.items()}
    families = dict.fromkeys((_FAMILY.get(name, name) for name in chances), 0.0)
    for name, chance in chances.items():
        families[_FAMILY.get(name, name)] += chance
    family = max(families, key=families.__getitem__)
    richer = next((name for name, plain in _FAMILY.items() if plain == family), family)
    best = richer if chances.get(richer, 0.0) > _RICHER * chances.get(family, 0.0) else family
    total = sum(chances.values())
    idle = {name: chance for name, chance in chances.items() if not TABLE[name].runs}
    if best in idle or sum(idle.values()) > RISK * families[family]:
        best = max(idle, key=idle.__getitem__)
        return best if idle[best] > VAGUE * total else UNKNOWN
    return best if families[family] > UNSURE * total else UNKNOWN


@cache
def _weights() -> Weights:
    return Weights.read(WEIGHTS.read_bytes())
