"""Pictures that code has written: looked at before anything trusts them, kept, and drawn."""

import os
import re
import struct
import zlib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assistant.events import UsageError

Protocol = Literal["off", "kitty", "iterm"]
Wanted = Literal["auto"] | Protocol
LARGEST = 8 << 20
"""Bytes of a picture that is looked at."""
FOR_MODELS = 3 << 20
"""Bytes of a picture that a model is given."""
_MOST_PIXELS = 25_000_000
_LONGEST_SIDE = 16_384
_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")
_PNG = b"\x89PNG\r\n\x1a\n"
_SVG = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,2000}?-->\s*){0,9}<svg[\s>]", re.DOTALL)
_PIECE = 4096
"""Characters of base64 in one control sequence, as kitty wants it."""
_MOST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture whose outside is in order. ``size`` is in words."""

    path: str
    media: str
    data: bytes
    width: int = 0
    height: int = 0

    @property
    def size(self) -> str:
        pixels = f"{self.width} x {self.height}, " if self.width else ""
        return f"{pixels}{max(len(self.data) // 1000, 1):,} kB"


def named(files: Iterable[str]) -> list[str]:
    """Those of the files whose names are a picture's."""
    return [name for name in files if name.lower().endswith(_SUFFIXES)]


def looked_at(path: str, data: bytes) -> Picture:
    """The picture, by what is in it and not by its name. Raises UsageError where it is none.

    Of a PNG (which terminals and models are given) the header, every chunk's length and checksum
    and the number of pixels must hold: whoever decodes it is kept from the worst.
    """
    if len(data) > LARGEST:
        raise UsageError(f"{path} is too large for a picture: {len(data):,} bytes")
    if data.startswith(_PNG):
        width, height = _png(path, data)
        return Picture(path, "image/png", data, width, height)
    if data.startswith(b"\xff\xd8\xff"):
        return Picture(path, "image/jpeg", data)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return Picture(path, "image/gif", data, *struct.unpack("<HH", data[6:10].ljust(4, b"\0")))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Picture(path, "image/webp", data)
    if _SVG.match(data[:10_000]):
        return Picture(path, "image/svg+xml", data)
    raise UsageError(
        f"{path} is no picture that is known here", "PNG, JPEG, GIF, WebP and SVG are."
    )


def _png(path: str, data: bytes) -> tuple[int, int]:
    wrong = UsageError(f"{path} is a damaged PNG")
    if data[8:16] != b"\0\0\0\rIHDR" or len(data) < 33:
        raise wrong
    width, height = struct.unpack(">II", data[16:24])
    if not (0 < width <= _LONGEST_SIDE and 0 < height <= _LONGEST_SIDE):
        raise UsageError(f"{path} is no picture of a usual size: {width:,} x {height:,}")
    if width * height > _MOST_PIXELS:
        raise UsageError(f"{path} has too many pixels: {width:,} x {height:,}")
    at = 8
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        end = at + 12 + length
        if end > len(data):
            raise wrong
        if struct.unpack(">I", data[end - 4 : end])[0] != zlib.crc32(data[at + 4 : end - 4]):
            raise wrong
        if data[at + 4 : at + 8] == b"IEND":
            return width, height
        at = end
    raise wrong


def kept(picture: Picture, folder: Path) -> Path:
    """Write the picture into a folder of ours, where only the user can; its path."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", picture.path.replace("/", "-")).lstrip(".-")[-100:]
    file = folder / (name or "picture")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = folder / f".{os.getpid()}.part"
        part.write_bytes(picture.data)
        part.replace(file)
    except OSError as error:
        raise UsageError(f"{picture.path} cannot be kept: {error.strerror}") from error
    return file


def protocol_of(wanted: Wanted, environment: Mapping[str, str]) -> Protocol:
    """How this terminal draws pictures: what was asked for, or, for "auto", what it says it is."""
    if wanted != "auto":
        return wanted
    if environment.get("TMUX") or environment.get("STY"):
        return "off"
    program = environment.get("TERM_PROGRAM", "")
    if environment.get("KITTY_WINDOW_ID") or program in ("ghostty", "kitty"):
        return "kitty"
    return "iterm" if program in ("iTerm.app", "WezTerm") else "off"


def drawn(picture: Picture, protocol: Protocol, columns: int) -> str:
    """The control sequences that draw a PNG, without a line end; "" where it cannot be drawn.

    The picture takes a fixed number of rows, so that what follows stands below it. Cells are
    taken to be twice as high as wide.
    """
    if protocol == "off" or picture.media != "image/png":
        return ""
    wide = max(min(columns - 2, picture.width // 8 + 1), 1)
    rows = max(min(wide * picture.height // (2 * picture.width), _MOST_ROWS), 1)
    text = b64encode(picture.data).decode()
    if protocol == "iterm":
        how = f"inline=1;size={len(picture.data)};height={rows};preserveAspectRatio=1"
        return f"\x1b]1337;File={how}:{text}\a"
    pieces = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
    sequences = []
    for number, piece in enumerate(pieces):
        more = int(number < len(pieces) - 1)
        keys = f"a=T,f=100,q=2,r={rows},m={more}" if number == 0 else f"m={more}"
        sequences.append(f"\x1b_G{keys};{piece}\x1b\\")
    return "".join(sequences)
