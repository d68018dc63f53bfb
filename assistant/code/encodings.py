"""A file's bytes as text and back, byte for byte: marks at its start, and what it is written in."""

import codecs
import re
from dataclasses import dataclass

_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(  # PEP 263, which other languages use too, and XML's declaration
    rb"^[ \t\f]*(?:#|//|/\*|--|;).{0,40}?coding[:=][ \t]*([-\w.]+)"
    rb"|^<\?xml[^>]{0,100}\sencoding=[\"']([-\w.]+)"
)
_CONTROLS = frozenset(range(0x80, 0xA0))


class NotText(ValueError):
    """Bytes that are no text, or a text that the file's encoding cannot hold; says why."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file as text, without the mark at its start. ``encoding`` is a codec of Python's."""

    text: str
    encoding: str = "utf-8"
    mark: bytes = b""


def decoded(data: bytes) -> Decoded:
    """The text of a file: by its mark, its declaration, as UTF-8, else as Latin-1 or Windows-1252.

    Raises NotText for binary files, and where the text would not come back as the same bytes.
    """
    mark, encoding = next(
        ((mark, name) for mark, name in _MARKS if data.startswith(mark)), (b"", "")
    )
    body = data[len(mark) :]
    if not mark and b"\0" in body:
        raise NotText("it is binary (it holds a NUL byte)")
    encoding = encoding or _declared(body) or _guessed(body)
    try:
        text = body.decode(encoding)
        same = text.encode(encoding) == body
    except (UnicodeError, LookupError) as error:
        raise NotText(f"it is no text in {encoding}") from error
    if not same:
        raise NotText(f"it is written in {encoding} in a way that cannot be kept exactly")
    if "\0" in text:
        raise NotText("it is binary (it holds a NUL character)")
    return Decoded(text, encoding, mark)


def encoded(text: str, like: Decoded) -> bytes:
    """The bytes of a text, written as the file ``like``. Raises NotText naming what it cannot hold.

    A text that begins with a byte order mark of its own has it dropped: the file's counts.
    """
    try:
        return like.mark + text.removeprefix("\ufeff").encode(like.encoding)
    except UnicodeEncodeError as error:
        bad = text[error.start]
        raise NotText(f"its encoding ({like.encoding}) has no U+{ord(bad):04X}") from error


def _declared(data: bytes) -> str:
    """The codec that one of the first two lines names, "" for none that Python has."""
    for line in data.split(b"\n", 2)[:2]:
        if found := _DECLARED.match(line[:200]):
            name = (found[1] or found[2]).decode("ascii", "replace")
            try:
                b"x".decode(name)  # Fails for rot13, zip and the like, which encode no characters.
                codec = codecs.lookup(name).name
            except LookupError:
                continue
            if not codec.startswith(("utf-16", "utf-32")):  # Without a mark it cannot be so.
                return codec.removesuffix("-sig")
        elif line.strip() and not line.lstrip().startswith((b"#", b"/", b"-", b";", b"<")):
            break
    return ""


def _guessed(data: bytes) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1" if _CONTROLS.isdisjoint(data) else "cp1252"
    return "utf-8"
