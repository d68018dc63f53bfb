"""HTML that cannot be broken out of: whatever is not markup made here is escaped."""

import html
import re
from typing import Final

_CONTROL = {c: chr(0x2400 + c) for c in range(32) if c not in (9, 10)}
_CONTROL |= {13: "\u240d", 127: "\u2421"}
_ODD = re.compile("[\ud800-\udfff\x80-\x9f\ufffe\uffff]")
# They change the order in which text is shown, so that code reads otherwise than it runs.
_BENT = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NAME: Final = re.compile(r"[a-zA-Z][\w-]*")


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | int
"""A Markup, or a text to escape."""


def text(value: Content) -> Markup:
    """Escaped, with control characters and the like made visible."""
    if isinstance(value, Markup):
        return value
    clean = _ODD.sub("\ufffd", str(value).translate(_CONTROL))
    bent = _BENT.sub(lambda found: f"\u27e8U+{ord(found[0]):04X}\u27e9", clean)
    return Markup(html.escape(bent))


def join(*parts: Content) -> Markup:
    return Markup("".join(map(text, parts)))


def tag(name: str, /, *content: Content, **attributes: str | int | float | bool | None) -> Markup:
    """An element; attributes that are None or False are left out, ``class_`` means ``class``,
    other underscores are hyphens."""
    words = [name]
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        assert _NAME.fullmatch(key), key
        assert not key.startswith("on"), "the page's policy forbids it"
        assert key != "style", "the page's policy forbids it"
        if value is True:
            words.append(key)
        elif value is not None and value is not False:
            shown = f"{value:.6g}" if isinstance(value, float) else value
            words.append(f'{key}="{text(shown)}"')
    inside = join(*content)
    return Markup(f"<{' '.join(words)}>{inside}{'' if name in _VOID else f'</{name}>'}")


_VOID = frozenset(("br", "hr", "input", "meta"))


def div(class_: str, *content: Content) -> Markup:
    return tag("div", *content, class_=class_)


def span(class_: str, *content: Content) -> Markup:
    return tag("span", *content, class_=class_)


def row(*cells: Content, head: bool = False) -> Markup:
    """A row of a table; in its body the first cell heads the row."""
    if head:
        return tag("tr", *(tag("th", cell, scope="col") for cell in cells))
    first, *rest = cells
    return tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest))
