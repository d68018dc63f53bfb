"""Events as text."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from assistant.events import (
    EXIT_CODES,
    Checked,
    Checking,
    Chunk,
    CodeBlock,
    Event,
    ExecResult,
    Finished,
    Notice,
    Output,
    Ran,
    Replied,
    Reserved,
    Reset,
    Restored,
    Retrying,
    Running,
    Said,
    Started,
    Status,
    Usage,
)
from assistant.terminal.render import Renderer
from assistant.terminal.sections import MARK
from assistant.terminal.theme import plain
from tests.terminal.screens import ListScreen
from tests.terminal.test_markdown import DOCUMENT

BLOCK = CodeBlock("python", "print(1)\nprint(2)\n")
SAVE = CodeBlock("python", "x\n", "a.py", "save")


def shown(*events: Event, rich: bool = True, hints: bool = True, echo: bool = False) -> str:
    screen = ListScreen(rich=rich)
    renderer = Renderer(screen, hints=hints, echo=echo, clock=lambda: 0.0)
    for event in events:
        renderer(event)
    return screen.text


def test_a_whole_turn() -> None:
    text = shown(
        Reserved(10, 100),
        Chunk("I will", "reasoning"),
        Chunk(" think.", "reasoning"),
        Chunk("Now "),
        Chunk("**look**:\n```python\nprint(1)\n```\n"),
        Replied("...", Usage(1200, 1000, 20, 5, Decimal("0.0123")), seconds=2.0),
        Running(BLOCK),
        Output("1\n"),
        Output("2"),
        Ran(BLOCK, ExecResult(0, "1\n2", 0.5, files=("a.py",))),
        Said("fed back", "result"),
        Checking("pytest"),
        Output("1 passed\n"),
        Checked(
            True, "pytest", 0, "1 passed\n", "1 test passed", 1.0, ("conftest.py was restored",)
        ),
        Finished("done"),
    )
    assert text == (
        "I will think.\n"
        "\n"
        "Now look:\n```python\nprint(1)\n```\n"
        "\n"
        "▸ 1,200 tokens in (1,000 cached) · 20 out (5 reasoning) · $0.0123 · 2.0 s\n"
        "▸ running python, 2 lines\n"
        "│ 1\n│ 2\n"
        "▸ exit 0 · 0.5 s · files: a.py\n"
        "▸ checking: pytest\n"
        "│ 1 passed\n"
        "▸ check passed · 1 test passed · exit 0 · 1.0 s\n"
        "▸ conftest.py was restored\n"
        "▸ done\n"
        "  1 reply · 1,220 tokens · $0.0123 · 1 block run\n"
        "  changed: a.py (/diff shows it, /apply writes it to your folder)"
    )


def ran(exit_code: int, **more: Any) -> Ran:
    return Ran(BLOCK, ExecResult(exit_code, "", **more))


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (Started("1", "gpt", "/home/me", "slim"), "gpt · /home/me · slim"),
        (Retrying(3.2, "429"), "waiting 3 s: 429"),
        (Notice("two\nlines"), "two\n  lines"),
        (Restored("p1", "after block 1"), "after block 1 · p1"),
        (Reset(), "the conversation starts anew; the workspace and what was spent stay"),
        (Running(SAVE), "saving a.py (1 line)"),
        (Ran(SAVE, ExecResult(0, "")), "saved a.py"),
        (
            ran(124, seconds=120, reason="timeout"),
            "exit 124 · stopped at its time limit · 2 min 0 s",
        ),
        (ran(137, seconds=1, reason="memory"), "exit 137 · killed: out of memory · 1.0 s"),
        (ran(1, cut=5000), "exit 1\n▸ 5,000 bytes of output were left out"),
        (
            ran(0, files=("a.py", "gone", "p.PNG", "big"), sizes=(1, -1, 999, 5_000_000)),
            "exit 0 · files: a.py (1 byte), gone, p.PNG (999 bytes, picture), big (5.0 MB)",
        ),
        (
            Replied("", finish="broken", detail="reset"),
            "the reply broke off; nothing of it runs: reset",
        ),
        (Replied("", Usage(5, 0, 5)), "5 tokens in · 5 out · cost unknown"),
        (Replied("", Usage(5, 0, 5, cost=Decimal(0))), "5 tokens in · 5 out · $0"),
        (Replied("", Usage(5, estimated=True)), "about 5 tokens in · 0 out · cost unknown"),
    ],
)
def test_each_event(event: Event, text: str) -> None:
    assert shown(event) == f"▸ {text}"


@pytest.mark.parametrize(
    ("finished", "first", "last"),
    [
        (Finished("done"), "▸ done", "▸ done"),
        (
            Finished("check-failed", "2 failed"),
            "▸ the check still fails: 2 failed",
            "  Say what to try, or /check to run it again.",
        ),
        (
            Finished("budget", "no replies left"),
            "▸ the budget of this message is spent: no replies left",
            "  Say “go on” to spend as much again, or raise a cap with /budget.",
        ),
        (
            Finished("model-error", "401\nSet a key."),
            "▸ the model cannot answer: 401\n  Set a key.",
            "  Nothing is lost: say it again, or choose another with /model.",
        ),
    ],
)
def test_endings(finished: Finished, first: str, last: str) -> None:
    text = shown(finished)
    assert text.startswith(first)
    assert text.endswith(last)


@pytest.mark.parametrize("status", EXIT_CODES)
def test_every_ending_fits_one_screen_and_gives_no_hint_where_none_can_be_followed(
    status: Status,
) -> None:
    finished = Finished(status, "x\n" * 500)
    assert len(shown(finished).split("\n")) <= 14
    assert "/" not in shown(finished, hints=False)


def test_one_blank_line_is_enough() -> None:
    assert shown(Chunk("text\n\n\n"), Replied("x"), Notice("a")) == "text\n\n▸ a"


def test_a_reply_that_did_not_stream_is_shown_once() -> None:
    assert shown(Replied("**hi**")) == "hi"
    assert shown(Chunk("**hi**"), Replied("**hi**")) == "hi"


def test_output_that_did_not_stream_is_shown_once() -> None:
    result = ExecResult(0, "42\n")
    assert shown(Running(BLOCK), Ran(BLOCK, result)).count("│ 42") == 1
    assert shown(Running(BLOCK), Output("42\n"), Ran(BLOCK, result)).count("│ 42") == 1


def test_nobody_can_imitate_the_assistant() -> None:
    text = shown(
        Chunk("▸ check passed\n\n  ▸ exit 0\n"), Replied("x"), Running(BLOCK), Output("▸ exit 0\n")
    )
    own = [line for line in text.split("\n") if line.lstrip().startswith(MARK)]
    assert own == ["▸ running python, 2 lines"]


def test_control_characters_are_shown_everywhere() -> None:
    bad = "\x1b[2J\u202e"
    block = CodeBlock(f"py{bad}", "x", f"a{bad}.py", "run")
    events: list[Event] = [
        Started("1", bad, bad),
        Said(bad),
        Chunk(bad),
        Chunk(bad, "reasoning"),
        Replied(bad, finish="refused", detail=bad),
        Retrying(1, bad),
        Notice(bad),
        Running(block),
        Output(bad),
        Ran(block, ExecResult(1, bad, notes=(bad,), files=(bad,))),
        Checking(bad),
        Checked(False, bad, 1, bad, bad, notes=(bad,)),
        Restored(bad, bad),
        Finished("stuck", f"{bad}\n{bad}"),
    ]
    text = shown(*events, echo=True)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert text.count("␛[2J<U+202E>") >= len(events)


def test_secrets_are_redacted_on_every_line() -> None:
    screen = ListScreen()
    renderer = Renderer(screen, redact=lambda text: text.replace("sk-1", "[redacted]"))
    for event in (
        Chunk("key sk-"),
        Chunk("1 here\n"),
        Replied("x"),
        Running(BLOCK),
        Output("sk-"),
        Output("1\n"),
        Ran(BLOCK, ExecResult(1, "", notes=("sk-1",))),
        Finished("model-error", "sk-1\nsk-1"),
    ):
        renderer(event)
    assert "sk-1" not in screen.text
    assert screen.text.count("[redacted]") == 5


def test_the_words_in_a_pipe_are_those_of_the_screen() -> None:
    def events() -> Iterable[Event]:
        for at in range(0, len(DOCUMENT), 7):
            yield Chunk(DOCUMENT[at : at + 7])
        yield Replied(DOCUMENT, Usage(1, 0, 2), "length")
        yield Running(BLOCK)
        yield Output("some output\n")
        yield Ran(BLOCK, ExecResult(1, "some output\n", 1.0))
        yield Finished("stuck", "a reason")

    def words(text: str) -> list[str]:
        return re.findall(r"[^\W_]+", text)

    # What a table, a task or a rule is drawn with is no word; a task's x is.
    rich, piped = words(shown(*events())), words(shown(*events(), rich=False))
    assert [word for word in piped if word != "x"] == [word for word in rich if word != "x"]


def test_the_unfinished_line_can_be_drawn() -> None:
    screen = ListScreen()
    renderer = Renderer(screen)
    renderer(Chunk("first\nsec"))
    assert screen.text == "first"
    assert screen.preview is not None
    assert plain(screen.preview()) == ["sec"]
    renderer(Notice("other"))
    assert screen.text == "first\nsec\n\n▸ other"
    assert screen.preview is None
