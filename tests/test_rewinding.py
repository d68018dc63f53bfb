"""After undo and redo the conversation can be taken to where the files are."""

from collections.abc import Sequence

import pytest

from assistant.chat import Chat
from assistant.events import (
    CodeBlock,
    Event,
    ExecResult,
    Moved,
    Ran,
    Replied,
    Restored,
    Rewound,
    Said,
    UsageError,
)
from assistant.protocols import Terms
from assistant.rewinding import where_the_files_are
from assistant.transcript import history
from tests.fakes import ListExecutor, ListFolder, ListModel


class Folder(ListFolder):
    def diff(self, paths: Sequence[str] = ()) -> str:
        return ""

    def apply(self, paths: Sequence[str] | None = None) -> str:
        return "applied"

    def undo(self, count: int = 1) -> str:
        return f"{count} back"

    redo = undo

    def discard(self) -> str:
        return "gone"


def ran(name: str) -> Ran:
    return Ran(CodeBlock("python", name), ExecResult(0, "", files=(name,)))


def talk(*turns: tuple[str, ...]) -> list[Event]:
    """A turn each: the user's wish, a reply with blocks that change these files, the last word."""
    events: list[Event] = [Said("system", "system")]
    for number, names in enumerate(turns):
        events += [Said(f"wish {number}"), Replied(f"code {number}")]
        events += [ran(name) for name in names]
        events += [Said(f"ran {number}", "result"), Replied(f"done {number}")]
    return events


def chat_of(events: list[Event]) -> Chat:
    return Chat(ListModel(), ListExecutor(), Terms(), workspace=Folder(), past=events)


def seen(chat: Chat) -> list[str]:
    return [message.text for message in history(chat.events)]


def test_back_to_before_the_reply_whose_block_was_undone_and_forward_again() -> None:
    chat = chat_of(talk(("a",), ("b",)))
    whole = seen(chat)
    assert not chat.rewindable
    chat.undo()
    assert chat.rewindable
    chat.rewind()
    assert seen(chat) == [*whole[:5], "wish 1"]
    assert not chat.rewindable
    chat.redo()
    assert chat.rewindable
    chat.rewind()
    assert seen(chat) == whole


def test_several_blocks_back_and_step_by_step() -> None:
    chat = chat_of(talk(("a",), ("b",), ("c",)))
    chat.undo(2)
    chat.rewind()
    assert seen(chat)[-1] == "wish 1"
    chat.undo()
    chat.rewind()
    assert seen(chat) == ["system", "wish 0"]
    chat.redo(2)
    chat.rewind()
    assert seen(chat)[-1] == "wish 2"


def test_a_reply_of_whose_blocks_some_stand_is_not_split() -> None:
    chat = chat_of(talk(("a", "b")))
    chat.undo()
    assert not chat.rewindable
    with pytest.raises(UsageError, match="where the files are"):
        chat.rewind()
    chat.undo()
    chat.rewind()
    assert seen(chat) == ["system", "wish 0"]


def test_what_was_said_after_a_step_back_goes_on_from_there() -> None:
    chat = chat_of(talk(("a",), ("b",)))
    chat.undo()
    chat.rewind()
    for event in talk(("c",))[1:]:
        chat.pour(event)
    assert seen(chat)[-4:] == ["wish 1\n\nwish 0", "code 0", "ran 0", "done 0"]
    assert not chat.rewindable
    chat.undo()
    chat.rewind()
    assert seen(chat)[-1] == "wish 1\n\nwish 0"


def test_throwing_all_away_is_a_step_of_its_own() -> None:
    chat = chat_of(talk(("a",)))
    chat.discard()
    chat.undo()
    chat.undo()
    chat.rewind()
    assert seen(chat) == ["system", "wish 0"]


def test_undo_of_nothing_known_is_no_place_to_go() -> None:
    assert where_the_files_are([]) is None
    assert where_the_files_are([Said("a"), Moved(-3), Restored("", "x")]) is None
    assert history([Said("a"), Rewound(7)]) == [Said("a")]
    assert history([Said("a"), Rewound(0)]) == []
