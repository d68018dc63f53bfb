"""How things look: style names, the themes that give them colours, and lines painted as ANSI."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Fragment = tuple[str, str]
"""Style names (``"class:strong class:code"``, as prompt_toolkit writes them) and text."""
Line = Sequence[Fragment]
"""One line of the screen, without its newline."""

_PLAIN: Mapping[str, str] = {
    "prompt": "bold",
    "user": "bold",
    "mark": "",
    "good": "bold",
    "bad": "bold",
    "warn": "bold",
    "dim": "",
    "reasoning": "italic",
    "heading": "bold",
    "title": "bold underline",
    "strong": "bold",
    "emphasis": "italic",
    "strike": "strike",
    "code": "",
    "link": "underline",
    "url": "",
    "quote": "italic",
    "bullet": "",
    "fence": "",
    "bar": "",
    "keyword": "bold",
    "name": "",
    "string": "",
    "number": "",
    "comment": "italic",
    "added": "",
    "removed": "",
    "hunk": "bold",
    "paste": "reverse",
}
_COLOURS: Mapping[str, str] = {
    "prompt": "bold ansigreen",
    "user": "bold",
    "mark": "ansicyan",
    "good": "ansigreen",
    "bad": "ansired",
    "warn": "ansiyellow",
    "dim": "ansibrightblack",
    "reasoning": "italic ansibrightblack",
    "heading": "bold ansiblue",
    "title": "bold underline ansiblue",
    "code": "ansicyan",
    "link": "underline ansiblue",
    "url": "ansibrightblack",
    "bullet": "ansiyellow",
    "fence": "ansibrightblack",
    "bar": "ansibrightblack",
    "keyword": "ansimagenta",
    "name": "ansiblue",
    "string": "ansigreen",
    "number": "ansicyan",
    "comment": "italic ansibrightblack",
    "added": "ansigreen",
    "removed": "ansired",
    "hunk": "ansicyan",
}
_ON_LIGHT: Mapping[str, str] = {
    "warn": "bold ansimagenta",
    "code": "ansiblue",
    "bullet": "ansimagenta",
    "number": "ansiblue",
    "hunk": "ansiblue",
    "mark": "ansiblue",
}
_ATTRIBUTES = {"bold": "1", "dim": "2", "italic": "3", "underline": "4", "reverse": "7"}
_ATTRIBUTES["strike"] = "9"
_ANSI = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_CODES = {f"ansi{name}": str(30 + number) for number, name in enumerate(_ANSI)}
_CODES |= {f"ansibright{name}": str(90 + number) for number, name in enumerate(_ANSI)}


@dataclass(frozen=True)
class Theme:
    """Styles by name, in prompt_toolkit's words. ``coloured`` is False where NO_COLOR rules."""

    styles: Mapping[str, str]
    coloured: bool = True
    escapes: bool = True
    """False: text only, for pipes and dumb terminals."""
    _prefixes: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def paint(self, line: Line) -> str:
        """One line as text for the terminal, each styled piece closed by a reset."""
        if not self.escapes:
            return "".join(text for _, text in line)
        pieces = []
        for style, text in line:
            prefix = self._prefix(style) if style else ""
            pieces.append(f"{prefix}{text}\x1b[0m" if prefix and text else text)
        return "".join(pieces)

    def _prefix(self, style: str) -> str:
        if style not in self._prefixes:
            names = [name.removeprefix("class:") for name in style.split()]
            words = [word for name in names for word in self.styles.get(name, "").split()]
            codes = [_ATTRIBUTES.get(word) or _CODES[word] for word in words]
            self._prefixes[style] = f"\x1b[{';'.join(codes)}m" if codes else ""
        return self._prefixes[style]


def theme(name: str = "auto", environment: Mapping[str, str] | None = None) -> Theme:
    """The theme ``dark``, ``light``, ``mono``, ``text``, or ``auto``: what the environment says.

    NO_COLOR (any value but "") leaves bold and the like, without colours; COLORFGBG, where a
    terminal sets it, tells light from dark.
    """
    environment = environment or {}
    if name == "text":
        return Theme(_PLAIN, coloured=False, escapes=False)
    if name == "mono" or environment.get("NO_COLOR"):
        return Theme(_PLAIN, coloured=False)
    if name == "light" or (name == "auto" and _light(environment)):
        return Theme({**_PLAIN, **_COLOURS, **_ON_LIGHT})
    return Theme({**_PLAIN, **_COLOURS})


def _light(environment: Mapping[str, str]) -> bool:
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return background in ("7", "9", "10", "11", "12", "13", "14", "15")


def plain(lines: Iterable[Line]) -> list[str]:
    """The words of lines, without any style."""
    return ["".join(text for _, text in line) for line in lines]
