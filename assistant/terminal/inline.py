"""Markdown inside a line: bold, italic, code, links and strike-out, in linear time."""

import re
from collections import defaultdict
from dataclasses import dataclass

from assistant.terminal.theme import Fragment

_TOKEN = re.compile(r"\\[!-/:-@\[-`{-~]|`+|\*+|_+|~~|!?\[|<(?:https?|mailto):[^\s<>]+>")
_LINK = re.compile(
    r"\[([^\[\]]*)\]\(<?((?:[^()\s<>]|\([^()\s]{0,200}\))*)>?(?:\s+\"[^\"]{0,200}\")?\)"
)
_LABEL = re.compile(r"[^\[\]]*")
_STYLES = {"*": "class:emphasis", "_": "class:emphasis", "**": "class:strong"}
_STYLES["~~"] = "class:strike"


@dataclass(slots=True)
class _Piece:
    text: str
    style: str = ""
    opens: str = ""
    """The style that starts before this piece; ``closes`` ends before it."""
    closes: str = ""


def parse(text: str, base: str = "") -> list[Fragment]:
    """One line's (or part of a line's) text as fragments, ``base`` being the style around it."""
    if not _TOKEN.search(text):
        return [(base, text)] if text else []
    pieces = _Scan(text).pieces()
    fragments: list[Fragment] = []
    active: list[str] = []
    for piece in pieces:
        if piece.closes:
            active.remove(piece.closes)
        if piece.opens:
            active.append(piece.opens)
        if piece.text:
            style = " ".join(filter(None, (base, *active, piece.style)))
            fragments.append((style, piece.text))
    return fragments


def settled(text: str) -> int:
    """How much of ``text`` later text cannot restyle: up to its last blank with nothing open."""
    scan = _Scan(text)
    scan.pieces()
    return scan.settled


class _Scan:
    """One pass over a line. Openers wait on a stack per marker; a closer finds the last one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[_Piece] = []
        self.open: list[tuple[str, int]] = []
        self.waiting: dict[str, int] = defaultdict(int)
        self.settled = 0
        self.held = False  # Text to come can still make code or a link of what was read.
        self.ticks = _last_runs(text)

    def pieces(self) -> list[_Piece]:
        at, text = 0, self.text
        while token := _TOKEN.search(text, at):
            self.plain(text[at : token.start()], token.start())
            at = self.take(token)
        self.plain(text[at:], len(text))
        return self.found

    def plain(self, text: str, end: int) -> None:
        if not text:
            return
        self.found.append(_Piece(text))
        blank = text.rfind(" ")
        if blank >= 0 and not self.open and not self.held:
            self.settled = end - len(text) + blank + 1

    def take(self, token: re.Match[str]) -> int:
        """Turn one token into pieces; where to go on from."""
        mark, start, end = token.group(), token.start(), token.end()
        if mark[0] == "\\":
            self.found.append(_Piece(mark[1]))
        elif mark[0] == "`":
            return self.code(mark, start, end)
        elif mark[0] == "<":
            self.found.append(_Piece(mark[1:-1], "class:link"))
        elif mark[-1] == "[":
            return self.link(mark, start, end)
        else:
            self.emphasis(mark, start, end)
        return end

    def code(self, mark: str, start: int, end: int) -> int:
        close = -1
        if self.ticks.get(len(mark), -1) >= end:
            match = re.compile(rf"(?<!`){mark}(?!`)").search(self.text, end)
            close = match.start() if match else -1
        if close < 0:
            self.found.append(_Piece(mark))
            self.held = True  # It may yet be closed by text to come.
            return end
        inner = self.text[end:close]
        if inner.startswith(" ") and inner.endswith(" ") and inner.strip():
            inner = inner[1:-1]
        self.found.append(_Piece(inner, "class:code"))
        return close + len(mark)

    def link(self, mark: str, start: int, end: int) -> int:
        match = _LINK.match(self.text, end - 1)
        if not match:
            self.found.append(_Piece(mark))
            self.held |= self.may_be_link(end)
            return end
        label, address = match.groups()
        for style, text in parse(label, "class:link"):
            self.found.append(_Piece(text, style))
        if address and address != label:
            self.found.append(_Piece(f" ({address})" if label else address, "class:url"))
        return match.end()

    def may_be_link(self, start: int) -> bool:
        """Whether text to come can make a link of the bracket before ``start``."""
        label = _LABEL.match(self.text, start)
        after = self.text[label.end() : label.end() + 2] if label else ""
        if after == "](":
            return self.text.find(")", start) < 0
        return after in ("", "]")

    def emphasis(self, mark: str, start: int, end: int) -> None:
        """A run of ``*``, ``_`` or ``~~``: closes what it can, opens the rest, or stays text."""
        before = self.text[start - 1 : start]
        after = self.text[end : end + 1]
        can_open = after != "" and not after.isspace() and not self.inside_word(mark, before, after)
        can_close = before != "" and not before.isspace()
        if mark[0] == "_" and (after.isalnum() or after == "_"):
            can_close = False
        markers = [mark[:2], mark[0]] if len(mark) == 3 else [mark]
        if not all(marker in _STYLES for marker in markers):  # So __init__ stays as it is.
            self.found.append(_Piece(mark))
            return
        if can_close and all(self.waiting[marker] for marker in markers):
            for marker in reversed(markers) if self.closes_inner_first(markers) else markers:
                self.close(marker)
        elif can_open:
            for marker in markers:
                self.start(marker)
        else:
            self.found.append(_Piece(mark))

    def inside_word(self, mark: str, before: str, after: str) -> bool:
        """``_`` opens nothing inside a word; ``*`` nothing between two digits, as in 2**3."""
        if mark[0] == "_":
            return before.isalnum()
        return before.isdigit() and after.isdigit()

    def closes_inner_first(self, markers: list[str]) -> bool:
        last = next((name for name, _ in reversed(self.open) if name in markers), "")
        return last == markers[-1]

    def start(self, marker: str) -> None:
        self.waiting[marker] += 1
        self.open.append((marker, len(self.found)))
        self.found.append(_Piece(marker))  # Text until a closer is found.

    def close(self, marker: str) -> None:
        if not self.waiting[marker]:
            self.found.append(_Piece(marker))
            return
        while self.open:
            name, index = self.open.pop()
            self.waiting[name] -= 1
            if name == marker:
                style = _STYLES[marker]
                self.found[index] = _Piece("", opens=style)
                self.found.append(_Piece("", closes=style))
                return


def _last_runs(text: str) -> dict[int, int]:
    """Where the last run of backticks of each length starts: tells at once if a closer exists."""
    if "`" not in text:
        return {}
    return {len(match.group()): match.start() for match in re.finditer(r"`+", text)}
