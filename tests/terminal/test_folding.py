"""Long outputs: head and tail, rows of the window, what is left out."""

import re
import shlex
import sys
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.chat import Chat
from assistant.events import (
    Checked,
    Checking,
    CodeBlock,
    Event,
    ExecResult,
    Notice,
    Output,
    Ran,
    Running,
    UsageError,
)
from assistant.protocols import Terms
from assistant.terminal.approve import Approval
from assistant.terminal.commands import run_command
from assistant.terminal.console import TerminalOptions
from assistant.terminal.folding import Folded, shares
from assistant.terminal.pager import paged, pager
from assistant.terminal.render import Renderer
from assistant.terminal.session import Session
from assistant.terminal.theme import plain
from assistant.terminal.wrap import broken, fold, width
from tests.fakes import ListExecutor, ListModel
from tests.terminal.driver import Terminal
from tests.terminal.screens import ListConsole, ListScreen

BLOCK = CodeBlock("python", "for n in range(2000): print(n)\n")


def numbers(count: int) -> str:
    return "".join(f"{n}\n" for n in range(1, count + 1))


def folded(text: str, lines: int = 50, columns: int = 80, piece: int = 7) -> list[str]:
    """The rows of a text that comes in pieces, without the bar that each has."""
    flow = Folded(str, lambda: columns, lines, "/output 1")
    rows = [row for at in range(0, len(text), piece) for row in flow.feed(text[at : at + piece])]
    shown = plain([*rows, *flow.close()])
    assert all(row.startswith("│ ") for row in shown)
    return [row[2:] for row in shown]


def rendered(*events: Event, lines: int | None = 50, columns: int = 80) -> ListScreen:
    screen = ListScreen(columns)
    renderer = Renderer(screen, lines=lines)
    renderer.shown_by = "/output"
    for event in events:
        renderer(event)
    return screen


def test_the_shares_of_head_and_tail() -> None:
    assert [shares(lines) for lines in (1, 2, 5, 20, 50, 100)] == [
        (0, 1),
        (1, 1),
        (2, 3),
        (10, 10),
        (40, 10),
        (80, 20),
    ]


def test_a_long_output_shows_its_head_and_its_tail_and_says_what_is_left_out() -> None:
    rows = folded(numbers(14_000))
    assert rows[:40] == [str(n) for n in range(1, 41)]
    assert rows[40] == "… 13,950 lines more: /output 1 shows all"
    assert rows[41:] == [str(n) for n in range(13_991, 14_001)]


@pytest.mark.parametrize("count", [0, 1, 40, 50, 55])
def test_what_is_only_a_little_longer_is_shown_whole(count: int) -> None:
    assert folded(numbers(count)) == numbers(count).splitlines()


def test_from_there_on_it_is_folded() -> None:
    assert folded(numbers(56))[40] == "… 6 lines more: /output 1 shows all"


@pytest.mark.parametrize("lines", range(1, 14))
def test_the_end_is_always_there(lines: int) -> None:
    rows = folded("Traceback (most recent call last):\n" * 99 + "ValueError: no", lines)
    assert rows[-1] == "ValueError: no"
    assert len(rows) == lines + 1


def test_all_of_it_where_that_is_wanted() -> None:
    assert folded(numbers(3000), lines=0) == numbers(3000).splitlines()


def test_rows_are_counted_as_the_window_has_them() -> None:
    text = "".join(f"{n:0>150}\n" for n in range(100))  # Two rows each, of 78.
    rows = folded(text)
    assert len(rows) == 51
    assert rows[0] + rows[1] == f"{0:0>150}"
    assert rows[40] == "… 75 lines more: /output 1 shows all"
    assert rows[-2] + rows[-1] == f"{99:0>150}"


def test_one_endless_line_is_counted_in_characters() -> None:
    text = "".join(chr(97 + n % 26) for n in range(100_000))
    rows = folded(text, piece=5000)
    assert "".join(rows[:40]) == text[: 40 * 78]
    tail = "".join(rows[41:])
    assert text.endswith(tail)
    assert len(rows) == 51
    left_out = len(text) - 40 * 78 - len(tail)
    assert rows[40] == f"… {left_out:,} characters more: /output 1 shows all"


def test_a_line_that_is_shown_in_part_counts_among_those_left_out() -> None:
    rows = folded("x" * 78 * 45 + "\n" + numbers(100))
    assert rows[39] == "x" * 78
    assert rows[40] == "… 91 lines more: /output 1 shows all"
    assert rows[41] == "91"


@given(
    st.lists(st.text(alphabet="ab 漢e\u0301", min_size=1, max_size=200), max_size=60),
    st.integers(0, 20),
    st.integers(30, 60),
    st.integers(1, 90),
)
def test_nothing_is_left_out_but_what_is_said(
    lines: list[str], most: int, columns: int, piece: int
) -> None:
    text = "".join(f"{line}\n" for line in lines)
    flow = Folded(str, lambda: columns, most)
    rows = [row for at in range(0, len(text), piece) for row in flow.feed(text[at : at + piece])]
    shown = plain([*rows, *flow.close()])
    assert all(width(row) <= columns for row in shown)
    shown, text = [row.removeprefix("│ ") for row in shown], "".join(lines)
    marks = [at for at, row in enumerate(shown) if row.startswith("…")]
    if not marks:
        assert "".join(shown) == text
        return
    (mark,) = marks
    assert len(shown) == most + 1
    head, tail = "".join(shown[:mark]), "".join(shown[mark + 1 :])
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) + len(tail) < len(text)
    complete = whole_lines(lines, len(head)) + whole_lines(lines[::-1], len(tail))
    left = len(lines) - complete
    wanted = f"{left:,} lines" if left > 1 else f"{len(text) - len(head) - len(tail):,} character"
    assert shown[mark].startswith(f"… {wanted}")


def whole_lines(lines: list[str], characters: int) -> int:
    """How many lines so many characters are."""
    return sum(end <= characters for end in accumulate(map(len, lines)))


@given(st.text(alphabet="ab 漢e\u0301", max_size=90), st.integers(2, 30))
def test_rows_of_a_text_are_those_that_a_terminal_makes(text: str, columns: int) -> None:
    assert list(broken(text, columns)) == plain(fold([("", text)], columns))


def test_narrow_windows() -> None:
    rows = folded(numbers(2000), columns=20)
    assert rows[40:43] == ["… 1,950 lines", "more: /output 1", "shows all"]
    assert folded("漢" * 30, columns=3, lines=0) == ["漢"] * 30


def test_hostile_output_is_shown_not_obeyed_wherever_it_stands() -> None:
    bad = "\x1b]0;owned\x07\x1b[2J\u202e\n"
    screen = rendered(Running(BLOCK), Output(bad * 500), Ran(BLOCK, ExecResult(0, bad * 500)))
    assert "\x1b" not in screen.text
    assert "\u202e" not in screen.text
    assert screen.text.count("␛]0;owned␇") == 50
    assert "… 450 lines more: /output 1 shows all" in screen.text


def test_keys_do_not_come_out_at_the_end() -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "c2VjcmV0\n" * 300 + "-----END PRIVATE KEY-----\n"
    output = numbers(100) + key + "end\n"
    screen = rendered(Running(BLOCK), Output(output), Ran(BLOCK, ExecResult(1, output)))
    assert "c2VjcmV0" not in screen.text
    assert "│ [redacted]\n│ end\n" in screen.text


def test_the_end_is_that_of_what_was_kept_where_the_stream_had_gaps() -> None:
    whole = numbers(5000) + "Traceback\nValueError: no\n"
    screen = rendered(
        Running(BLOCK), Output(numbers(2000)), Ran(BLOCK, ExecResult(1, whole)), columns=60
    )
    assert "│ 40\n│ … 4,952 lines more: /output 1 shows all\n│ 4993\n" in screen.text
    assert "│ Traceback\n│ ValueError: no\n▸ exit 1" in screen.text


@pytest.mark.parametrize("lines", [None, 0, 5000])
@pytest.mark.parametrize("came", [numbers(2000), numbers(2000) + "unfinish"])
def test_the_end_is_the_true_one_where_nothing_folds_too(lines: int | None, came: str) -> None:
    kept = numbers(900) + "\n[... 9999 bytes left out ...]\n" + "a line\n" * 500 + "Error: no\n"
    ran = Ran(BLOCK, ExecResult(1, kept, cut=9999))
    screen = rendered(Running(BLOCK), Output(came), ran, lines=lines)
    assert screen.text.count("│ …\n│ a line\n") == 1
    assert "│ a line\n│ Error: no\n▸ exit 1" in screen.text
    assert screen.text.count("a line") == 9
    whole = rendered(Running(BLOCK), Output(came + kept), ran, lines=lines)
    assert "│ …" not in whole.text


def test_of_an_output_that_was_cut_nobody_knows_how_long_it_was() -> None:
    kept = numbers(500) + "\n[... 9999 bytes left out ...]\n" + "end\n" * 500
    screen = rendered(
        Running(BLOCK), Output(numbers(2000)), Ran(BLOCK, ExecResult(0, kept, cut=9999))
    )
    assert "… about 14 kB more: /output 1 shows what was kept" in screen.text
    assert "│ end\n▸ exit 0\n▸ 9,999 bytes of output were left out" in screen.text


def test_a_check_does_not_tell_how_much_of_its_output_was_cut() -> None:
    kept = numbers(500) + "\n[... 9999 bytes left out ...]\n" + "end\n" * 500
    came = Output(numbers(2000))
    screen = rendered(Checking("pytest"), came, Checked(False, "pytest", 1, kept))
    assert "… over 1,945 lines more: /output 1 shows what was kept\n│ end" in screen.text


def test_a_notice_in_between_begins_a_new_part() -> None:
    output = numbers(10) + numbers(100)
    screen = rendered(
        Running(BLOCK),
        Output(numbers(10)),
        Notice("the sandbox began anew"),
        Output(numbers(100)),
        Ran(BLOCK, ExecResult(0, output)),
    )
    assert "▸ the sandbox began anew\n│ 1\n" in screen.text
    assert "│ … 50 lines more: /output 1 shows all\n│ 91\n" in screen.text


def test_outputs_are_numbered_as_they_come_those_of_checks_too() -> None:
    long = numbers(100)
    saved = CodeBlock("python", "x\n", "a.py", "save")
    screen = rendered(
        Running(saved),
        Ran(saved, ExecResult(0, "saved a.py\n")),
        Running(BLOCK),
        Output(long),
        Ran(BLOCK, ExecResult(0, long)),
        Checking("pytest"),
        Output(long),
        Checked(False, "pytest", 1, long),
    )
    assert re.findall(r"/output (\d)", screen.text) == ["1", "2"]


def printed(tmp_path: Path, *outputs: str, lines: int | None = 50) -> tuple[Session, ListConsole]:
    """A session in which the user ran something for each output."""
    console, options = ListConsole(), TerminalOptions()
    renderer = Renderer(console, lines=lines)
    renderer.shown_by = "/output"
    results = [ExecResult(0, output, 1.0) for output in outputs]
    chat = Chat(ListModel("fine"), ListExecutor(*results), Terms())
    chat.folder = str(tmp_path)
    session = Session(chat, console, renderer, options, Approval(console, renderer, options))
    for _ in outputs:
        session.run(CodeBlock("bash", "make"))
    return session, console


def test_output_shows_what_was_folded(tmp_path: Path) -> None:
    session, console = printed(tmp_path, numbers(500), "", "x\x1b[2J\n" * 100)
    assert re.findall(r"/output \d", console.text) == ["/output 1", "/output 2"]
    console.rows.clear()
    run_command(session, "/output 1")
    wanted = "".join(f"│ {n}\n" for n in range(1, 501)).removesuffix("\n")
    assert console.text == f"▸ output 1 of 2: bash, 1 line · exit 0 · 1.0 s\n{wanted}"
    console.rows.clear()
    run_command(session, "/output")
    assert console.text.count("│ x␛[2J") == 100
    assert console.text.startswith("▸ output 2 of 2")


def test_output_in_a_pipe_is_whole_too(tmp_path: Path) -> None:
    session, console = printed(tmp_path, "x" * 500, lines=None)
    run_command(session, "/output")
    assert console.text.count("x" * 500) == 2


def test_output_shows_no_key(tmp_path: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
    session, console = printed(tmp_path, key)
    run_command(session, "/output")
    assert console.text.count("│ [redacted]") == 2
    assert "c2VjcmV0" not in console.text


def test_an_output_that_is_not_there(tmp_path: Path) -> None:
    session, _ = printed(tmp_path)
    with pytest.raises(UsageError, match="nothing has printed anything yet"):
        run_command(session, "/output")
    session, _ = printed(tmp_path, "a\n")
    for typed in ("/output 2", "/output 0", "/output x", "/output -1"):
        with pytest.raises(UsageError):
            run_command(session, typed)


def test_outputs_of_an_older_sitting_are_counted_and_shown(tmp_path: Path) -> None:
    earlier, _ = printed(tmp_path, "one\n", "two\n")
    earlier.chat.say("go on")
    earlier.run(CodeBlock("bash", "make"))
    long = Ran(BLOCK, ExecResult(0, numbers(100)))
    console, options = ListConsole(), TerminalOptions()
    renderer = Renderer(console, lines=50)
    renderer.shown_by = "/output"
    chat = Chat(ListModel("fine"), ListExecutor(ExecResult(0, numbers(90))), Terms())
    chat.events[:] = [*earlier.chat.events, Running(BLOCK), long]
    chat.opened = len(chat.events)
    session = Session(chat, console, renderer, options, Approval(console, renderer, options))
    assert "… 50 lines more: /output 3 shows all" in console.text
    renderer.user("make")
    assert console.text.endswith("▸ exit 0\n\n> make")
    session.run(CodeBlock("bash", "make"))
    assert "… 40 lines more: /output 4 shows all" in console.text
    run_command(session, "/output 2")
    assert console.text.endswith("▸ output 2 of 4: bash, 1 line · exit 0 · 1.0 s\n│ two")


def test_a_pipe_gets_all_of_it_in_whole_lines() -> None:
    output = numbers(300) + "x" * 500 + "\n"
    screen = rendered(Running(BLOCK), Ran(BLOCK, ExecResult(0, output)), lines=None)
    assert "│ 300\n│ " + "x" * 500 + "\n▸ exit 0" in screen.text


def test_while_it_is_held_back_one_sees_how_far_it_has_come() -> None:
    screen = ListScreen()
    renderer = Renderer(screen, lines=50)
    renderer(Running(BLOCK))
    renderer(Output(numbers(40)))
    assert screen.pulses == []
    renderer(Output(numbers(1000) + "epoch 7"))
    assert screen.pulses == ["1,040 lines"]
    assert screen.text.endswith("│ 40")
    assert screen.preview
    assert plain(screen.preview()) == ["│ …", "│ 999", "│ 1000", "│ epoch 7"]
    renderer(Ran(BLOCK, ExecResult(0, numbers(40) + numbers(1000) + "epoch 7")))
    assert screen.pulses[-1] == ""
    assert "│ … 991 lines more\n│ 992\n" in screen.text


def test_a_session_folds_tells_how_far_it_is_and_shows_all_when_asked() -> None:
    with Terminal(rows=24, environment={"PAGER": "cat"}) as terminal:
        terminal.expect("talker · /tmp/work")
        terminal.enter("flood", "20,000 lines, Ctrl-C stops it")
        terminal.expect("│ 20000")
        terminal.type("\x03")
        terminal.expect("│ … 19,950 lines more: /output 1 shows all\n│ 19991\n")
        terminal.expect("stopped by you")
        terminal.settle()
        assert "│ 40\n│ …" in terminal.text
        assert "│ 19990\n" not in terminal.text
        terminal.enter("/output", "▸ output 1 of 1: python, 1 line · exit 130")
        terminal.expect("│ 19989\n│ 19990\n│ 19991\n")


PAGER = """\
import signal, sys
signal.signal(signal.SIGINT, lambda *_: print("the pager heard it", flush=True))
print("paged", len(sys.stdin.read().splitlines()), flush=True)
open("/dev/tty").readline()
"""


def test_a_whole_output_longer_than_the_window_is_shown_in_the_pager(tmp_path: Path) -> None:
    script = tmp_path / "pager.py"
    script.write_text(PAGER)
    command = shlex.join([sys.executable, str(script)])
    with Terminal(rows=24, environment={"PAGER": command}) as terminal:
        terminal.expect("talker · /tmp/work")
        terminal.enter("!many", "▸ exit 0")
        terminal.enter("/output", "paged 500")
        terminal.type("\x03")
        terminal.expect("the pager heard it")
        terminal.type("q\n")
        terminal.expect(lambda: terminal.display[-1].startswith("talker"))
        terminal.enter("!ls", "│ ran bash")
        terminal.enter("/output", lambda: terminal.text.count("│ ran bash") == 2)
        terminal.enter("hello", "Hello there, friend.")
        assert "│ 400\n" not in terminal.text
        assert terminal.text.count("paged") == 1


@pytest.mark.parametrize("given", ["cat", "", "no-such-program -x", "'"])
def test_without_a_pager_it_is_shown_here(given: str) -> None:
    assert pager({"PAGER": given}) == ()


def test_the_pager_gets_the_text_and_its_end_is_waited_for(tmp_path: Path) -> None:
    assert pager({"PAGER": "sh -c 'cat'"}) == ["sh", "-c", "cat"]
    assert paged(["sh", "-c", 'cat > "$0"', str(tmp_path / "text")], "é\n")
    assert (tmp_path / "text").read_text(encoding="utf-8") == "é\n"
    assert not paged([str(tmp_path / "none")], "x")


def test_the_lines_for_the_pager_are_as_safe_as_those_shown_here() -> None:
    renderer = Renderer(ListScreen(), redact=lambda text: text.replace("sk-1", "[redacted]"))
    key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"
    lines = renderer.lines_of(f"a\x1b[2J\tb\r\nsk-1\n\n{key}")
    assert lines == ["a␛[2J   b", "[redacted]", "", "[redacted]"]


def test_rows_that_go_on_keep_the_bar_on_the_screen() -> None:
    with Terminal(columns=40, rows=40) as terminal:
        terminal.expect("talker")
        terminal.enter("wideout", "▸ done")
        terminal.settle()
        rows = [row for row in terminal.display if "漢" in row or "y" * 20 in row]
        assert len(rows) > 4
        assert all(row.startswith("│ ") for row in rows)
