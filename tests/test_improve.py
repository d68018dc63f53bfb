"""Improve tasks from the inside: which attempt is kept, cut replies, the exam, suggestions."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from assistant.chat import Chat
from assistant.cli.wiring import edit_text
from assistant.events import Checked, Checking, Notice, Output, Replied, Said
from assistant.protocols import Terms
from assistant.sandbox.workspace import Workspace
from assistant.tasks.answer import Scope
from assistant.tasks.batch import waves
from assistant.tasks.improve import Draft, Job, improve_system, improving, task
from assistant.tasks.improved import Outcome, outcome, write
from assistant.tasks.script_file import ImproveStep
from assistant.tasks.suggest import suggestions
from tests.fakes import ListModel


class Verdicts:
    """A check whose outputs are given; it passes where there is none left."""

    command = "the check"

    def __init__(self, *outputs: str) -> None:
        self.outputs = list(outputs)

    def run(self, seconds: float) -> Generator[Checking | Output | Notice, None, Checked]:
        yield Checking(self.command)
        if not self.outputs:
            return Checked(True, self.command, 0)
        return Checked(False, self.command, 1, self.outputs.pop(0), "exit status 1")


def value(number: int) -> str:
    return f'```python title="x.py"\nx = {number}\n```\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "x.py").write_text("x = 0\n")
    return folder


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Iterator[Workspace]:
    with Workspace(None, folder, tmp_path / "store", edit_text) as copy:
        yield copy


def improve(
    copy: Workspace, *replies: str | Replied, check: Verdicts | None = None
) -> tuple[Outcome, Chat]:
    draft = Draft(Job("o", Scope(("x.py",))), copy)
    chat = Chat(ListModel(*replies), copy, Terms(check=check))
    chat.turn = improving(draft)
    return outcome(draft, chat.say(task(draft)), "s"), chat


def test_the_attempt_with_the_fewest_failures_is_kept(copy: Workspace, folder: Path) -> None:
    check = Verdicts("3 failed", "1 failed, 9 passed", "2 failed", "killed")
    replies = [value(1), value(2), value(3), value(4), "No.", "No."]
    found, _ = improve(copy, *replies, check=check)
    assert (found.status, found.passed, found.attempts) == ("check-failed", False, 4)
    assert "+x = 2" in found.diff
    assert (folder / "x.py").read_text() == "x = 0\n"
    assert write(found, copy, allow_tests=False).written == ("x.py",)
    assert (folder / "x.py").read_text() == "x = 2\n"


@pytest.mark.parametrize(
    ("outputs", "kept"),
    [
        (["FAILED (failures=2, errors=1)", "FAILED (errors=2)"], 2),
        (["not ok 1\nnot ok 2", "not ok 1\nok 2", "not ok 1\nnot ok 2"], 2),
        (["nothing", "to", "tell"], 3),
        (["1 failed", "1 failed"], 2),
    ],
)
def test_failures_are_counted_as_runners_tell_them(
    copy: Workspace, outputs: list[str], kept: int
) -> None:
    replies = [value(number + 1) for number in range(len(outputs))]
    found, _ = improve(copy, *replies, "No.", "No.", check=Verdicts(*outputs))
    assert f"+x = {kept}" in found.diff


def test_cut_and_broken_replies_replace_nothing(copy: Workspace) -> None:
    cut = [Replied(value(1), finish="length"), Replied(value(2), finish="broken")]
    found, chat = improve(
        copy,
        *cut,
        "I stop.",
        check=Verdicts("x"),
    )
    assert found.files == ()
    assert not [event for event in chat.events if isinstance(event, Checked) and event.passed]


def test_a_refused_reply_ends_it(copy: Workspace) -> None:
    found, _ = improve(copy, Replied(value(1), finish="refused"))
    assert (found.status, found.files) == ("refused", ())


def test_the_budget_ends_it_with_the_best_so_far(copy: Workspace) -> None:
    draft = Draft(Job("o", Scope(("x.py",))), copy)
    terms = Terms(check=Verdicts("2 failed", "3 failed"))
    chat = Chat(ListModel(value(1), value(2), value(3)), copy, terms)
    chat.set_budget(replies=2)
    chat.turn = improving(draft)
    found = outcome(draft, chat.say(task(draft)), "s")
    assert (found.status, found.attempts) == ("budget", 2)
    assert "+x = 1" in found.diff


def test_a_change_that_passed_is_written_whatever_its_mode_and_only_it(
    copy: Workspace, folder: Path
) -> None:
    (folder / "x.py").chmod(0o640)
    (folder / "y.py").write_text("y = 0\n")
    found, _ = improve(copy, value(5), check=Verdicts())
    assert (found.status, found.passed) == ("done", True)
    assert write(found, copy, allow_tests=False).written == ("x.py",)
    assert (folder / "x.py").stat().st_mode & 0o777 == 0o640
    assert (folder / "y.py").read_text() == "y = 0\n"


def test_new_tests_are_apart(copy: Workspace, folder: Path) -> None:
    test = '```python title="test_x.py"\ndef test(): ...\n```\n'
    found, _ = improve(copy, value(1) + test, check=Verdicts())
    assert (found.files, found.tests) == (("x.py",), ("test_x.py",))
    assert write(found, copy, allow_tests=False).written == ("x.py",)
    assert not (folder / "test_x.py").exists()


def test_a_file_the_user_changes_is_not_written(copy: Workspace, folder: Path) -> None:
    found, _ = improve(copy, value(1), check=Verdicts())
    (folder / "x.py").write_text("x = 9\n")
    refused = write(found, copy, allow_tests=False)
    assert "x.py" in refused.refused
    assert refused.written == ()
    assert (folder / "x.py").read_text() == "x = 9\n"


def test_the_exam_is_the_users_unless_tests_may_change(copy: Workspace, folder: Path) -> None:
    (folder / "test_x.py").write_text("def test(): assert 0\n")
    copy.copy.open()
    for allow in (False, True):
        draft = Draft(Job("o", Scope(("x.py",)), allow_tests=allow), copy)
        copy.write({"test_x.py": b"def test(): pass\n", "conftest.py": b""}, "t")
        changed = draft.base["test_x.py"] != copy.base["test_x.py"]
        assert changed == allow
        assert "conftest.py" not in draft.base


def test_what_the_model_is_told_is_short_and_whole(copy: Workspace) -> None:
    job = Job("o", Scope(("x.py",)), check="make check")
    text = improve_system(job)
    assert "`make check`" in text
    assert "$" not in text
    assert len(text) < 2_600
    draft = Draft(job, copy)
    assert "x = 0" in task(draft)
    _, chat = improve(copy, "Nothing to do.")
    assert [event.role for event in chat.events if isinstance(event, Said)] == ["user"]


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("1. a\n2. b", ["a", "b"]),
        ("Sure:\n\n1) a\n   more\n\n   ```py\n1. x\n   ```\n\n2) b\n\nBye.", None),
        ("- a\n- b", ["a", "b"]),
        ("**1.** a\n**2.** b", ["a", "b"]),
        ("None.", []),
    ],
)
def test_suggestions_of_a_reply(reply: str, found: list[str] | None) -> None:
    expected = ["a\n   more\n\n   ```py\n1. x\n   ```", "b"] if found is None else found
    assert suggestions(reply) == expected


def test_steps_that_share_a_file_wait_for_each_other() -> None:
    def step(*files: str) -> ImproveStep:
        return ImproveStep(files, "o", (), 1)

    steps = [step("a"), step("b"), step("a", "c"), step("d"), step("c"), step("a")]
    assert waves(steps) == [[0, 1, 3], [2], [4, 5]]
    assert waves([]) == []
