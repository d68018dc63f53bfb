"""A record keeps every acknowledged event, whatever happens to its writer or its disk."""

import os
import random
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, get_args

import pytest

from assistant.events import (
    Chunk,
    CodeBlock,
    Event,
    ExecResult,
    Finished,
    Notice,
    Output,
    Ran,
    RecordError,
    Replied,
    Reserved,
    Running,
    Said,
    Started,
)
from assistant.record import KEPT, Recorder, decode, encode, load
from assistant.redact import Redactor

GOLDEN = sorted((Path(__file__).parent / "records").glob("*.jsonl"))
AT = datetime(2025, 6, 1, tzinfo=UTC)
BLOCK = CodeBlock("python", "print(1)")
TURN: list[Event] = [
    Started("0.1.0", "test"),
    Said("hello"),
    Reserved(10, 20),
    Replied("```python\nprint(1)\n```"),
    Running(BLOCK),
    Ran(BLOCK, ExecResult(0, "1\n")),
    Finished("done"),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session" / "record.jsonl"


def write(path: Path, *events: Event) -> list[Notice]:
    told: list[Notice] = []
    with Recorder(path, tell=told.append) as record:
        for event in events:
            record(event)
    return told


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
def test_golden_records_are_read_and_written_to_the_byte(golden: Path) -> None:
    """The files in ``records/`` hold the format of version 1 still.

    They are never written anew: a reader that cannot read them could not read the sessions of
    people who used an earlier release. Each loads whole, and encodes to the same bytes. To add
    one, copy the ``record.jsonl`` of a session (or write one by hand) and say in its first notice
    what it is for.
    """
    loaded = load(golden)
    assert not loaded.torn
    assert not loaded.damaged
    again = b"".join(encode(one.event, one.seq, one.at) for one in loaded.recorded)
    assert again == golden.read_bytes()


def test_there_are_golden_records() -> None:
    assert GOLDEN


def test_every_event_is_in_the_table() -> None:
    assert set(KEPT) == set(get_args(Event))
    assert [kind for kind, kept in KEPT.items() if kept is None] == [Chunk, Output]


def test_what_is_written_is_read(path: Path) -> None:
    assert write(path, *TURN) == []
    loaded = load(path)
    assert loaded.events == tuple(TURN)
    assert [one.seq for one in loaded.recorded] == list(range(1, 8))
    assert not loaded.torn
    assert not loaded.damaged
    assert loaded.unfinished is None
    assert loaded.finished == Finished("done")


def test_pieces_are_shown_and_not_stored(path: Path) -> None:
    write(path, Said("a"), Chunk("x"), Output("y"))
    assert load(path).events == (Said("a"),)


def test_each_event_is_in_the_file_when_the_call_returns(path: Path) -> None:
    with Recorder(path) as record:
        for count, event in enumerate(TURN, start=1):
            record(event)
            assert len(load(path).events) == count


def test_it_goes_on_where_it_ended(path: Path) -> None:
    write(path, *TURN)
    write(path, Said("more"))
    assert load(path).recorded[-1].seq == 8
    assert not load(path).damaged


def test_folders_and_files_are_the_owners_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        path = tmp_path / "data" / "sessions" / "one" / "record.jsonl"
        with Recorder(path):
            holder = path.with_suffix(".holder")
            for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
                assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert holder.exists()
        assert not holder.exists()
    finally:
        os.umask(old)


def test_nothing_secret_reaches_the_disk(path: Path) -> None:
    secret = "canary-5e1f4b-key"
    told: list[Notice] = []
    with Recorder(path, Redactor([secret]), tell=told.append) as record:
        record(Said(f"my key is {secret}"))
        record(Ran(CodeBlock("sh", f"echo {secret}"), ExecResult(0, secret)))
    for file in path.parent.iterdir():
        assert secret.encode() not in file.read_bytes()
    assert load(path).events[0] == Said("my key is [redacted]")


def test_a_clock_that_jumps_back_changes_no_order(path: Path) -> None:
    times = iter([AT, AT - timedelta(days=400), AT + timedelta(days=9000)])
    with Recorder(path, clock=lambda: next(times)) as record:
        for text in "abc":
            record(Said(text))
    loaded = load(path)
    assert loaded.events == (Said("a"), Said("b"), Said("c"))
    assert not loaded.damaged


def test_a_closed_record_takes_nothing_more(path: Path) -> None:
    record = Recorder(path)
    record.close()
    record.close()
    with pytest.raises(RecordError, match="closed"):
        record(Said("a"))


def test_an_event_that_cannot_be_written_leaves_no_trace(path: Path) -> None:
    with Recorder(path) as record:
        with pytest.raises(RecordError, match="Said cannot be written"):
            record(Said(7))  # type: ignore[arg-type]  # Wrong on purpose.
        record(Said("a"))
    assert [one.seq for one in load(path).recorded] == [1]


# Two writers.


def test_a_second_writer_is_told_who_holds_it(path: Path) -> None:
    with Recorder(path) as record:
        with pytest.raises(RecordError, match=f"in use by process {os.getpid()} on ") as caught:
            Recorder(path)
        assert caught.value.remedy
        record(Said("a"))
        assert load(path).events == (Said("a"),)
    write(path, Said("b"))


def test_a_writer_that_was_killed_holds_nothing(path: Path) -> None:
    def child() -> None:
        Recorder(path)(Said("a"))
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(child) == -signal.SIGKILL
    write(path, Said("b"))
    assert load(path).events == (Said("a"), Said("b"))


def in_child(do: Callable[[], None]) -> int:
    """Run in a fork of this process; its exit code, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            do()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# Torn and damaged records.


@pytest.fixture
def small(path: Path) -> Path:
    write(path, Started("0.1.0", "m"), Said("hi"), Running(BLOCK), Finished("done"))
    return path


def test_a_record_cut_at_any_length_goes_on(small: Path) -> None:
    whole = small.read_bytes()
    events = load(small).events
    for length in range(len(whole)):
        small.write_bytes(whole[:length])
        loaded = load(small)
        kept = loaded.events
        assert kept == events[: len(kept)]
        assert len(kept) >= whole[:length].count(b"\n")
        if length % 7 and b"\n" not in whole[max(0, length - 2) : length + 2]:
            continue  # Going on is slower; all places near a line's end, and some others.
        told = write(small, Said("on"))
        after = load(small)
        new = [event for event in after.events[len(kept) :] if not isinstance(event, Notice)]
        assert after.events[: len(kept)] == kept
        assert new == [Said("on")]
        assert not after.torn
        assert not after.damaged
        assert bool(told) == loaded.torn
        assert all("torn" in notice.text for notice in told)


def test_a_record_with_any_byte_changed_keeps_the_rest(small: Path) -> None:
    whole = small.read_bytes()
    events = load(small).events
    chance = random.Random(7)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << chance.randrange(8)
        small.write_bytes(changed)
        loaded = load(small)
        missing = [event for event in events if event not in loaded.events]
        assert len(missing) <= 2  # Two lines become one where a line end is hit.
        assert all(event in events for event in loaded.events)
        assert missing == [] or loaded.damaged or loaded.torn
        assert all(1 <= damage.line <= 4 for damage in loaded.damaged)
        if place % 7:
            continue
        write(small, Said("on"))
        assert load(small).events[-1] == Said("on")
        assert small.read_bytes().startswith(bytes(changed[: changed.rfind(b"\n") + 1]))


def test_damage_is_named_by_line(small: Path) -> None:
    lines = lines_of(small)
    small.write_bytes(lines[0] + b"\0" * 50 + b"\n" + b"".join(lines[2:]))
    (damage,) = load(small).damaged
    assert damage.line == 2
    assert damage.why == "line 2: not a line of JSON"
    assert len(load(small).events) == 3


def test_missing_and_repeated_lines_are_seen(small: Path) -> None:
    lines = lines_of(small)
    small.write_bytes(lines[0] + lines[3])
    assert [d.why for d in load(small).damaged] == ["line 2: events 2 to 3 are not there"]
    small.write_bytes(b"".join([*lines, lines[1]]))
    assert [d.why for d in load(small).damaged] == ["line 5: event 2 comes after event 4"]
    assert len(load(small).events) == 5


@pytest.mark.parametrize(
    "content", [b"# Notes\n", b"\x7fELF\0\0", b'{"v":"x"}\n', b"hello", b"{}\n" * 40_000]
)
def test_what_is_no_record_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.md"
    path.write_bytes(content)
    for use in (load, Recorder):
        with pytest.raises(RecordError, match="not a record"):
            use(path)
    assert path.read_bytes() == content


def test_an_empty_file_is_an_empty_record(path: Path) -> None:
    write(path)
    assert load(path).events == ()


def test_a_record_of_another_version_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    content = b'{"v":2,"anything":"else"}\n'
    path.write_bytes(content)
    for use in (load, Recorder):
        with pytest.raises(RecordError, match=r"record\.jsonl: line \d+: written in version 2"):
            use(path)
    assert path.read_bytes() == content


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="No such file"):
        load(tmp_path / "missing")
    with pytest.raises(RecordError, match="not a file"):
        load(tmp_path)
    with pytest.raises(RecordError, match="Is a directory"):
        Recorder(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    for use in (load, Recorder):
        with pytest.raises(RecordError, match="not a file"):
            use(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordError, match="cannot open"):
        Recorder(tmp_path / "link")


def test_the_end_is_found_behind_long_lines_and_damage(path: Path) -> None:
    write(path, Said("a"), Said("x" * 300_000))
    with path.open("ab") as file:
        file.write(b"y" * 100_000 + b"\n" + b"z" * 100_000)
    told = write(path, Said("b"))
    loaded = load(path)
    assert [one.seq for one in loaded.recorded] == [1, 2, 4, 5]
    assert [damage.line for damage in loaded.damaged] == [3]
    assert "100000 bytes" in told[0].text


# A block whose end is not known.


@pytest.mark.parametrize(
    ("after", "unfinished"),
    [
        ((), True),
        ((Notice("x"), Said("fed back", "result")), True),
        ((Ran(BLOCK, ExecResult(0, "")),), False),
        ((Finished("sandbox-error"),), False),
        ((Said("never mind"),), False),
    ],
)
def test_a_started_block_without_an_end_is_known(
    path: Path, after: list[Event], unfinished: bool
) -> None:
    write(path, Said("go"), Running(BLOCK), *after)
    assert load(path).unfinished == (Running(BLOCK) if unfinished else None)


# kill -9.


def test_kill_at_any_time_loses_nothing_acknowledged(path: Path) -> None:
    """120 writers in a row on one record, each killed in the midst of it."""
    chance = random.Random(11)
    acknowledged: list[int] = []
    for _ in range(120):
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            _write_for_ever(path, theirs)
        os.close(theirs)
        first = os.read(ours, 4)
        time.sleep(chance.random() * 0.004)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with open(ours, "rb") as pipe:
            acks = first + pipe.read()
        acknowledged += [int.from_bytes(acks[i : i + 4], "big") for i in range(0, len(acks), 4)]
    loaded = load(path)
    kept = {one.seq for one in loaded.recorded}
    assert len(acknowledged) >= 120
    assert set(acknowledged) <= kept
    assert not loaded.damaged
    assert write(path, Said("on")) == [] or loaded.torn
    assert not load(path).damaged


def _write_for_ever(path: Path, acks: int) -> None:
    try:
        with Recorder(path) as record:
            while True:
                record(Replied("x" * random.randrange(20_000)))
                seq = decode(_last_line(path)).seq
                os.write(acks, seq.to_bytes(4, "big"))
    finally:
        os._exit(1)


def _last_line(path: Path) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 60_000))
        return file.read().splitlines()[-1]


# Interrupts.


def test_an_interrupt_at_any_line_loses_and_doubles_nothing(tmp_path: Path) -> None:
    reached = 0
    for count in range(1, 400):
        path = tmp_path / str(count) / "record.jsonl"
        with Recorder(path) as record:
            record(Said("a"))
            interrupted = _interrupted(partial(record, Said("b")), count)
            record(Said("c"))
        loaded = load(path)
        assert not loaded.damaged
        assert not loaded.torn
        texts = [event.text for event in loaded.events if isinstance(event, Said)]
        if not interrupted:
            break
        reached = count
        # Only in the first lines may it go missing: there the recorder has not got it yet.
        assert texts == ["a", "b", "c"] or (texts == ["a", "c"] and count < 12)
    assert texts == ["a", "b", "c"]
    assert reached > 30


def _interrupted(do: Callable[[], None], count: int) -> bool:
    """Do it, with a Ctrl-C at the ``count``-th line of the recorder's own code."""
    left = count

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal left
        if "/assistant/record" not in frame.f_code.co_filename:
            return None
        if event == "line":
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    old = sys.gettrace()
    sys.settrace(trace)
    try:
        do()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(old)
    return False


# Disks that are full or broken.


def test_a_full_disk_is_told_once_and_made_up_for(path: Path) -> None:
    """The limit of a file's size stands for the disk: the kernel cuts a line, then refuses."""

    def child() -> None:
        told: list[Notice] = []
        with Recorder(path, tell=told.append) as record:
            record(Said("a"))
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, hard))
            for text in "bcd":
                record(Said(text))
            assert len(told) == 1, told
            assert "session goes on in memory" in told[0].text
            assert record.waiting == 3
            assert load(path).events == (Said("a"),)
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            record(Said("e"))
            assert record.waiting == 0
            assert len(told) == 2
            assert "whole again" in told[1].text

    assert in_child(child) == 0
    loaded = load(path)
    assert loaded.events == tuple(map(Said, "abcde"))
    assert not loaded.damaged


def test_what_could_not_be_written_at_all_is_told_at_the_end(path: Path) -> None:
    def child() -> None:
        told: list[Notice] = []
        with Recorder(path, tell=told.append) as record:
            record(Said("a"))
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 5, hard))
            record(Said("b"))
        assert "an event could not be written" in told[-1].text, told

    assert in_child(child) == 0
    assert load(path).events == (Said("a"),)
    assert write(path, Said("c")) == [], "the piece was cut off by its own writer"


def test_a_record_that_is_deleted_under_us_is_told(path: Path) -> None:
    told: list[Notice] = []
    with Recorder(path, tell=told.append) as record:
        record(Said("a"))
        path.unlink()
        record(Said("b"))
        record(Said("c"))
    assert "deleted" in told[0].text
    assert "2 events could not be written" in told[1].text


def test_what_others_appended_is_left_alone(path: Path) -> None:
    with Recorder(path) as record:
        record(Said("a"))
        with path.open("ab") as file:
            file.write(b"a stranger's line\n")
        record(Said("b"))
    loaded = load(path)
    assert loaded.events == (Said("a"), Said("b"))
    assert [damage.line for damage in loaded.damaged] == [2]


SCRIPT = """
import sys
from assistant.record import Recorder
from assistant.events import Said
told = []
with Recorder(sys.argv[1], tell=told.append) as record:
    for text in "abcdefgh":
        record(Said(text))
        print("ack", text, record.waiting, flush=True)
for notice in told:
    print("told", notice.text)
"""


def _strace_works() -> bool:
    strace = shutil.which("strace")
    return (
        bool(strace)
        and not subprocess.run(
            [str(strace), "-o", os.devnull, "true"], check=False, capture_output=True
        ).returncode
    )


needs_strace = pytest.mark.skipif(not _strace_works(), reason="needs strace and leave to trace")


def under_strace(path: Path, call: str, inject: str) -> tuple[int, list[str]]:
    """Write eight events with a fault injected into calls on the record; its lines of output."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    command = ["strace", "-qq", "-o", os.devnull, "-P", str(path), "-e", f"trace={call}"]
    command += ["-e", f"inject={call}:{inject}", sys.executable, "-c", SCRIPT, str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()


@needs_strace
@pytest.mark.parametrize("call", ["write", "fsync"])
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_failing_calls_are_told_once_and_made_up_for(path: Path, call: str, error: str) -> None:
    code, lines = under_strace(path, call, f"error={error}:when=3..5")
    assert code == 0
    assert [line[-1] for line in lines if line.startswith("ack")][1:4] != ["0", "0", "0"]
    told = [line for line in lines if line.startswith("told")]
    assert len(told) == 2
    assert "the record cannot be written" in told[0]
    assert "whole again" in told[1]
    loaded = load(path)
    assert loaded.events == tuple(map(Said, "abcdefgh"))
    assert not loaded.damaged


@needs_strace
@pytest.mark.parametrize("call", ["write", "fsync"])
@pytest.mark.parametrize("when", [1, 2, 5, 8])
def test_kill_at_the_nth_call_loses_nothing_acknowledged(path: Path, call: str, when: int) -> None:
    _, lines = under_strace(path, call, f"signal=KILL:when={when}")
    acked = tuple(Said(line.split()[1]) for line in lines if line.startswith("ack"))
    assert len(acked) == when - 1
    kept = load(path).events
    assert kept[: len(acked)] == acked
    write(path, Said("on"))
    assert not load(path).damaged


@needs_strace
def test_a_disk_that_stays_broken_ends_with_all_in_memory(path: Path) -> None:
    code, lines = under_strace(path, "write", "error=ENOSPC:when=1+")
    assert code == 0
    told = [line for line in lines if line.startswith("told")]
    assert len(told) == 2
    assert "8 events could not be written" in told[1]
    assert path.read_bytes() == b""
