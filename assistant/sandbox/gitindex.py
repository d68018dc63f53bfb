"""The names in a git index: what is tracked is copied, also where an ignore file names it.

The format is git's index-format, versions 2 to 4; anything unexpected means that nothing is known.
"""

import os
import struct

LARGEST = 64 << 20
"""Bytes of an index that is read."""

_FIXED = 40
"""Bytes before an entry's object name: times, device, inode, mode, owner, size."""


def tracked(index: bytes, name_size: int = 20) -> frozenset[str]:
    """The paths of an index; ``name_size`` is the length of an object name, 32 for sha256."""
    if len(index) < 12 or index[:4] != b"DIRC":
        return frozenset()
    version, count = struct.unpack(">II", index[4:12])
    if version not in (2, 3, 4):
        return frozenset()
    try:
        return frozenset(_paths(index, version, count, name_size))
    except (IndexError, ValueError, struct.error):
        return frozenset()


def _paths(index: bytes, version: int, count: int, name_size: int) -> list[str]:
    found: list[str] = []
    at, name = 12, b""
    for _ in range(count):
        start = at
        at += _FIXED + name_size
        (flags,) = struct.unpack(">H", index[at : at + 2])
        at += 4 if version >= 3 and flags & 0x4000 else 2
        if version == 4:
            dropped, at = _number(index, at)
            end = index.index(b"\0", at)
            name = name[: len(name) - dropped] + index[at:end]
            at = end + 1
        else:
            end = index.index(b"\0", at)
            name = index[at:end]
            at = start + (end - start + 8) // 8 * 8  # Padded with 1 to 8 NULs.
        found.append(os.fsdecode(name))
    return found


def _number(index: bytes, at: int) -> tuple[int, int]:
    """A variable width integer as in git's pack offsets, and where it ends."""
    byte = index[at]
    value = byte & 0x7F
    while byte & 0x80:
        at += 1
        byte = index[at]
        value = ((value + 1) << 7) | (byte & 0x7F)
    return value, at + 1
