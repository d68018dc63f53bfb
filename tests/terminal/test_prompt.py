"""The prompt in a pseudo-terminal: what is typed, pasted, recalled, completed."""

import stat
import termios
from pathlib import Path

from tests.terminal.driver import Terminal

READY = "talker · /tmp/work"


def test_the_prompt_is_there_before_the_chat_and_what_is_typed_waits() -> None:
    with Terminal({"start": 1.5}) as terminal:
        terminal.expect("\n>")
        assert READY not in terminal.text
        terminal.enter("hello", "1 message waiting")
        terminal.expect("Hello there, friend.")
        assert terminal.text.index(READY) < terminal.text.index("> hello")


def test_a_message_typed_and_sent_before_the_program_has_started_is_sent() -> None:
    with Terminal() as terminal:
        terminal.enter("hello", "Hello there, friend.")


def test_a_paste_of_three_lines_stays_one_message() -> None:
    with Terminal() as terminal:
        terminal.expect(READY)
        terminal.paste("first\r\nsecond\rthird")
        terminal.expect("> first\n  second\n  third")
        assert "You said" not in terminal.text
        terminal.enter(" end", "You said: first\nsecond\nthird end")


def test_a_long_paste_is_folded_and_sent_whole() -> None:
    with Terminal() as terminal:
        terminal.expect(READY)
        terminal.paste("\n".join(f"row {number}" for number in range(2000)))
        terminal.expect("[paste 1: 2,000 lines, about 4k tokens]")
        assert "row 7" not in terminal.text
        terminal.enter(
            " end", lambda: "row 1999 end" in terminal.text and "▸ done" in terminal.text
        )
        assert "… 1,970 more lines …" in terminal.text


def test_a_paste_of_a_megabyte() -> None:
    with Terminal() as terminal:
        terminal.expect(READY)
        terminal.paste("x" * 99 + ("\n" + "y" * 99) * 10_000)
        terminal.expect("[paste 1: 10,001 lines, about 250k tokens]")
        terminal.type("\x7f" * 60)
        terminal.settle()
        terminal.enter("hello", "Hello there, friend.")


def test_alt_enter_and_ctrl_j_make_a_line() -> None:
    with Terminal() as terminal:
        terminal.expect(READY)
        terminal.type("one\x1b\rtwo\nthree")
        terminal.expect("> one\n  two\n  three")
        terminal.enter("", "You said: one\ntwo\nthree")


def test_enter_can_make_lines_too() -> None:
    with Terminal({"enter_sends": False}) as terminal:
        terminal.expect(READY)
        terminal.expect("Alt-Enter sends")
        terminal.enter("one\rtwo\x1b", "You said: one\ntwo")


def test_ctrl_c_clears_the_line_and_twice_leaves_with_a_summary() -> None:
    with Terminal() as terminal:
        terminal.expect(READY)
        terminal.enter("hello", "▸ done")
        terminal.type("half a thought")
        terminal.expect("> half a thought")
        terminal.type("\x03")
        terminal.expect(lambda: "half a thought" not in terminal.text)
        terminal.type("\x03")
        terminal.expect("Ctrl-C again leaves")
        terminal.type("\x03")
        assert terminal.leave() == 0
        assert "session s-1 · 1 reply" in terminal.text
        assert "assistant --resume s-1" in terminal.text
        assert "Traceback" not in terminal.text


def test_ctrl_d_leaves_only_on_an_empty_line_and_the_terminal_is_as_before() -> None:
    with Terminal() as terminal:
        before = termios.tcgetattr(terminal.master)[3]
        terminal.expect(READY)
        assert not termios.tcgetattr(terminal.master)[3] & termios.ECHO
        terminal.type("x\x04")
        terminal.settle()
        terminal.type("\x7f\x04")
        assert terminal.leave() == 0
        after = termios.tcgetattr(terminal.master)[3]
        assert after == before
        assert b"\x1b[?2004l" in terminal.raw[-300:]


def test_an_interrupt_from_outside_at_the_prompt_does_not_end_the_session() -> None:
    with Terminal() as terminal:
        terminal.expect(READY)
        terminal.settle()
        terminal.process.send_signal(2)
        terminal.expect("Ctrl-C again leaves")
        terminal.enter("hello", "Hello there, friend.")


def test_a_terminal_that_goes_away_ends_the_session() -> None:
    terminal = Terminal()
    terminal.expect(READY)
    terminal.settle()
    terminal.hang_up()
    assert terminal.process.wait(20) is not None


def test_history_is_private_and_comes_back(tmp_path: Path) -> None:
    history = tmp_path / "state" / "history"
    with Terminal({"history": str(history)}) as terminal:
        terminal.expect(READY)
        terminal.enter("first message\x1b\rof two lines", "▸ done")
        terminal.type("\x04")
        terminal.leave()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert "+first message\n+of two lines\n" in history.read_text()
    with Terminal({"history": str(history)}) as terminal:
        terminal.expect(READY)
        terminal.type("\x1b[A")
        terminal.expect("> first message\n  of two lines")
        terminal.type("\x03")
        terminal.expect(lambda: "first message" not in terminal.text)
        terminal.type("\x12mess")
        terminal.expect("> first message")


def test_commands_and_paths_are_completed(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("a note")
    with Terminal({"folder": str(tmp_path)}) as terminal:
        terminal.expect("talker")
        terminal.type("/bud")
        terminal.expect("what is left, other")
        terminal.type("\t")
        terminal.expect("> /budget")
        terminal.type("\x03")
        terminal.type("see @no")
        terminal.expect("about 1 token")
        terminal.type("\t")
        terminal.expect("> see @notes.txt")
        terminal.enter("", "You said: see @notes.txt")
        terminal.expect("The file notes.txt:")
        terminal.expect("a note")


def test_the_editor(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\necho 'from the editor' >> \"$1\"\n")
    editor.chmod(0o755)
    with Terminal(environment={"EDITOR": str(editor)}) as terminal:
        terminal.expect(READY)
        terminal.type("typed ")
        terminal.expect("> typed")
        terminal.type("\x18\x05")
        terminal.expect("from the editor")
        terminal.enter("", "You said: typed from the editor")


def test_pasted_tabs_and_hidden_characters_can_be_seen() -> None:
    with Terminal() as terminal:
        terminal.expect(READY)
        terminal.paste("if x:\n\treturn \u202eevil\x1b[2J")
        terminal.expect("> if x:\n      return \ufffdevil\ufffd[2J")
        assert "\u202e".encode() not in terminal.raw
        terminal.enter("", "return <U+202E>evil␛[2J")


def test_vi_keys() -> None:
    with Terminal({"vi": True}) as terminal:
        terminal.expect(READY)
        terminal.type("hellox\x1b")
        terminal.settle()
        terminal.type("x")
        terminal.settle()
        terminal.enter("", "Hello there, friend.")


def test_a_history_in_an_impossible_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with Terminal({"history": str(tmp_path / "file" / "history")}) as terminal:
        terminal.expect(READY)
        terminal.enter("hello", "Hello there, friend.")
