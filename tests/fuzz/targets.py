"""What a fuzzer may throw bytes at: each target takes any bytes, and promises something about them.

A target returns quietly for what is fine or refused as documented; whatever else it raises is a
defect. ``SEEDS`` are honest inputs to begin from.
"""

import json
import os
import re
import socket
import struct
import tempfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from assistant.code.changes import EditError
from assistant.code.edits import parse_edits
from assistant.code.fences import extract_code
from assistant.code.infer import infer_lang
from assistant.code.patching import apply_edit
from assistant.code.scanner import FenceScanner
from assistant.errors import AssistantError, RecordError, SandboxError, UsageError
from assistant.event_lines import decode
from assistant.sandbox.gitindex import tracked
from assistant.sandbox.ignoring import Ignored
from assistant.sandbox.linediff import changed_blocks, lines
from assistant.sandbox.lines import Lines
from assistant.sandbox.pack import MAGIC, Pack
from assistant.sandbox.plain_output import Kept
from assistant.sandbox.protocol import Caps, Decoder, Frame, Unpacking, checked_path, encode
from assistant.sandbox.questions import Block, joined
from assistant.terminal.markdown import Markdown
from assistant.terminal.pictures import looked_at
from assistant.terminal.sanitize import visible
from assistant.verdicts import wire

SMALL = Caps(bytes=1 << 16, largest=1 << 14, count=50)


def halves(data: bytes) -> tuple[bytes, bytes]:
    """Two inputs of one: what comes before the first NUL, and after it."""
    first, _, second = data.partition(b"\0")
    return first, second


def frames(data: bytes) -> None:
    """The host reads a runner's frames: the same ones however they are cut, or it refuses them."""

    def read(pieces: list[bytes]) -> tuple[list[Frame], bool]:
        decoder = Decoder()
        got: list[Frame] = []
        try:
            for piece in pieces:
                got += decoder.feed(piece)
        except SandboxError:
            return got, True
        return got, False

    whole = read([data])
    assert read([data[at : at + 7] for at in range(0, len(data), 7)]) == whole
    for frame in whole[0]:
        with suppress(SandboxError):
            files(frame)
        with suppress(SandboxError):
            block = Block(1)
            block.take(frame)
            assert all("\0" not in text or b"\0" in frame.body for text in block.pieces())
            if block.over:
                assert 0 <= block.answer().exit_code <= 255


def files(frame: Frame) -> None:
    unpacking = Unpacking(SMALL)
    for path, mode, contents in unpacking.feed(frame):
        assert len(contents) <= SMALL.largest
        assert not mode & ~0o777
        inside(path)
    for path in [*unpacking.entries, *unpacking.removed]:
        inside(path)


def inside(path: str) -> None:
    assert os.path.normpath(path) == path
    assert path.split("/")[0] not in ("", "..")
    os.fsencode(path)


def heads(data: bytes) -> None:
    """A frame whose lengths are right and whose head is anything."""
    head, body = halves(data)
    frames(struct.pack(">II", len(head), len(body)) + head + body)


def paths(data: bytes) -> None:
    with suppress(SandboxError):
        inside(checked_path(data.decode("utf-8", "surrogateescape")))


def output(data: bytes) -> None:
    """Text as it comes, in pieces of any size, is the text of the whole."""
    kept, shown = Kept(1 << 20), ""
    for at in range(0, len(data), 3):
        shown += kept.add(data[at : at + 3])
    assert kept.text() == data.decode("utf-8", "replace")
    assert kept.text().startswith(shown)
    assert kept.cut == 0
    small = Kept(8)
    small.add(data)
    assert small.cut == max(0, len(data) - 16)
    joined(data, len(data) // 2, 1)


def value(data: bytes) -> None:
    """What a candidate sends to its supervisor: a plain value that travels again, or refused."""

    def refuse(node: object) -> object:
        raise wire.Damaged(str(node))

    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack(">I", len(data)) + data)
        theirs.shutdown(socket.SHUT_WR)
        try:
            found = wire.unpack(wire.Channel(ours).receive(), refuse)
        except (wire.Damaged, EOFError):
            return
    with suppress(wire.Unfit):
        again = json.loads(json.dumps(wire.pack(found, lambda odd: wire.pack_more(odd) or ["?"])))
        with suppress(wire.Damaged):  # Of kinds that only the candidate's side sends.
            assert repr(wire.unpack(again, refuse)) == repr(found)


def event(data: bytes) -> None:
    """A line of a record whose checksum fits."""
    body = data.rstrip(b"}\n")
    line = body + b',"crc":"%08x"}\n' % zlib.crc32(b"}", zlib.crc32(body))
    for one in (line, data):
        with suppress(RecordError):
            decode(one, 1)


def stored(name: str, data: bytes, read: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        read(path)


def pack(data: bytes) -> None:
    """A damaged pack gives the contents that it holds whole, and takes new ones."""

    def read(path: Path) -> None:
        with suppress(AssistantError):
            one = Pack(path)
            try:
                one.append(b"\1" * 32, b"new")
                assert one.read((b"\1" * 32).hex()) == b"new"
            finally:
                one.close()
            again = Pack(path)
            assert again.read((b"\1" * 32).hex()) == b"new"
            again.close()

    stored("pack", data, read)


def journal(data: bytes) -> None:
    """A journal of an apply that a crash or a disk has damaged."""

    def read(path: Path) -> None:
        with suppress(AssistantError), Lines(path) as one:
            before = list(one.entries)
            one.append({"a": 1}, durable=False)
            assert Lines(path).entries == [*before, {"a": 1}]

    line = b'{"crc":"%08x","data":%b}\n' % (zlib.crc32(data), data)
    stored("journal", data, read)
    stored("journal", line + line, read)


def index(data: bytes) -> None:
    for size in (20, 32):
        assert all(type(name) is str for name in tracked(data, size))


def ignoring(data: bytes) -> None:
    """Patterns out of a project, and a path that they are asked about."""
    patterns, path = halves(data)
    try:
        path_text = checked_path(path.decode("utf-8", "surrogateescape"))
    except SandboxError:
        return
    ignored = Ignored({".gitignore": patterns}.get, foreign=lambda name: True)
    assert type(ignored.why(path_text, is_folder=False)) is str


def fences(data: bytes) -> None:
    """Code blocks are the same however the reply was cut; what is found is of the text."""
    text = data.decode("utf-8", "replace")
    whole = FenceScanner()
    found = whole.feed(text) + whole.close()
    cut = FenceScanner()
    assert [f for at in range(0, len(text), 5) for f in cut.feed(text[at : at + 5])] + (
        cut.close()
    ) == found
    for lang, code in extract_code(text):
        assert type(lang) is str
        assert type(code) is str
    assert type(infer_lang(text)) is str


def edits(data: bytes) -> None:
    """An edit is applied, or refused with a line of its own."""
    before, code = (half.decode("utf-8", "replace") for half in halves(data))
    line = 1
    try:
        for edit in parse_edits(code):
            apply_edit(before, edit)
    except EditError as error:
        line = error.line
    assert 1 <= line <= code.count("\n") + 1


def line_diff(data: bytes) -> None:
    """The changed regions turn one text into the other."""
    old, new = (lines(half.decode("utf-8", "replace")) for half in halves(data))
    made: list[str] = []
    at = 0
    for start, end, other_start, other_end in changed_blocks(old, new):
        made += old[at:start] + new[other_start:other_end]
        at = end
    assert made + old[at:] == new


CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def terminal(data: bytes) -> None:
    """No control character of a model or a program reaches the screen."""
    text = data.decode("utf-8", "surrogateescape")
    assert not CONTROLS.search(visible(text))
    stream = Markdown(lambda: 20, visible)
    rows = [*stream.feed(text[: len(text) // 2]), *stream.feed(text[len(text) // 2 :])]
    rows += stream.close()
    assert not any(CONTROLS.search(part) for row in rows for _, part, *_ in row)


def picture(data: bytes) -> None:
    """Of any kind; and a PNG whose chunks have the right lengths and checksums."""
    header, rest = data[:13], data[13:]
    png = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR" + header) + _chunk(rest.rjust(4)) + _chunk(b"IEND")
    for one in (data, b"\x89PNG\r\n\x1a\n" + data, png):
        with suppress(UsageError):
            found = looked_at("a.png", one)
            assert found.media != "image/png" or 0 < found.width * found.height <= 25_000_000


Target = Callable[[bytes], None]
TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        frames,
        heads,
        paths,
        output,
        value,
        event,
        pack,
        journal,
        index,
        ignoring,
        fences,
        edits,
        line_diff,
        terminal,
        picture,
    )
}


def _chunk(data: bytes) -> bytes:
    return struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))


def _git_entry(name: bytes) -> bytes:
    """An entry of a git index, version 2: times, modes and an object name of NULs."""
    return bytes(60) + struct.pack(">H", len(name)) + name + bytes(8 - (62 + len(name)) % 8)


_REPLY = b"Look:\n```python\n# filename: a.py\nx = 1\n```\n- a\n  ```sh\n  ls\n  ```\n"
_ROW = (
    b'{"id":1,"is":"files","removed":["d"],'
    b'"entries":[["a/b","file",420,2,""],["c","link",511,0,"a"]]}'
)
_DONE = (
    b'{"id":1,"is":"done","exit":0,"reason":null,"seconds":0.1,'
    b'"cut":0,"head":2,"notes":[],"clean":true}'
)
SEEDS: dict[str, tuple[bytes, ...]] = {
    "frames": (encode(json.loads(_ROW), b"hi"), encode(json.loads(_DONE), b"hi")),
    "heads": (_ROW + b"\0hi", _DONE + b"\0hi", b'{"is":"output"}\0text'),
    "paths": (b"a/b.py", "ä/\u2028".encode(), b"a/../b"),
    "output": ("naïve 漢字 \U0001f600".encode(), b"\xff\xfe\xe6\xbc"),
    "value": tuple(
        json.dumps(wire.pack(one, lambda odd: wire.pack_more(odd) or ["?"])).encode()
        for one in ([1, 2.5, "a", None], {"a": {1, 2}}, 1 << 2100, b"x", range(3), 1j)
    ),
    "event": (
        b'{"v":1,"seq":1,"at":"2025-06-01T12:00:00.000000Z","type":"Said","text":"hi","role":"user"',
    ),
    "pack": (MAGIC + bytes(32) + (3).to_bytes(8, "big") + b"abc",),
    "journal": (b'{"apply":{"a":["file",420,"00"]}}', b"[1]", b"{"),
    "index": (b"DIRC" + struct.pack(">II", 2, 2) + _git_entry(b"a.py") + _git_entry(b"b/c"),),
    "ignoring": (b"*.py\n!/a/**/b\nc/\n[a-z]?\n\0a/x/b", b"**/foo/*\0foo/bar"),
    "fences": (_REPLY, b"~~~\na\n", b"````md\n```py\n```\n````\n"),
    "edits": (
        b"a\nb\n\0<<<<<<< SEARCH\na\n=======\nc\n>>>>>>> REPLACE\n",
        b"a\nb\n\0--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n",
    ),
    "line_diff": (b"a\nb\nc\n\0a\nc\nd\n",),
    "terminal": (_REPLY, b"\x1b]0;t\x07\x1b[2J| a | b |\n|---|---|\n| 1 | 2 |\n"),
    "picture": (
        struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0) + b"IDAT",
        _chunk(b"IHDR" + struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)) + _chunk(b"IEND"),
        b"<svg xmlns='x'/>",
        b"GIF89a\x01\x00\x01\x00",
    ),
}
