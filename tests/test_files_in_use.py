"""Files that a conversation is about stay in the note that stands for old messages."""

from decimal import Decimal

import pytest

from assistant.budget import Left
from assistant.chat import Chat
from assistant.compaction_note import Note
from assistant.events import (
    CodeBlock,
    Event,
    ExecResult,
    Ran,
    Replied,
    Restored,
    Said,
    UsageError,
)
from assistant.files_in_use import FilesInUse, attached, reader
from assistant.prompts import prompt
from assistant.protocols import Terms
from assistant.transcript import history
from assistant.values import Action
from tests.fakes import ListExecutor, ListFolder
from tests.test_compaction import SmallModel

FREE = Left(9, 9000, Decimal(1), 60, 9)


class Copy(ListFolder):
    """What reads files of the copy."""

    def __init__(self, **files: bytes) -> None:
        self.files = {name.replace("_", "."): data for name, data in files.items()}
        self.asked: list[str] = []

    def read(self, path: str, most: int) -> bytes:
        self.asked.append(path)
        if path not in self.files:
            raise UsageError("none")
        return self.files[path]


def given(path: str, text: str) -> Said:
    part = prompt("attached_file", path=path, text=f"```text\n{text}\n```")
    return Said(f"look at @{path}\n\n{part}\n\n{part.replace(path, 'b ' + path)}")


def ran(code: str, *files: str, action: Action = "run", path: str | None = None) -> Ran:
    return Ran(CodeBlock("bash", code, path, action), ExecResult(0, "", files=files))


def test_what_was_put_into_a_message_is_found_again() -> None:
    said = given("a.py", "x = 1\n\ny = 2")
    assert list(attached(said.text)) == [("a.py", "x = 1\n\ny = 2"), ("b a.py", "x = 1\n\ny = 2")]
    assert list(attached("The file is not there:\n\nnothing")) == []


def test_given_read_and_changed_files_have_their_text_of_now() -> None:
    copy = Copy(a_py=b"new a", r_txt=b"read me", e_py=b"edited", bin_dat=b"\xff\xfe")
    used = FilesInUse(
        [
            given("a.py", "old a"),
            given("mine.md", "outside the copy"),
            ran("cat ./r.txt missing.txt bin.dat", "a.py"),
            ran("...", "e.py", action="edit", path="e.py"),
        ],
        reader(copy),
    )
    shown, rest = used.texts(1000, "")
    assert dict(shown) == {
        "a.py": "new a",
        "b a.py": "old a",
        "mine.md": "outside the copy",
        "b mine.md": "outside the copy",
        "r.txt": "read me",
        "e.py": "edited",
    }
    assert shown[-1][0] == "e.py"  # The latest used comes last.
    assert rest == []
    assert used.changed == ["a.py", "e.py"]


def test_the_latest_come_first_where_room_is_short_and_the_rest_is_named() -> None:
    copy = Copy(a_py=b"a" * 60, b_py=b"b" * 60, c_py=b"c" * 30)
    used = FilesInUse([ran("x", "a.py"), ran("x", "b.py"), ran("x", "c.py")], reader(copy))
    shown, rest = used.texts(100, "")
    assert [path for path, _ in shown] == ["b.py", "c.py"]
    assert rest == ["a.py"]
    assert used.texts(100, "it says " + "b" * 60)[0] == [("a.py", "a" * 60), ("c.py", "c" * 30)]


def test_after_an_undo_no_text_of_before_is_taken_for_true() -> None:
    saved = ran("x = 1\n", "a.py", action="save", path="a.py")
    assert FilesInUse([saved], reader(None)).texts(100, "")[0] == [("a.py", "x = 1\n")]
    assert FilesInUse([saved, Restored("", "")], reader(None)).texts(100, "") == ([], [])
    back = reader(Copy(a_py=b"x = 0\n"))
    assert FilesInUse([saved, Restored("", "")], back).texts(9, "")[0] == [("a.py", "x = 0\n")]


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.py", "a/../../up.py", "~/x.py"])
def test_names_that_lead_elsewhere_are_not_looked_at(name: str) -> None:
    copy = Copy()
    FilesInUse([ran(f"cat {name}")], reader(copy))
    assert name not in copy.asked
    assert not any(asked.startswith("/") or ".." in asked for asked in copy.asked)


def test_the_note_is_the_same_each_time_and_says_what_has_no_room() -> None:
    events: list[Event] = [Said("the task"), Replied("r"), given("m.py", "m" * 200), Replied("r")]
    events += [ran("x", "a.py"), ran("x", "big.py"), Replied("r"), Said("last")]
    read = reader(Copy(a_py=b"text of a", big_py=b"b" * 5000))
    first, again = (Note(events, "", FREE, read).text(5, "", 1000, 0) for _ in range(2))
    assert first == again
    assert "a.py\n```text\ntext of a\n```" in first
    assert "m" * 200 in first
    assert "not shown here for want of room: big.py." in first
    assert "made, changed or deleted: a.py, big.py" in first
    assert "text of a" not in Note(events, "", FREE, read).text(5, "", 0, 0)


def test_a_conversation_that_is_made_shorter_keeps_the_files_in_use() -> None:
    copy = Copy(dates_py=b"def week_of(day): ...\n")
    past: list[Event] = [Said("You run code.", "system"), Said("the task")]
    for number in range(6):
        past += [Replied("words " * 100), Said(f"wish {number} " + "w" * 300)]
        past += [ran("sed -i s/a/b/ dates.py"), Said("Block 1", "result")]
    chat = Chat(SmallModel(), ListExecutor(), Terms(), past=past)
    chat.workspace = copy
    done = chat.compact()
    assert done
    assert "dates.py\n```text\ndef week_of(day): ..." in done.note
    assert "def week_of" in history(chat.events)[1].text
