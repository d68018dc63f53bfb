"""Hostile text made harmless: control and invisible characters are shown, not obeyed."""

import re

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, bidi controls
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff"  # fillers, selectors, specials
    "\ud800-\udfff"  # lone surrogates
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # notation
    "\U000e0000-\U000e0fff"  # tags
    "]"
)
_ODD_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]")
_ZWNJ, _ZWJ, _TEXT_STYLE, _EMOJI_STYLE = "\u200c", "\u200d", "\ufe0e", "\ufe0f"


def visible(text: str, *, strict: bool = False) -> str:
    """``text`` with each character that a terminal would obey or hide replaced by a symbol.

    Newlines and tabs stay. C0 controls and DEL become their pictures (ESC is ``␛``), all others
    ``<U+202E>``. Joiners and variation selectors stay where a script or an emoji needs them;
    ``strict`` shows those too, and blanks that are no plain space.
    """
    if text.isascii() and text.isprintable():
        return text

    def symbol(match: re.Match[str]) -> str:
        if not strict and _belongs(text, match.start()):
            return match.group()
        return _symbol(match.group())

    text = _UNSAFE.sub(symbol, text)
    return _ODD_SPACES.sub(lambda match: _symbol(match.group()), text) if strict else text


def masked(text: str) -> str:
    """``text`` with such characters as U+FFFD each, so that every position stays what it was."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(lambda m: m.group() if _belongs(text, m.start()) else "\ufffd", text)


def one_line(text: str, limit: int = 200) -> str:
    """``text`` as a single visible line of at most ``limit`` characters."""
    text = visible(" ".join(text.split()))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _symbol(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"<U+{code:04X}>"


def _belongs(text: str, index: int) -> bool:
    """Whether the joiner or selector at ``index`` is one that its neighbours call for."""
    character = text[index]
    before = text[index - 1] if index else ""
    after = text[index + 1 : index + 2]
    if character in (_TEXT_STYLE, _EMOJI_STYLE):
        return _is_picture(before) or (before != "" and before in "#*0123456789©®")
    if character == _ZWJ and (_is_picture(before) or before == _EMOJI_STYLE):
        return _is_picture(after)
    if character in (_ZWJ, _ZWNJ):
        return _is_joining(before) and (_is_joining(after) or not after)
    return False


def _is_picture(character: str) -> bool:
    if not character:
        return False
    code = ord(character)
    return code in (0x203C, 0x2049) or 0x2122 <= code <= 0x3299 or 0x1F000 <= code <= 0x1FAFF


def _is_joining(character: str) -> bool:
    """A letter of the Arabic, Syriac, Indic or neighbouring scripts, whose shapes depend on it."""
    return character != "" and 0x0600 <= ord(character) <= 0x109F
