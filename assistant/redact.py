"""Keeps known secrets out of everything that is written, sent or shown."""

import json
import re
from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from functools import cache
from typing import AnyStr

MARK = "[redacted]"
SHORTEST = 8
"""Shorter secrets are ignored: replacing every "test" would destroy the text and hide nothing."""

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

# What looks like a key, whoever it belongs to: a hint that must occur (quick to look for), and the
# pattern, whose group 1 stays. No pattern may go back over a long text: every repetition that
# something else follows is bounded.
_PATTERNS = (
    ("sk-", r"()(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{16,}"),  # OpenAI, Anthropic, OpenRouter
    ("gh", r"()\bgh[oprsu]_[A-Za-z0-9]{20,}"),  # GitHub
    ("github_pat_", r"()\bgithub_pat_[A-Za-z0-9_]{20,}"),
    ("glpat-", r"()\bglpat-[A-Za-z0-9_-]{20,}"),  # GitLab
    ("AKIA", r"()\bAKIA[A-Z0-9]{16}\b"),  # AWS
    ("ASIA", r"()\bASIA[A-Z0-9]{16}\b"),
    ("AIza", r"()\bAIza[A-Za-z0-9_-]{35}"),  # Google
    ("hf_", r"()\bhf_[A-Za-z0-9]{30,}"),  # Hugging Face
    ("xox", r"()\bxox[abprs]-[A-Za-z0-9-]{10,}"),  # Slack
    ("", r"\b((?i:bearer)[ \t]{1,8})[A-Za-z0-9._~+/=-]{8,}"),
    ("", r"\b((?i:authorization: *basic)[ \t]{1,8})[A-Za-z0-9+/=]{8,}"),
    ("://", r"(://)[^\s/@:\"'<>]{0,200}:[^\s/@\"'<>]{1,400}(?=@)"),  # user:password@host
    (
        "PRIVATE KEY-----",
        r"()-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----"
        r"(?:.*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|.*)",
    ),
)


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((hint, re.compile(pattern, re.DOTALL)) for hint, pattern in _PATTERNS)


class Redactor:
    """Replaces secrets by ``[redacted]``.

    A secret is found by its exact value and in its base64 (at any offset, both alphabets),
    URL-encoded and JSON-escaped forms. Secrets under 8 characters are ignored.
    """

    __slots__ = ("_bytes", "_firsts", "_forms", "_longest")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))
        self._bytes = tuple(form.encode("utf-8", "surrogatepass") for form in self._forms)
        self._longest = max(map(len, self._forms), default=0)
        self._firsts = _starts(self._forms)

    def __repr__(self) -> str:
        return f"Redactor({'on' if self._forms else 'off'})"

    def text(self, text: str) -> str:
        """``text`` with every known secret replaced; other text is returned as it is."""
        spans = _spans(text, self._forms)
        if not spans:
            return text
        parts: list[str] = []
        end = 0
        for start, stop in spans:
            parts += (text[end:start], MARK)
            end = stop
        return "".join((*parts, text[end:]))

    def bytes(self, data: bytes) -> bytes:
        """``text`` for bytes."""
        spans = _spans(data, self._bytes)
        if not spans:
            return data
        parts: list[bytes] = []
        end = 0
        for start, stop in spans:
            parts += (data[end:start], MARK.encode())
            end = stop
        return b"".join((*parts, data[end:]))

    def patterns(self, text: str) -> str:
        """``text`` without known secrets and without what looks like one.

        For logs, error bodies and the screen only: code, diffs and files must stay exact.
        """
        text = self.text(text)
        for hint, pattern in _patterns():
            if hint in text:
                text = pattern.sub(rf"\1{MARK}", text)
        return text

    def stream(self) -> "Stream":
        """A redactor of one text that comes in pieces."""
        return Stream(self)


class Stream:
    """Redacts a text that comes in pieces; a secret may be split anywhere between them.

    The pieces that come out add up to ``Redactor.text`` of the pieces that went in. What could
    still become a secret is held back: less than the longest one, mostly nothing.
    """

    __slots__ = ("_covered", "_held", "_redactor")

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""
        self._covered = 0
        """So many of the held characters belong to a secret whose mark is already out."""

    def __repr__(self) -> str:
        return f"Stream({self._redactor!r})"

    def feed(self, piece: str) -> str:
        """What is safe to show now."""
        text = self._held + piece
        return self._pour(text, self._safe(text))

    def close(self) -> str:
        """The rest."""
        return self._pour(self._held, len(self._held))

    def _safe(self, text: str) -> int:
        """Where the first secret could start that ``text`` does not hold whole."""
        starts, longest = self._redactor._firsts, self._redactor._longest
        for place in range(max(0, len(text) - longest + 1), len(text)):
            tail = None
            for form in starts.get(text[place], ()):
                tail = tail or text[place:]
                if form.startswith(tail):
                    return place
        return len(text)

    def _pour(self, text: str, safe: int) -> str:
        parts: list[str] = []
        end = self._covered
        for start, stop in _spans(text, self._redactor._forms):
            if start >= safe:
                break
            if start >= end:
                parts += (text[end:start], MARK)
            end = max(end, stop)
        if end < safe:
            parts.append(text[end:safe])
        self._held, self._covered = text[safe:], max(0, end - safe)
        return "".join(parts)


class KeyBlocks:
    """Hides private keys (PEM, over several lines) in a text that comes in pieces."""

    _BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----")
    _END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----")
    _MAYBE = re.compile(r"-{1,5}\Z|-----B[A-Z0-9 ]{0,60}-{0,4}\Z")

    def __init__(self) -> None:
        self._held, self._inside = "", False

    def feed(self, piece: str) -> str:
        """What is safe to show now: nothing of a key, a mark in its place."""
        if not self._inside and not self._held and "-" not in piece:
            return piece
        text, shown = self._held + piece, list[str]()
        while True:
            found = (self._END if self._inside else self._BEGIN).search(text)
            if not found:
                break
            shown += () if self._inside else (text[: found.start()], MARK)
            self._inside, text = not self._inside, text[found.end() :]
        maybe = self._MAYBE.search(text, max(0, len(text) - 80))
        at = maybe.start() if maybe else len(text)
        self._held = text[-80:] if self._inside else text[at:]
        return "".join(shown) + ("" if self._inside else text[:at])

    def close(self) -> str:
        """The rest."""
        held, self._held = self._held, ""
        return "" if self._inside else held


def _forms(secret: str) -> Iterator[str]:
    """The ways in which ``secret`` is written elsewhere."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    raw = secret.encode("utf-8", "surrogatepass")
    for style in ("%{:02X}", "%{:02x}"):
        quoted = "".join(chr(byte) if byte in _UNRESERVED else style.format(byte) for byte in raw)
        yield quoted
        yield quoted.replace("%20", "+")
    for form in (b2a_base64(raw, newline=False).decode(), *_inside_base64(raw)):
        yield form
        yield form.translate(_URL_SAFE)


_URL_SAFE = str.maketrans("+/", "-_")


def _inside_base64(raw: bytes) -> Iterator[str]:
    """What base64 makes of ``raw`` in the midst of other bytes, for each of the three offsets.

    The characters at both ends that also depend on the neighbours are left out.
    """
    for offset, drop in ((0, 0), (1, 2), (2, 3)):
        padded = b2a_base64(bytes(offset) + raw, newline=False).decode()
        keep = (offset + len(raw)) * 8 // 6
        yield padded[drop:keep]


def _starts(forms: tuple[str, ...]) -> dict[str, list[str]]:
    starts: dict[str, list[str]] = {}
    for form in forms:
        starts.setdefault(form[0], []).append(form)
    return starts


def _spans(text: AnyStr, forms: tuple[AnyStr, ...]) -> list[tuple[int, int]]:
    """Where the forms occur, in order; spans that overlap are one, so that no piece is left."""
    found: list[tuple[int, int]] = []
    for form in forms:
        place = text.find(form)
        while place >= 0:
            found.append((place, place + len(form)))
            place = text.find(form, place + 1)
    found.sort()
    merged: list[tuple[int, int]] = []
    for start, stop in found:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged
