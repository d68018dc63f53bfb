"""The table of commands, and what a few of them do without a terminal."""

import errno
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from assistant.budget import Budget
from assistant.chat import Chat, Openers
from assistant.events import (
    CodeBlock,
    Event,
    ExecResult,
    Finished,
    Notice,
    Ran,
    Replied,
    Reserved,
    Running,
    Said,
    Summarised,
    Usage,
    UsageError,
)
from assistant.prompts import prompt
from assistant.protocols import Terms
from assistant.terminal.approve import Approval
from assistant.terminal.commands import arguments, filled, is_command, run_command, table
from assistant.terminal.completion import Offers, SessionCompleter
from assistant.terminal.console import TerminalOptions
from assistant.terminal.exchange import Exchange
from assistant.terminal.files import written
from assistant.terminal.footer import status_line
from assistant.terminal.render import Renderer
from assistant.terminal.session import Session
from tests.fakes import ListCheck, ListExecutor, ListFolder, ListModel
from tests.terminal.screens import ListConsole


def session(folder: Path, *answers: str, model: ListModel | None = None, **options: Any) -> Session:
    console = ListConsole(*answers)
    renderer = Renderer(console)
    chosen = TerminalOptions(**options)
    chat = Chat(model or ListModel("fine"), ListExecutor(), Terms())
    chat.folder = str(folder)
    return Session(chat, console, renderer, chosen, Approval(console, renderer, chosen))


def said(found: Session) -> str:
    assert isinstance(found.console, ListConsole)
    return found.console.text


def line_of(found: Session) -> str:
    assert isinstance(found.console, ListConsole)
    return found.console.line


def test_every_command_tells_its_usage_and_what_it_does(tmp_path: Path) -> None:
    found = table(session(tmp_path, resume=lambda name: None))
    assert len([command for command in found.values() if not command.more]) <= 16
    for command in found.values():
        assert command.usage.startswith(command.name)
        assert 10 < len(command.help) < 90
        assert command.name.isalpha()
    names = "help exit model add diff apply undo redo run check budget resume ask save reset export"
    assert set(names.split()) <= set(found)


def test_commands_that_cannot_work_are_not_there(tmp_path: Path) -> None:
    assert not {"resume", "fork"} & set(table(session(tmp_path)))


def test_help(tmp_path: Path) -> None:
    found = session(tmp_path)
    run_command(found, "/help")
    assert "/undo [N]" in said(found)
    assert "/export" not in said(found)
    run_command(found, "/help all")
    assert "/export FILE" in said(found)
    run_command(found, "/help budget")
    words = " ".join(said(found).split())
    assert words.endswith("what is left, other caps, or what it all cost")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("/help", True),
        ("/help all", True),
        ("/?", True),
        ("/etc/hosts", False),
        ("/ what", False),
        ("what /help", False),
        ("/help\nme", True),
        ("//", False),
    ],
)
def test_what_is_a_command(text: str, is_one: bool) -> None:
    assert is_command(text) is is_one


def test_an_unknown_command_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="/udno") as caught:
        run_command(session(tmp_path), "/udno")
    assert caught.value.remedy == "Did you mean /undo?"


def test_what_other_assistants_call_the_same_is_known(tmp_path: Path) -> None:
    for typed, meant in {"/clear": "/reset", "/cost": "/budget cost", "/test": "/check"}.items():
        with pytest.raises(UsageError, match="there is no command") as caught:
            run_command(session(tmp_path), typed)
        assert caught.value.remedy == f"Did you mean {meant}?"


def test_a_folder_that_can_only_be_read_is_no_fault_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "write_bytes", refused)
    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(UsageError, match="cannot be written: Read-only file system"):
        written(tmp_path / "talk.md", "text")


def test_leaving(tmp_path: Path) -> None:
    for text in ("/exit", "/quit"):
        with pytest.raises(EOFError):
            run_command(session(tmp_path), text)


def test_files_go_into_the_next_message(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = '```'\n")
    (tmp_path / "b.txt").write_text("b\n")
    model = ListModel("one", "two")
    found = session(tmp_path, model=model)
    run_command(found, "/add a.py")
    found.send("look at @b.txt, @nothing and me@home.org")
    message = model.seen[0][-1].text
    assert "The file a.py:\n\n````text\nx = '```'\n" in message
    assert "The file b.txt:" in message
    assert message.count("The file") == 2
    found.send("again")
    assert "The file" not in model.seen[1][-1].text


def test_a_pasted_message_takes_no_file_from_elsewhere_along(tmp_path: Path) -> None:
    folder, outside = tmp_path / "project", tmp_path / "secret.txt"
    folder.mkdir()
    outside.write_text("SECRET")
    (folder / "notes.txt").symlink_to(outside)
    (folder / ".env").write_text("SECRET")
    (folder / "own.txt").write_text("OPEN")
    (folder / "same.txt").symlink_to("own.txt")
    model = ListModel("one", "two")
    found = session(folder, model=model)
    found.send(f"@{outside} @../secret.txt @notes.txt @.env @/proc/self/environ @same.txt")
    message = model.seen[0][-1].text
    assert "SECRET" not in message
    assert message.count("The file") == 1
    assert "OPEN" in message
    run_command(found, "/add ../secret.txt")
    found.send("and this")
    assert "SECRET" in model.seen[1][-1].text


@pytest.mark.parametrize("name", ["none.py", "binary", "large", "/proc/self/mem", "/dev/zero"])
def test_files_that_cannot_go_into_a_message(tmp_path: Path, name: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\x00\xfe")
    (tmp_path / "large").write_text("x" * 300_000)
    with pytest.raises(UsageError, match=name):
        run_command(session(tmp_path), f"/add {name}")


def test_save_writes_the_last_block_and_asks_before_it_writes_over(tmp_path: Path) -> None:
    found = session(tmp_path, "n", "y")
    with pytest.raises(UsageError, match="no code block"):
        run_command(found, "/save x.py")
    found.chat.pour(Replied("```python\nx = 1\n```\n"))
    run_command(found, "/save x.py")
    assert (tmp_path / "x.py").read_text() == "x = 1\n"
    found.chat.pour(Replied("```python\nx = 2\n```\n"))
    run_command(found, "/save x.py")
    assert (tmp_path / "x.py").read_text() == "x = 1\n"
    run_command(found, "/save x.py")
    assert (tmp_path / "x.py").read_text() == "x = 2\n"
    assert [path.name for path in tmp_path.iterdir()] == ["x.py"]


def test_save_and_run_take_no_block_of_the_users_own(tmp_path: Path) -> None:
    found = session(tmp_path)
    own = Ran(CodeBlock("bash", "ls"), ExecResult(0, ""))
    found.chat.pour(Said("go"))
    found.chat.pour(Ran(CodeBlock("python", "x = 1"), ExecResult(0, "")))
    found.chat.pour(Finished("done"))
    found.chat.pour(own)
    run_command(found, "/save x.py")
    assert (tmp_path / "x.py").read_text() == "x = 1\n"
    found.chat.pour(Said("again"))
    found.chat.pour(Said(prompt("resumed"), "result"))  # The program was killed.
    found.chat.pour(own)
    run_command(found, "/save y.py")
    assert (tmp_path / "y.py").read_text() == "x = 1\n"


def test_run_runs_the_last_block_again(tmp_path: Path) -> None:
    found = session(tmp_path)
    found.chat.pour(Replied("```py\nfirst\n```\ntext\n```py\nlast\n```"))
    run_command(found, "/run")
    assert CodeBlock("python", "last") in [
        event.block for event in found.chat.events if isinstance(event, Ran)
    ]


def test_export(tmp_path: Path) -> None:
    found = session(tmp_path)
    block = CodeBlock("python", "x")
    for event in (
        Said("do it"),
        Replied("```python\nx\n```\n"),
        Ran(block, ExecResult(1, "no ```\n")),
    ):
        found.chat.pour(event)
    run_command(found, "/export talk.md")
    text = (tmp_path / "talk.md").read_text()
    assert "## You\n\ndo it\n\n## Assistant\n\n```python\nx\n```" in text
    assert "```\n\n*exit 1*\n\n````output\nno ```\n````" in text
    run_command(found, "/export talk.jsonl")
    lines = (tmp_path / "talk.jsonl").read_text().splitlines()
    kinds = [json.loads(line)["type"] for line in lines]
    assert kinds == ["Said", "Replied", "Ran"]
    with pytest.raises(UsageError, match="exists"):
        run_command(found, "/export talk.md")
    with pytest.raises(UsageError, match=r"\.md, \.html, \.jsonl"):
        run_command(found, "/export talk.doc")


def test_the_cost_tells_cached_reasoning_and_unknown_apart(tmp_path: Path) -> None:
    found = session(tmp_path)
    found.chat.pour(Replied("a", Usage(100, 60, 20, 5, Decimal("0.5"))))
    found.chat.pour(Replied("b", Usage(10, 0, 2)))
    run_command(found, "/budget cost")
    assert "tokens in: 110, of them cached 60" in said(found)
    assert "tokens out: 22, of them reasoning 5" in said(found)
    assert "cost: $0.5000, and 1 reply of unknown cost" in said(found)


def test_an_unknown_cost_is_said_once(tmp_path: Path) -> None:
    found = session(tmp_path)
    found.chat.pour(Replied("b", Usage(10, 0, 2)))
    run_command(found, "/budget cost")
    assert "cost: unknown" in said(found)
    found.chat.pour(Finished("interrupted", "stopped by the user"))
    assert "stopped by you; the session goes on\n" in said(found)


def test_a_reply_that_was_stopped_says_what_the_budget_counts(tmp_path: Path) -> None:
    found = session(tmp_path)
    found.chat.pour(Said("go"))
    found.chat.pour(Reserved(500, 300, None))
    used = Usage(500, 0, 1, estimated=True)
    found.chat.pour(Replied("a", used, "interrupted"))
    assert "left: 29 replies" in line_of(found)
    found.chat.pour(Finished("interrupted", ""))
    assert "501 tokens · the budget counts 800" in said(found)
    assert "next message: 30 replies" in line_of(found)


@pytest.mark.parametrize("text", ["apples=3", "replies", "replies=x", "replies=0", "dollars=nan"])
def test_caps_that_mean_nothing(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        run_command(session(tmp_path), f"/budget {text}")


def test_caps(tmp_path: Path) -> None:
    found = session(tmp_path)
    run_command(found, "/budget replies=3 dollars=none tokens=5000")
    assert found.chat.terms.budget.replies == 3
    assert found.chat.terms.budget.dollars is None
    assert "replies    3              0" in said(found)
    assert "dollars    no cap         $0" in said(found)


def test_the_budget_tells_the_next_message_and_the_whole_session(tmp_path: Path) -> None:
    found = session(tmp_path)
    found.chat.terms = replace(
        found.chat.terms, session=Budget(40, None, Decimal(3), None, None), budget=Budget()
    )
    for _ in range(2):
        found.chat.pour(Said("go"))
        found.chat.pour(Reserved(900, 100, Decimal("0.5")))
        found.chat.pour(Replied("a", Usage(900, 0, 100, cost=Decimal("0.25"))))
        found.chat.pour(Running(CodeBlock("python", "1")))
        found.chat.pour(Ran(CodeBlock("python", "1"), ExecResult(0, "", 2.0)))
        found.chat.pour(Finished("done"))
    run_command(found, "/budget")
    lines = said(found).splitlines()[-6:]
    assert [line.split(maxsplit=1) for line in lines] == [
        ["next", "message   this session"],
        ["replies", "30             2 of 40"],
        ["tokens", "400,000        2,000"],
        ["dollars", "$2.00          $0.5000 of $3.00"],
        ["seconds", "1,800          4"],
        ["blocks", "60             2"],
    ]


def test_what_a_summary_cost_is_part_of_what_it_all_cost(tmp_path: Path) -> None:
    found = session(tmp_path)
    found.chat.pour(Replied("a", Usage(100, 0, 20, cost=Decimal("0.5"))))
    found.chat.pour(Summarised("short", Usage(1000, 0, 50, cost=Decimal("0.25"))))
    run_command(found, "/budget cost")
    assert "replies: 1, and 1 summary" in said(found)
    assert "tokens in: 1,100" in said(found)
    assert "cost: $0.7500" in said(found)


def test_the_price_of_a_file_is_what_it_adds(tmp_path: Path) -> None:
    class Bound(ListModel):
        """No prompt counts for less than the first one, as the real counter has it."""

        def count(self, messages: Sequence[Said | Replied]) -> int:
            return 5000 + super().count(messages)

    (tmp_path / "a.py").write_text("x = 1\n")
    found = session(tmp_path, model=Bound("fine"))
    run_command(found, "/add a.py")
    assert re.search(r"a\.py: \d\d tokens", said(found))
    found.send("look")
    assert re.search(r"sent with it: \d\d tokens", said(found))


def test_files_of_the_copy_and_mistyped_names(tmp_path: Path) -> None:
    class Copy(ListFolder):
        def read(self, path: str, most: int) -> bytes:
            if path != "made.py":
                raise UsageError("none")
            return b"y = 2\n"

    (tmp_path / "dates.py").write_text("x = 1\n")
    model = ListModel("fine", "fine")
    found = session(tmp_path, model=model)
    found.chat.workspace = Copy()
    found.send("look at @made.py and @app.get and @dats.py")
    assert "y = 2" in model.seen[0][-1].text
    assert "there is no file dats.py, so none goes with it (dates.py?)" in said(found)
    assert "app.get, so" not in said(found)
    with pytest.raises(UsageError, match="no such file"):
        run_command(found, "/add nothing.py")
    with pytest.raises(UsageError, match="cannot be read"):
        run_command(found, "/add ~nobody-of-this-name/x.py")


def test_a_file_with_blanks_in_its_name_goes_along_in_quotes(tmp_path: Path) -> None:
    (tmp_path / "two words").mkdir()
    (tmp_path / "two words" / "Übung 1.txt").write_text("one\n")
    (tmp_path / "plain.txt").write_text("two\n")
    model = ListModel("fine", "fine")
    found = session(tmp_path, model=model)
    found.send('look at @"two words/Übung 1.txt", and @plain.txt.')
    message = model.seen[0][-1].text
    assert "The file two words/Übung 1.txt:" in message
    assert "The file plain.txt:" in message
    run_command(found, '/add plain.txt "two words/Übung 1.txt"')
    assert len(found.attached) == 2
    with pytest.raises(UsageError) as caught:
        run_command(found, "/add two words/Übung 1.txt")
    assert 'Blanks in a name: /add "my file.txt"' in str(caught.value.remedy)


def test_what_is_meant_for_a_file_and_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    found = session(tmp_path)
    found.send("look at @absent.txt, @parts/ and @pytest.fixture, @someone")
    assert "there is no file absent.txt, so none goes with it" in said(found)
    assert "parts/ is a folder, and none of its files goes with it: name them" in said(found)
    assert "fixture, so" not in said(found)
    assert "someone, so" not in said(found)


def test_names_with_blanks_are_completed_in_quotes(tmp_path: Path) -> None:
    (tmp_path / "two words").mkdir()
    (tmp_path / "two words" / "my notes.txt").write_text("x")

    def none(*_: str) -> str:
        return ""

    offers = Offers(tuple, lambda _: (), none, lambda: str(tmp_path), none, lambda _: "")
    completer = SessionCompleter(offers)

    def completed(text: str) -> list[str]:
        found = completer.get_completions(Document(text), CompleteEvent())
        return [text[: len(text) + one.start_position] + one.text for one in found]

    assert completed("see @tw") == ['see @"two words/']
    assert completed('see @"two words/') == ['see @"two words/my notes.txt"']
    assert completed('see @"two words/my n') == ['see @"two words/my notes.txt"']
    assert completed("/add tw") == ['/add "two words/']
    assert completed('/add a.py "two words/m') == ['/add a.py "two words/my notes.txt"']
    assert completed("/see two words/my") == ["/see two words/my notes.txt"]


def test_a_command_of_ones_own_runs_on_the_folder_as_it_is(tmp_path: Path) -> None:
    found = session(tmp_path)
    found.chat.executor = ListExecutor(told=["The user's folder changed: a.py"])
    found.run(CodeBlock("bash", "cat a.py"))
    kinds = [type(event).__name__ for event in found.chat.events]
    assert kinds.index("Notice") < kinds.index("Running")
    assert "The user's folder changed: a.py" in said(found)


def test_a_model_that_the_server_does_not_list_is_told(tmp_path: Path) -> None:
    found = session(tmp_path, models=lambda: ["small-1", "large-1"])
    found.chat.openers = Openers(lambda name: ListModel(), lambda command: ListCheck())
    run_command(found, "/model small-1")
    assert "does not list" not in said(found)
    run_command(found, "/model smal-1")
    assert "the server does not list it; did you mean small-1?" in said(found)


def test_an_undo_after_an_apply_tells_of_the_folder(tmp_path: Path) -> None:
    class Work(ListFolder):
        changed = True

        def diff(self, paths: Sequence[str] = ()) -> str:
            return "+a" if self.changed else ""

        def apply(self, paths: Sequence[str] | None = None) -> str:
            self.changed = False
            return "applied"

        def undo(self, count: int = 1) -> str:
            self.changed = not self.changed
            return "undone"

        redo = undo

        def conflicts(self) -> list[str]:
            return []

    told = "your folder keeps what was applied; /apply writes this state to it"
    found = session(tmp_path, "y")
    found.chat.workspace = Work()
    run_command(found, "/undo")
    run_command(found, "/redo")
    assert told not in said(found)
    run_command(found, "/apply")
    run_command(found, "/undo")
    assert said(found).count(told) == 1
    run_command(found, "/redo")
    assert said(found).count(told) == 1


def test_a_narrow_screen_leaves_out_whole_parts_under_the_prompt() -> None:
    exchange = Exchange(
        status="a-model · next message: 30 replies · 400k tokens · context 114 tokens"
    )
    exchange.enter("idle")

    def shown(sandbox: str, columns: int) -> str:
        return "".join(part[1] for part in status_line("", "", sandbox, exchange, columns))

    assert shown("sandbox ready", 100).endswith("context 114 tokens · sandbox ready")
    assert shown("sandbox ready", 80).endswith("context 114 tokens")
    assert shown("no sandbox", 50) == "no sandbox · a-model · next message: 30 replies"
    assert shown("sandbox ready", 5) == "a-mo"


def test_the_line_under_the_prompt_follows_a_reset(tmp_path: Path) -> None:
    found = session(tmp_path, model=ListModel("fine"))
    found.chat.pour(Replied("a", Usage(260_000, 0, 900)))
    assert "context 261k" in line_of(found)
    run_command(found, "/reset")
    assert "context" not in line_of(found)


def test_warnings_at_half_and_four_fifths(tmp_path: Path) -> None:
    found = session(tmp_path)
    found.chat.set_budget(tokens=1000)
    found.chat.pour(Said("go"))
    for tokens in (400, 150, 100, 200, 50):
        found.chat.pour(Replied("x", Usage(tokens)))
    warnings = [line for line in said(found).split("\n") if "of this message's" in line]
    assert warnings == [
        "▸ 55% of this message's tokens are used",
        "▸ 85% of this message's tokens are used",
    ]


def test_commands_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "review.txt").write_text("Review $1 for $2. All: $ARGUMENTS")
    (tmp_path / "help.txt").write_text("never")
    model = ListModel("fine")
    found = session(tmp_path, model=model, commands=tmp_path)
    assert table(found)["help"].help.startswith("the commands")
    run_command(found, "/review a.py speed")
    assert model.seen[0][-1].text == "Review a.py for speed. All: a.py speed"
    assert "review" in arguments(found, "/help")


def test_a_session_that_goes_on_shows_its_last_turn(tmp_path: Path) -> None:
    def earlier(name: str) -> Chat:
        past: list[Event] = [Said("first"), Replied("one"), Finished("done")]
        past += [Said("second"), Replied("**two**"), Finished("gave-up", "why")]
        chat = Chat(ListModel(), ListExecutor(), Terms(), past=past)
        chat.session = name
        chat.pour(Notice(f"session {name} goes on"))
        return chat

    lines = ["s-2  done  later", "s-1  done  sooner"]
    found = session(
        tmp_path, resume=earlier, sessions=lambda: ["s-2", "s-1"], session_lines=lambda: lines
    )
    run_command(found, "/resume")
    assert "▸ s-2  done  later\n▸ s-1  done  sooner" in said(found)
    run_command(found, "/resume s-1")
    assert found.chat.session == "s-1"
    assert "▸ the last of 2 messages:\n\n> second\n\ntwo\n\n▸ the model stopped" in said(found)
    assert "first" not in said(found)
    assert said(found).count("goes on") == 1
    assert arguments(found, "/resume") == ["s-2", "s-1"]


def test_filling_in() -> None:
    assert filled("$1-$2-$3", "a b") == "a-b-"
    assert filled("costs $5.00 and $x", "") == "costs .00 and $x"


def test_what_is_known_of_the_cost_leaves_out_what_the_budget_holds_back(tmp_path: Path) -> None:
    found = session(tmp_path)
    found.chat.pour(Said("go"))
    found.chat.pour(Reserved(500, 300, Decimal("0.2")))
    used = Usage(500, 0, 1, cost=Decimal("0.01"), estimated=True)
    found.chat.pour(Replied("a", used, "interrupted"))
    assert found.standing.cost() == Decimal("0.01")
    assert found.chat.spent().dollars == Decimal("0.2")
