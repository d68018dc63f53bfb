"""Sessions are listed whatever state they are in, found by name, and deleted only when asked."""

import errno
import os
import stat
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from assistant.event_lines import encode
from assistant.events import (
    Event,
    Finished,
    Notice,
    RecordError,
    Replied,
    Said,
    Started,
    Usage,
    UsageError,
)
from assistant.record import Recorder
from assistant.record_file import remedy_for
from assistant.session_summary import one_line
from assistant.sessions import Sessions

AT = datetime(2025, 6, 1, tzinfo=UTC)
PRICED = Usage(prompt=100, cached=50, completion=20, reasoning=10, cost=Decimal("0.25"))


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "data")


def add(sessions: Sessions, *events: Event, id: str | None = None, at: datetime = AT) -> str:
    folder = sessions.new(id)
    with Recorder(sessions.record(folder.name), clock=lambda: at) as record:
        for event in events:
            record(event)
    return folder.name


def test_a_new_session_is_the_owners_alone_and_named_by_time(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "data", clock=lambda: AT)
    folder = sessions.new()
    assert folder.name.startswith("20250601-000000-")
    assert folder.parent == sessions.root
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(sessions.root.stat().st_mode) == 0o700
    assert sessions.new() != folder, "the clock stands still"


def test_an_id_of_ones_own(sessions: Sessions) -> None:
    assert sessions.new("nightly.1").name == "nightly.1"
    with pytest.raises(UsageError, match="already"):
        sessions.new("nightly.1")


@pytest.mark.parametrize(
    "id", ["..", ".", "", "a/b", "../x", "-x", ".x", "a b", "a\n", "\x1b", "x" * 101, "é"]
)
def test_an_id_is_a_file_name_and_nothing_else(sessions: Sessions, id: str) -> None:
    if id:  # Without one, a name is made.
        with pytest.raises(UsageError, match="cannot be the id"):
            sessions.new(id)
    with pytest.raises(UsageError, match="cannot be the id"):
        sessions.record(id)
    with pytest.raises(UsageError):
        sessions.delete(id)


def test_what_a_list_says(sessions: Sessions) -> None:
    id = add(
        sessions,
        Started("0.1.0", "m", folder="/home/ann/x"),
        Said("be good", "system"),
        Said("Write\n  a \x1b[31mred\u202e thing"),
        Replied('text with ,"usage":{"prompt":7} and "role":"user" in it', PRICED),
        Said('fed back ,"role":"user"', "result"),
        Replied("two", PRICED),
        Finished("check-failed"),
        Notice("afterwards"),
    )
    (one,) = sessions.list()
    assert one.id == id
    assert one.title == "Write a <U+001B>[31mred<U+202E> thing"
    assert one.folder == "/home/ann/x"
    assert (one.started, one.updated) == (AT, AT)
    assert (one.replies, one.tokens, one.cost) == (2, 240, Decimal("0.50"))
    assert one.status == "check-failed"
    assert one.size == sessions.record(id).stat().st_size
    assert one.damage == ""


def test_an_unknown_price_makes_the_sum_unknown(sessions: Sessions) -> None:
    add(sessions, Said("a"), Replied("b", PRICED), Replied("c", Usage(5, 0, 5)))
    assert sessions.list()[0].cost is None


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((), "empty"),
        ((Started("1", "m"),), "empty"),
        ((Said("a"),), "unfinished"),
        ((Said("a"), Finished("done")), "done"),
        ((Said("a"), Finished("done"), Said("b")), "unfinished"),
        ((Said("a"), Finished("done"), Said("b"), Finished("budget")), "budget"),
    ],
)
def test_how_a_session_ended(sessions: Sessions, events: list[Event], status: str) -> None:
    add(sessions, *events)
    assert sessions.list()[0].status == status


def test_a_session_that_is_open(sessions: Sessions) -> None:
    id = sessions.new().name
    with Recorder(sessions.record(id)) as record:
        record(Said("a"))
        assert sessions.list()[0].status == "live"
        with pytest.raises(RecordError, match="is open"):
            sessions.delete(id)
        record(Said("b"))
    assert sessions.list()[0].status == "unfinished"
    assert len(sessions.show(id).events) == 2


def test_listing_never_keeps_a_session_from_being_opened(sessions: Sessions) -> None:
    id = add(sessions, Said("a"))
    for _ in range(50):
        sessions.list()
        Recorder(sessions.record(id)).close()


def test_the_one_used_last_comes_first(sessions: Sessions) -> None:
    for day, id in ((2, "b"), (9, "c"), (1, "a")):
        add(sessions, Said(id), id=id, at=AT + timedelta(days=day))
    sessions.new("without-record")
    assert [one.id for one in sessions.list()] == ["c", "b", "a", "without-record"]


def test_the_latest_of_a_folder(sessions: Sessions, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "here")
    here, there = str(tmp_path / "here"), str(tmp_path)
    assert sessions.latest() is None
    ids = [
        add(sessions, Started("1", "m", folder=here), Said("old")),
        add(sessions, Started("1", "m", folder=here), Said("new")),
        add(sessions, Started("1", "m", folder=there), Said("elsewhere")),
        add(sessions, Started("1", "m", folder=here)),  # Nothing was said in it.
    ]
    for age, id in enumerate(ids):
        os.utime(sessions.record(id), (1000 + age, 1000 + age))
    assert sessions.latest(here) == ids[1]
    assert sessions.latest(tmp_path / "link") == ids[1]
    assert sessions.latest() == ids[2]
    assert sessions.latest("/nowhere") is None


def test_find_takes_a_beginning(sessions: Sessions) -> None:
    for id in ("alpha-1", "alpha-2", "beta"):
        add(sessions, Said("x"), id=id)
    assert sessions.find("b") == "beta"
    assert sessions.find("alpha-1") == "alpha-1"
    with pytest.raises(UsageError, match="2 sessions begin with alpha"):
        sessions.find("alpha")
    with pytest.raises(UsageError, match="no session 'bata'") as caught:
        sessions.find("bata")
    assert caught.value.remedy == "Did you mean beta?"
    with pytest.raises(UsageError, match="no session ''"):
        sessions.find("")


def test_delete_takes_all_of_it_and_nothing_else(sessions: Sessions) -> None:
    kept, gone = add(sessions, Said("a"), id="kept"), add(sessions, Said("b"), id="gone")
    (sessions.root / gone / "blobs" / "ab").mkdir(parents=True)
    (sessions.root / gone / "blobs" / "ab" / "cd").write_bytes(b"x")
    (sessions.root / gone / "link").symlink_to(sessions.root / kept)
    (sessions.root / ".deleted-earlier-half" / "x").mkdir(parents=True)
    sessions.delete(gone)
    assert [path.name for path in sessions.root.iterdir()] == [kept]
    assert len(sessions.show(kept).events) == 1


def test_damaged_sessions_are_listed_and_kept_and_others_open(sessions: Sessions) -> None:
    good = add(sessions, Said("fine"), id="good")
    line = encode(Said("a"), 1, AT)
    contents = {
        "changed": line.replace(b'"text":"a"', b'"text":"b"'),
        "binary": b"\0\xff\n" * 99,
        "version": b'{"v":2}\n',
        "later": line + b"garbage\n" + encode(Finished("done"), 3, AT),
        "forged": _forged(b'"cost":null', b'"cost":"sNaN"'),
        "forged-too": _forged(b'"prompt":0', b'"prompt":"x"'),
        "zone": _forged(b"00:00:00.000000Z", b"00:00:00"),
    }
    for id, content in contents.items():
        sessions.new(id)
        sessions.record(id).write_bytes(content)
    sessions.new("folder-for-record")
    sessions.record("folder-for-record").mkdir()
    sessions.new("pipe")
    os.mkfifo(sessions.record("pipe"))
    sessions.new("nothing")
    (sessions.root / "a file").write_text("not a session")
    found = {one.id: one for one in sessions.list()}
    damaged = {id for id, one in found.items() if one.status == "damaged"}
    assert damaged == {*contents, "folder-for-record", "pipe", "nothing"}
    assert all(bool(one.damage) == (one.id != good) for one in found.values())
    assert found["later"].damage == "line 2 is damaged or of another version"
    assert found["later"].title == "a"
    assert len(sessions.show(good).events) == 1
    for id in damaged:
        sessions.delete(id)
    assert [one.id for one in sessions.list()] == [good]


def _forged(old: bytes, new: bytes) -> bytes:
    from tests.test_event_lines import again

    line = encode(Replied("x"), 1, AT)
    assert old in line
    return again(line.replace(old, new))


def test_a_torn_line_is_no_damage(sessions: Sessions) -> None:
    id = add(sessions, Said("a"), Finished("done"))
    with sessions.record(id).open("ab") as file:
        file.write(encode(Said("b"), 3, AT)[:20])
    (one,) = sessions.list()
    assert (one.status, one.damage) == ("done", "")


def test_no_store_is_an_empty_store(sessions: Sessions) -> None:
    assert sessions.list() == ()
    assert not sessions.root.exists()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot make a session") as caught:
        Sessions(tmp_path / "file").new()
    assert "ASSISTANT_DATA_FOLDER" in caught.value.remedy


def test_a_title_is_one_harmless_line() -> None:
    assert one_line(" a\tb\n\n c ") == "a b c"
    assert one_line("x" * 200) == "x" * 79 + "…"
    assert one_line("a\x9bb\ud800\x7f") == "a<U+009B>b<U+D800><U+007F>"
    assert one_line("\n" * 10_000_000) == ""


def test_the_remedy_fits_what_stands_in_the_way() -> None:
    full = remedy_for(OSError(errno.ENOSPC, "No space left on device"))
    closed = remedy_for(OSError(errno.EACCES, "Permission denied"))
    assert full.startswith("Free some space")
    assert "Free" not in closed
    assert "ASSISTANT_DATA_FOLDER" in closed
