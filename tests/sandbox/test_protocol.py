"""The frames: whatever bytes come, the host takes them in order or refuses them."""

import json
import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.events import SandboxError
from assistant.sandbox.link import Link, LinkLost
from assistant.sandbox.protocol import (
    DEEPEST,
    LARGEST_BODY,
    PIECE,
    Caps,
    Decoder,
    Frame,
    Unpacking,
    checked_path,
    encode,
    packed,
)
from assistant.sandbox.questions import Block, joined
from assistant.sandbox.source import runner_source
from assistant.sandbox.tree import Entry
from tests.sandbox.contract import Store

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
HEADS = st.dictionaries(st.text(max_size=8), JSON, max_size=5)


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(places)]


@given(st.lists(st.tuples(HEADS, st.binary(max_size=200)), max_size=5), st.lists(st.integers(0)))
def test_frames_survive_any_cutting(
    sent: list[tuple[dict[str, Any], bytes]], cuts: list[int]
) -> None:
    decoder = Decoder()
    data = b"".join(encode(head, body) for head, body in sent)
    got = [frame for piece in pieces(data, cuts) for frame in decoder.feed(piece)]
    assert [(frame.head, frame.body) for frame in got] == sent


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_garbage_is_refused_or_waited_for(given_pieces: list[bytes]) -> None:
    decoder = Decoder()
    with suppress(SandboxError):
        for piece in given_pieces:
            list(decoder.feed(piece))


@given(HEADS, st.binary(max_size=50), st.integers(0, 1 << 30), st.integers(0, 255))
def test_a_changed_byte_never_crashes(
    head: dict[str, Any], body: bytes, place: int, value: int
) -> None:
    data = bytearray(encode(head, body))
    data[place % len(data)] = value
    with suppress(SandboxError):
        for frame in Decoder().feed(bytes(data)):
            list(Unpacking(Caps()).feed(frame))


def test_what_is_too_large_or_deep_is_refused() -> None:
    with pytest.raises(SandboxError):
        list(Decoder().feed(struct.pack(">II", 2, LARGEST_BODY + 1) + b"{}"))
    with pytest.raises(SandboxError):
        list(Decoder().feed(struct.pack(">II", 1 << 30, 0)))
    for text in (b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}", b"[]", b"nul", b'"x"', b"\xff"):
        with pytest.raises(SandboxError):
            list(Decoder().feed(struct.pack(">II", len(text), 0) + text))


@given(st.text())
def test_paths_that_pass_stay_inside(path: str) -> None:
    try:
        checked_path(path)
    except SandboxError:
        return
    assert not os.path.isabs(path)
    assert os.path.normpath(path) == path
    assert not path.startswith("..")
    os.fsencode(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/../b",
        "a/./b",
        "a\0b",
        "a" * 5000,
        "\ud800",
        "/".join("a" * (DEEPEST + 1)),
        None,
        3,
        ["a"],
    ],
)
def test_paths_that_are_refused(path: object) -> None:
    with pytest.raises(SandboxError):
        checked_path(path)


ROWS = st.tuples(
    st.sampled_from(["a", "b", "c/d", "ä/\udcff"]), st.binary(max_size=300), st.integers(0, 0o777)
)


@given(st.lists(ROWS, max_size=12))
def test_packed_files_come_out_again(rows: list[tuple[str, bytes, int]]) -> None:
    sent = [(path, Entry("file", mode, len(data)), data) for path, data, mode in rows]
    unpacking = Unpacking(Caps())
    got = []
    for entries, body in packed(sent):
        got += list(unpacking.feed(Frame({"entries": entries}, body)))
    assert unpacking.complete
    assert got == [(path, mode, data) for path, data, mode in rows]


def test_a_file_larger_than_a_frame() -> None:
    data = os.urandom(3 * PIECE + 5)
    frames = [
        Frame({"entries": rows}, body)
        for rows, body in packed([("x", Entry("file"), data), ("y", Entry("file"), b"1")])
    ]
    assert len(frames) == 4
    assert max(len(frame.body) for frame in frames) == PIECE
    unpacking = Unpacking(Caps())
    assert [row for frame in frames for row in unpacking.feed(frame)] == [
        ("x", 0o644, data),
        ("y", 0o644, b"1"),
    ]


@pytest.mark.parametrize(
    "row",
    [
        ["a", "file", 0o644, -1, ""],
        ["a", "file", 0o644, 1 << 40, ""],
        ["a", "file", 0o4755, 0, ""],
        ["a", "file", "0644", 0, ""],
        ["a", "fifo", 0o644, 0, ""],
        ["a", "dir", 0o755, 3, ""],
        ["a", "link", 0o777, 0, ""],
        ["a", "link", 0o777, 0, "x\0y"],
        ["a", "link", 0o777, 0, None],
        ["../a", "dir", 0o755, 0, ""],
        ["a", "dir", 0o755, 0],
        ["a", [], 0o755, 0, ""],
        "abcde",
        None,
    ],
)
def test_entries_that_are_refused(row: object) -> None:
    with pytest.raises(SandboxError):
        list(Unpacking(Caps()).feed(Frame({"entries": [row]})))


def test_more_than_was_asked_for_is_refused() -> None:
    small = Caps(bytes=10, largest=8, count=1)
    rows = [[name, "file", 0o644, 6, ""] for name in "ab"]
    many = [[f"d{n}", "dir", 0o755, 0, ""] for n in range(2000)]
    with pytest.raises(SandboxError):
        list(Unpacking(small).feed(Frame({"entries": rows}, b"x" * 12)))
    with pytest.raises(SandboxError):
        list(Unpacking(Caps()).feed(Frame({}, b"contents of nothing")))
    with pytest.raises(SandboxError):
        list(Unpacking(small).feed(Frame({"entries": many})))


# Both ends of the format, and a runner that cannot be trusted.


def test_the_runner_writes_what_the_host_reads() -> None:
    """The runner's half is text; its encoder is taken out of it here, and only here."""
    names: dict[str, Any] = {"__name__": "runner"}
    exec(compile(runner_source(), "<runner>", "exec"), names)
    assert names["FRAME"].pack(1, 2) == struct.pack(">II", 1, 2)
    assert json.loads(encode({"is": "x"})[8:]) == {"is": "x"}


class Scripted:
    """A transport whose other end answers the n-th question with the n-th answer, then ends."""

    complaint = b""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._asked: SimpleQueue[None] = SimpleQueue()

    def read(self) -> bytes:
        self._asked.get(timeout=30)
        return self._answers.pop(0) if self._answers else b""

    def write(self, data: bytes) -> None:
        self._asked.put(None)

    def close(self) -> None:
        self._answers.clear()
        self._asked.put(None)

    def reachable(self) -> bool:
        return True

    def release(self) -> None:
        pass


DONE = {"is": "done", "id": 2, "exit": 0, "reason": None, "seconds": 0.1, "head": 0, "cut": 0}


def ask(*frames: dict[str, Any], body: bytes = b"") -> str:
    """What the link makes of a runner that answers a block with these frames."""
    said = b"".join(encode(frame, body) for frame in frames)
    link = Link(Scripted(encode({"is": "ready", "id": 1}), said), b"source", {"grace": 0.1})
    link.open(5)
    try:
        run = link.run({"seconds": 5}, b"")
        while True:
            next(run)
    except StopIteration as end:
        return str(end.value)
    finally:
        link.close()


@pytest.mark.parametrize(
    "change",
    [
        {"exit": 256},
        {"exit": -1},
        {"exit": True},
        {"exit": "0"},
        {"reason": "magic"},
        {"reason": 3},
        {"seconds": float("inf")},
        {"seconds": "soon"},
        {"seconds": None},
        {"seconds": 10**400},
        {"cut": -5},
        {"head": 5},
        {"notes": "x"},
        {"notes": ["x"]},
    ],
)
def test_answers_that_no_runner_gives(change: dict[str, Any]) -> None:
    with pytest.raises(SandboxError, match="sent"):
        ask({**DONE, **change})


def test_an_honest_answer_is_taken() -> None:
    assert "exit_code=0" in ask(DONE)


def test_a_runner_that_ends_in_the_middle() -> None:
    with pytest.raises(LinkLost):
        ask()


@given(st.lists(st.binary(max_size=12), max_size=12))
def test_output_is_decoded_the_same_however_it_is_cut(parts: list[bytes]) -> None:
    block = Block(1)
    for part in parts:
        block.take(Frame({"is": "output"}, part))
    block.take(Frame({**DONE, "is": "done"}))
    assert "".join(block.pieces()) == b"".join(parts).decode("utf-8", "replace")


def test_the_cut_is_marked() -> None:
    assert (
        joined("ä".encode() + b"\xc3" + b"\xa4z", 3, 7)
        == "ä\ufffd\n[... 7 bytes left out ...]\n\ufffdz"
    )


def test_contents_that_cannot_be_stored_are_told() -> None:
    assert Store().put(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
