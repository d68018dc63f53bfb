"""Asking before code runs."""

from pathlib import Path
from typing import Any

import pytest

from assistant.chat import Chat
from assistant.events import Asked, CodeBlock, Event, ExecResult, Ran, Running
from assistant.following import followed
from assistant.protocols import Terms
from assistant.record import Recorder, load
from assistant.terminal.approve import Answer, Approval, Approving
from assistant.terminal.console import TerminalOptions
from assistant.terminal.render import Renderer
from tests.fakes import ListExecutor, ListModel
from tests.terminal.screens import ListConsole

BLOCK = CodeBlock("python", "print(1)")
SHELL = CodeBlock("bash", "ls -l\n\npwd\n")


def approval(
    *answers: str, interactive: bool = True, **options: Any
) -> tuple[Approval, ListConsole]:
    console = ListConsole(*answers, interactive=interactive)
    return Approval(console, Renderer(console), TerminalOptions(**options)), console


def test_a_yes_runs_the_block() -> None:
    inner = ListExecutor(ExecResult(0, "1\n"))
    assert followed(Approving(inner, lambda block: Answer(True)).run(BLOCK, 5)).output == "1\n"
    assert inner.blocks == [BLOCK]
    assert inner.limits == [5]


def test_a_no_is_a_result_with_the_sentence() -> None:
    inner = ListExecutor()
    result = followed(Approving(inner, lambda block: Answer(False, "too risky")).run(BLOCK, 5))
    assert (result.reason, result.notes, result.ok) == ("declined", ("too risky",), False)
    assert inner.blocks == []


def test_ctrl_c_at_the_question_cancels() -> None:
    def ask(block: CodeBlock) -> Answer:
        raise KeyboardInterrupt

    assert followed(Approving(ListExecutor(), ask).run(BLOCK, 5)).reason == "cancelled"


def test_a_key_that_means_nothing_is_no_reason_to_decline() -> None:
    ask, console = approval("?", "e", "y", ask="all")
    assert ask(BLOCK) == Answer(True)
    assert len(console.asked) == 3


def test_the_rest_of_the_executor_is_still_there() -> None:
    inner = ListExecutor(told=["changed"])
    outer = Approving(inner, lambda block: Answer(True))
    assert outer.look() == ["changed"]
    assert outer.blocks is inner.blocks


@pytest.mark.parametrize(
    ("said", "yes", "sentence"),
    [
        ("y", True, ""),
        ("YES", True, ""),
        ("n", False, ""),
        ("", False, ""),
        ("no, use ls", False, "use ls"),
        ("use pathlib instead", False, "use pathlib instead"),
        ("yesterday", False, "yesterday"),
    ],
)
def test_answers(said: str, yes: bool, sentence: str) -> None:
    ask, console = approval(said, ask="all")
    assert ask(BLOCK) == Answer(yes, sentence)
    assert "┃ print(1)" in console.text


def test_yes_to_every_block_of_a_kind() -> None:
    ask, console = approval("a", "n", ask="all")
    assert ask(BLOCK).yes
    assert ask(BLOCK).yes
    assert not ask(SHELL).yes
    assert len(console.asked) == 2


@pytest.mark.parametrize("mode", ["never", "apply"])
def test_code_runs_unasked_where_only_applying_asks(mode: str) -> None:
    ask, console = approval(ask=mode)
    assert ask(BLOCK).yes
    assert console.asked == []


def test_everything_that_will_run_is_shown_with_hidden_characters() -> None:
    ask, console = approval("n", ask="all")
    code = (
        "\n".join(f"x{number} = {number}" for number in range(300)) + "\nrm\u200b\u00a0-rf \x1b[8m"
    )
    ask(CodeBlock("python", code, "a\u202e.py"))
    assert "┃ x299 = 299" in console.text
    assert "┃ rm<U+200B><U+00A0>-rf ␛[8m" in console.text
    assert "(a<U+202E>.py)" in console.text


def test_rules() -> None:
    ask, console = approval("n", ask="all", allow=["ls*", "pwd"], deny=["*rm -rf*"])
    assert ask(SHELL).yes
    assert console.asked == []
    assert not ask(CodeBlock("bash", "ls\nwhoami")).yes
    assert len(console.asked) == 1
    denied = ask(CodeBlock("bash", "ls; rm -rf /"))
    assert not denied.yes
    assert "*rm -rf*" in denied.sentence
    assert len(console.asked) == 1


@pytest.mark.parametrize(
    ("line", "yes"),
    [
        ("ls -l x", True),
        ("ls x; whoami", False),
        ("ls x && whoami", False),
        ("ls x | sh", False),
        ("ls $(whoami)", False),
        ("ls `whoami`", False),
        ("ls > .bashrc", False),
        ("ls \\\nwhoami", False),
        ("git log | head -5", True),
        ("git log | head -5; whoami", False),
    ],
)
def test_a_rule_allows_no_second_command(line: str, yes: bool) -> None:
    ask, _ = approval("n", ask="all", allow=["ls *", "git log | head*", "who[a]mi x"])
    assert ask(CodeBlock("bash", line)).yes is yes
    ask, _ = approval("n", ask="all", allow=["*"])
    assert ask(CodeBlock("bash", line)).yes


def test_a_rule_that_forbids_holds_in_every_mode_but_for_the_users_own() -> None:
    ask, _ = approval(ask="never", deny=["*rm*"])
    block = CodeBlock("bash", "rm x")
    assert not ask(block).yes
    with ask.own():
        assert ask(block).yes
    assert not ask(block).yes


def test_nobody_there_is_a_no() -> None:
    ask, console = approval(interactive=False, ask="all")
    assert not ask(BLOCK).yes
    assert not ask.confirm("Write?")
    assert console.asked == []
    ask.mode = "never"
    assert ask(BLOCK).yes
    assert ask.confirm("Write?")


def test_time_stands_still_while_the_user_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0

    class Slow(ListConsole):
        def ask(self, question: str) -> str:
            nonlocal now
            now += 3600
            return super().ask(question)

    monkeypatch.setattr("assistant.terminal.approve.time.monotonic", lambda: now)
    console = Slow("y")
    approval = Approval(console, Renderer(console), TerminalOptions(ask="all"))
    before = approval.clock()
    assert approval(CodeBlock("python", "x")).yes
    now += 5
    assert approval.clock() - before == 5


def test_a_block_that_is_asked_about_has_one_head_and_is_counted_one_way() -> None:
    console = ListConsole("y", "a")
    renderer = Renderer(console)
    asking = Approval(console, renderer, TerminalOptions(ask="all", deny=("rm *",)))
    block = CodeBlock("python", "print(1)\nprint(2)\n")
    renderer(Running(block))
    assert asking(block).yes
    assert console.text.count("line") == 1
    assert "▸ to run: python, 2 lines\n" in console.text
    assert asking(block).yes  # And to every python from now on.
    renderer(Running(block))
    renderer(Running(CodeBlock("bash", "rm x")))
    assert console.text.endswith("▸ running python, 2 lines\n▸ running bash, 1 line")


def test_the_question_is_on_the_record_before_and_after_it(tmp_path: Path) -> None:
    asks, _ = approval("n it is late", ask="all")
    made = Chat(ListModel(), Approving(ListExecutor(), asks, asks.asks), Terms())
    made.run(BLOCK)
    assert [e for e in made.events if isinstance(e, Asked)] == [Asked(), Asked("no")]
    path = tmp_path / "record.jsonl"
    cases: list[tuple[list[Event], bool]] = [
        ([Running(BLOCK), Asked()], True),
        ([Running(BLOCK), Asked(), Asked("yes")], False),
        ([Running(BLOCK), Asked("no"), Running(BLOCK)], False),
    ]
    for events, waiting in cases:
        with Recorder(path) as recorder:
            for event in events:
                recorder(event)
        loaded = load(path)
        assert loaded.unfinished == Running(BLOCK)
        assert loaded.waiting is waiting


def test_a_rule_that_forbids_is_told_once() -> None:
    asks, console = approval(deny=["rm *"])
    renderer = asks._renderer
    made = Chat(ListModel(), Approving(ListExecutor(), asks, asks.asks), Terms())
    made.attend(renderer)
    made.run(CodeBlock("bash", "rm x\n"))
    assert console.text.count("not run") == 1
    assert "not run: a rule forbids it: rm *" in console.text
    assert "you declined" not in console.text
    assert not any(isinstance(event, Asked) for event in made.events)


def test_a_block_that_comes_to_no_question_has_its_head_all_the_same() -> None:
    asks, console = approval(ask="all")
    block = CodeBlock("python", "print 'x'\n")
    for event in (Running(block), Ran(block, ExecResult(1, "This block was not run\n"))):
        asks._renderer(event)
    assert "▸ running python, 1 line\n│ This block was not run" in console.text
