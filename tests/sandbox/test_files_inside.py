"""The runner's own half of files: what it takes for agreed on, and what it looks at again."""

import os
from pathlib import Path
from typing import Any

import pytest

from assistant.sandbox.source import runner_source

ORDER = {
    "id": 1,
    "skip": [],
    "deepest": 8,
    "count": 100,
    "seconds": 60,
    "bytes": 1000,
    "largest": 1000,
    "longest": 200,
}


class Inside:
    """The runner's files in a folder. ``quick``: none of what was put is too recent to be sure."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        names: dict[str, Any] = {"__name__": "runner"}
        exec(compile(runner_source(), "<runner>", "exec"), names)
        self.files = names["Files"](str(folder))
        if quick:
            self.files.RACY = 0

    def put(self, name: str, *pieces: bytes) -> None:
        size = sum(map(len, pieces))
        self.files.put({"entries": [[name, "file", 0o644, size, ""]]}, pieces[0])
        for piece in pieces[1:]:
            self.files.put({}, piece)
        assert not self.files.end_put(whole=True)

    def pulled(self) -> dict[str, bytes]:
        """What is told to have changed, and how it lies there."""
        found: dict[str, bytes] = {}

        def send(head: dict[str, Any], body: bytes) -> None:
            for name, _, _, size, _ in head.get("entries", ()):
                found[name], body = body[:size], body[size:]

        self.files.pull(ORDER, send, set())
        self.files.settle(ORDER["id"])
        return found


@pytest.mark.parametrize("quick", [False, True])
def test_what_was_put_a_moment_ago_is_looked_at_again(tmp_path: Path, quick: bool) -> None:
    """A kernel's clock may stand for 10 ms: what is written meanwhile has the same times."""
    inside = Inside(tmp_path, quick=quick)
    inside.put("a", b"12")
    assert inside.pulled() == ({} if quick else {"a": b"12"})
    inside.files.RACY = 0
    inside.pulled()
    assert inside.pulled() == {}
    (tmp_path / "a").write_bytes(b"345")
    assert inside.pulled() == {"a": b"345"}


def test_a_file_that_is_swapped_while_it_is_put_is_told(tmp_path: Path) -> None:
    inside = Inside(tmp_path, quick=True)
    (tmp_path / "mine").write_bytes(b"mine")
    inside.put("mine", b"mine")
    inside.files.put({"entries": [["a", "file", 0o644, 4, ""]]}, b"12")
    under_way = next(path for path in tmp_path.iterdir() if path.name != "mine")
    os.rename(tmp_path / "mine", under_way)
    inside.files.put({}, b"34")
    inside.files.end_put(whole=True)
    assert inside.pulled() == {"a": b"mine"}


def test_a_name_that_is_taken_does_not_stop_a_file(tmp_path: Path) -> None:
    inside = Inside(tmp_path, quick=True)
    inside.files.serial = 6
    (tmp_path / ".assistant-new-7").write_bytes(b"in the way")
    inside.put("a", b"12", b"34")
    assert (tmp_path / "a").read_bytes() == b"1234"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]
