import os
import signal
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.events import AssistantError
from assistant.sandbox import pack
from assistant.sandbox.blobs import LARGE, Blobs
from assistant.sandbox.disk import StoreError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store" / "blobs"


def held(blobs: Blobs, digest: str) -> bool:
    try:
        blobs.size(digest)
    except AssistantError:
        return False
    return True


def test_contents_come_back_in_this_and_the_next_process(folder: Path) -> None:
    data = [b"", b"one", os.urandom(100_000), b"one"]
    with Blobs(folder) as blobs:
        digests = [blobs.put(each) for each in data]
        assert digests == [sha256(each).hexdigest() for each in data]
        assert [blobs.get(digest) for digest in digests] == data
        assert [blobs.size(digest) for digest in digests] == [len(each) for each in data]
    with Blobs(folder) as blobs:
        assert [blobs.get(digest) for digest in digests] == data
        assert not held(blobs, sha256(b"other").hexdigest())
        with pytest.raises(AssistantError, match="does not hold"):
            blobs.get(sha256(b"other").hexdigest())
        with pytest.raises(AssistantError, match="does not hold"):
            blobs.get("../../etc/passwd")


def test_putting_again_costs_nothing(folder: Path) -> None:
    with Blobs(folder) as blobs:
        blobs.put(b"x" * 1000)
        size = sum(path.stat().st_size for path in folder.iterdir())
        for _ in range(10):
            blobs.put(b"x" * 1000)
        assert sum(path.stat().st_size for path in folder.iterdir()) == size


def test_only_the_user_can_read_it(folder: Path) -> None:
    with Blobs(folder) as blobs:
        blobs.put(b"x")
        blobs.put(b"y", scratch=True)
        blobs.put_stream([b"z"])
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_large_contents_are_files_of_their_own(folder: Path) -> None:
    large = os.urandom(LARGE)
    with Blobs(folder) as blobs:
        digest = blobs.put(large)
        assert (folder / digest).read_bytes() == large
        assert b"".join(blobs.pieces(digest)) == large
        assert blobs.size(digest) == len(large)
        assert blobs.put_stream([large[:7], large[7:]]) == digest
        (folder / digest).write_bytes(large[:-1] + bytes([large[-1] ^ 1]))
        with pytest.raises(AssistantError, match="damaged"):
            blobs.get(digest)


def test_a_stream_that_fails_leaves_nothing(folder: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x"
        raise OSError("gone")

    with Blobs(folder) as blobs:
        with pytest.raises(OSError, match="gone"):
            blobs.put_stream(pieces())
        assert list(folder.glob("*.tmp")) == []


def test_scratch_is_dropped_and_what_is_kept_stays(folder: Path) -> None:
    with Blobs(folder) as blobs:
        kept, gone = blobs.put(b"kept", scratch=True), blobs.put(b"gone" * 1000, scratch=True)
        blobs.keep(kept)
        blobs.keep(kept)
        assert blobs.get(gone) == b"gone" * 1000
        blobs.drop_scratch()
        assert held(blobs, kept)
        assert not held(blobs, gone)
        again = blobs.put(b"again", scratch=True)
        assert blobs.get(again) == b"again"
        assert blobs.get(kept) == b"kept"
        with pytest.raises(AssistantError):
            blobs.keep(gone)


def test_what_a_crash_left_in_the_scratch_is_not_read(folder: Path) -> None:
    with Blobs(folder) as blobs:
        digest = blobs.put(b"from before", scratch=True)
    with Blobs(folder) as blobs:
        assert not held(blobs, digest)
        other = blobs.put(b"new", scratch=True)
        assert blobs.get(other) == b"new"
        assert (folder / "scratch.pack").stat().st_size < 60


@given(cut=st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_whatever_is_torn_off_the_rest_can_be_read_and_written(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    data = [b"a" * 20, b"b" * 50, b"c" * 100]
    with Blobs(folder) as blobs:
        digests = [blobs.put(each) for each in data]
    pack = folder / "kept.pack"
    whole = pack.read_bytes()
    pack.write_bytes(whole[: max(0, len(whole) - cut)])
    with Blobs(folder) as blobs:
        there = [held(blobs, digest) for digest in digests]
        assert there == sorted(there, reverse=True)
        assert all(
            blobs.get(d) == each for d, each, ok in zip(digests, data, there, strict=True) if ok
        )
        assert [blobs.put(each) for each in data] == digests
    with Blobs(folder) as blobs:
        assert [blobs.get(digest) for digest in digests] == data
    assert len(pack.read_bytes()) == len(whole)


def test_damage_in_the_middle_is_told(folder: Path) -> None:
    with Blobs(folder) as blobs:
        first, second = blobs.put(b"a" * 100), blobs.put(b"b" * 100)
    pack = folder / "kept.pack"
    data = bytearray(pack.read_bytes())
    data[60] ^= 1
    pack.write_bytes(data)
    with Blobs(folder) as blobs:
        with pytest.raises(AssistantError, match="damaged"):
            blobs.get(first)
        assert blobs.get(second) == b"b" * 100
    data[0] ^= 1
    pack.write_bytes(data)
    with pytest.raises(AssistantError, match="damaged"):
        Blobs(folder)


def test_one_process_writes_others_read(folder: Path) -> None:
    with Blobs(folder) as one, Blobs(folder) as two:
        digest = one.put(b"one")
        assert two.get(digest) == b"one"
        with pytest.raises(AssistantError, match="another process"):
            two.put(b"two")
        one.close()
        two.put(b"two")


def test_threads_may_put_at_the_same_time(folder: Path) -> None:
    with Blobs(folder) as blobs:
        threads = [
            threading.Thread(target=lambda: [blobs.put(b"%d" % n) for n in range(200)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        digests = [sha256(b"%d" % n).hexdigest() for n in range(200)]
        assert [blobs.get(digest) for digest in digests] == [b"%d" % n for n in range(200)]


def test_what_has_no_room_waits_in_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: bytes) -> None:
        os.write(fd, data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    with Blobs(folder) as blobs:
        before = blobs.put(b"before")
        blobs.sync()
        with monkeypatch.context() as patch:
            patch.setattr(pack, "write_all", full)
            late, passing = blobs.put(b"x" * 1000), blobs.put(b"y" * 1000, scratch=True)
            assert blobs.get(late) == b"x" * 1000
            assert blobs.get(passing) == b"y" * 1000
            assert blobs.size(late) == 1000
            blobs.keep(passing)
            with pytest.raises(StoreError, match="No space"):
                blobs.sync()
            assert held(blobs, late)
        after = blobs.put(b"after")
        blobs.sync()
        assert [blobs.get(digest) for digest in (before, after)] == [b"before", b"after"]
    with Blobs(folder) as blobs:
        wanted = {before: b"before", after: b"after", late: b"x" * 1000, passing: b"y" * 1000}
        assert {digest: blobs.get(digest) for digest in wanted} == wanted


def test_kill_9_at_any_moment_loses_nothing_that_was_told(folder: Path) -> None:
    """A child puts and says so through a pipe; it is killed; what it said must be there."""
    told: set[str] = set()
    for round_number in range(15):
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reader)
                with Blobs(folder) as blobs:
                    for number in range(100_000):
                        data = b"%d-%d" % (round_number, number) * (number % 50)
                        os.write(writer, bytes.fromhex(blobs.put(data)))
            finally:
                os._exit(1)
        os.close(writer)
        with os.fdopen(reader, "rb") as said:
            for _ in range(20 + 37 * round_number):
                told.add(said.read(32).hex())
            os.kill(pid, signal.SIGKILL)
            rest = said.read()
            told.update(rest[i : i + 32].hex() for i in range(0, len(rest) - 31, 32))
        os.waitpid(pid, 0)
        with Blobs(folder) as blobs:
            assert all(held(blobs, digest) for digest in told)
    with Blobs(folder) as blobs:
        assert all(sha256(blobs.get(digest)).hexdigest() == digest for digest in told)


def test_a_ctrl_c_while_it_becomes_the_writer_leaves_it_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Blobs(tmp_path) as first:
        kept = first.put(b"kept")
    with Blobs(tmp_path) as blobs:

        def interrupted(*arguments: object) -> int:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("assistant.sandbox.pack.os.open", interrupted)
            with pytest.raises(KeyboardInterrupt):
                blobs.put(b"new")
        assert blobs.get(kept) == b"kept"
        assert blobs.get(blobs.put(b"new")) == b"new"
