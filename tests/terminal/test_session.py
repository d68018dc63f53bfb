"""The real session in a pseudo-terminal: replies, code, Ctrl-C, questions, hostile text."""

import re

import pytest

from tests.terminal.driver import Terminal

READY = "talker · /tmp/work"
ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?]*[A-Za-z]|.)", re.DOTALL)
HARMLESS = re.compile(rb"\x1b\[(?:[0-9;]*m|\d*[ABCDJK]|\?(?:1|7|12|25|2004)[hl])")


def test_a_reply_streams_and_its_code_is_coloured_and_run() -> None:
    with Terminal(rows=40) as terminal:
        terminal.expect(READY)
        terminal.enter("code", "▸ done")
        terminal.settle()
        assert "▸ running python, 3 lines\n│ 42\n▸ exit 0 · 0.2 s · files: made.py" in terminal.text
        assert "2 replies" in terminal.text
        assert "/diff shows it, /apply writes it" in terminal.text
        assert terminal.style_of("def").fg == "magenta"
        assert terminal.style_of("double").fg == "blue"
        assert terminal.text.count("def double(n):") == 1


def test_the_unfinished_line_is_live() -> None:
    with Terminal(rows=40) as terminal:
        terminal.expect(READY)
        terminal.enter("slow", "tick tick")
        assert terminal.text.count("tick") < 40
        assert "Ctrl-C stops it" in terminal.text
        seen = terminal.text.count("tick")
        terminal.expect(lambda: terminal.text.count("tick") > seen + 5)
        terminal.expect("2 s, Ctrl-C stops it")
        terminal.type("\x03")
        terminal.expect("stopped by you")


def test_typing_goes_on_while_a_reply_streams_and_nothing_is_lost() -> None:
    with Terminal(rows=12) as terminal:
        terminal.expect(READY)
        terminal.type("lines\r")
        for character in "typed meanwhile":
            terminal.type(character)
            terminal.read(0.02)
        terminal.expect("▸ done")
        terminal.settle()
        assert terminal.text.endswith(terminal.display[-1])
        assert "> typed meanwhile" in terminal.text
        shown = re.findall(r"^line (\d+)$", terminal.text, re.MULTILINE)
        assert shown == [str(number) for number in range(200)]


def test_messages_typed_ahead_go_out_in_order() -> None:
    with Terminal(rows=60) as terminal:
        terminal.expect(READY)
        terminal.type("code\r")
        terminal.type("hello\r")
        terminal.enter("one more", "You said: one more")
        text = terminal.text
        assert text.index("> code") < text.index("> hello") < text.index("> one more")


def test_ctrl_c_stops_a_reply_and_keeps_the_session() -> None:
    with Terminal(rows=40) as terminal:
        terminal.expect(READY)
        terminal.enter("slow", "tick tick")
        terminal.enter("queued", "1 message waiting")
        terminal.type("\x03")
        terminal.expect("stopped by you; the session goes on")
        terminal.expect("> queued")
        assert "You said" not in terminal.text
        terminal.enter("", lambda: terminal.text.count("queued") == 2 and "▸ done" in terminal.text)
        assert "Traceback" not in terminal.text


def test_ctrl_c_stops_code_and_keeps_the_session() -> None:
    with Terminal(rows=40) as terminal:
        terminal.expect(READY)
        terminal.enter("sleep", "│ sleeping")
        terminal.type("\x03")
        terminal.expect("stopped by you")
        terminal.enter("hello", "Hello there, friend.")


def test_ctrl_c_while_the_sandbox_starts_leaves_when_asked_twice() -> None:
    with Terminal({"start": 60.0}) as terminal:
        terminal.expect("starting")
        terminal.type("\x03")
        terminal.expect("Ctrl-C again leaves")
        terminal.type("\x03")
        assert terminal.leave() == 130
        assert "Traceback" not in terminal.text


def test_ctrl_c_hammered_never_shows_a_traceback() -> None:
    with Terminal(rows=40) as terminal:
        terminal.expect(READY)
        for _ in range(3):
            terminal.type("slow\r")
            terminal.read(0.15)
            terminal.type("\x03")
            terminal.read(0.25)
            terminal.type("\x03")
            terminal.read(1.2)  # Two in a second at the empty prompt would leave.
        terminal.enter("hello", "Hello there, friend.")
        assert "Traceback" not in terminal.text


@pytest.mark.parametrize("message", ["hostile", "emit"])
def test_hostile_sequences_are_shown_not_obeyed(message: str) -> None:
    with Terminal(rows=60) as terminal:
        terminal.expect(READY)
        terminal.enter(message, "▸ done")
        terminal.settle()
        for shown in ("␛]0;owned␇", "␛]52;c;aGk=␇", "␛P1$r", "␛[2J␛[H", "<U+202E>abc", "␍over"):
            assert shown in terminal.text
        unknown = {code for code in ESCAPES.findall(terminal.raw) if not HARMLESS.fullmatch(code)}
        assert unknown == set()
        for byte in (b"\x07", b"\xc2\x9b", "\u202e".encode(), b"\x7f"):
            assert byte not in terminal.raw
        assert terminal.screen.title == ""


@pytest.mark.parametrize("columns", [20, 33, 400])
def test_narrow_and_wide_windows(columns: int) -> None:
    with Terminal(columns=columns, rows=80) as terminal:
        terminal.expect("talker")
        for message in ("wide", "table", "code"):
            terminal.enter(message, lambda: "▸ done" in terminal.text)
            terminal.settle()
        text = terminal.text.replace("\n", "")
        assert "שלום" in text
        assert "漢字漢字" in text.replace(" ", "")
        assert "👨\u200d👩\u200d👧".encode() in terminal.raw
        assert "twenty" in text
        assert "def double(n):" in text


def test_a_resize_in_mid_stream_loses_nothing() -> None:
    with Terminal(columns=100, rows=30) as terminal:
        terminal.expect(READY)
        terminal.type("long\r")
        terminal.read(0.2)
        terminal.resize(60, 20)
        terminal.expect("▸ done")
        terminal.settle()
        terminal.enter("hello", "Hello there, friend.")
        assert len(terminal.display) == 20
        # pyte cuts rows that were wider; what came after the resize has all its words.
        assert sum(line.count("word") for line in terminal.text.split("\n")) > 1500


def test_no_color() -> None:
    with Terminal(environment={"NO_COLOR": "1"}, rows=40) as terminal:
        terminal.expect(READY)
        terminal.enter("code", "▸ done")
        codes = {
            part
            for code in re.findall(rb"\x1b\[([\d;]*)m", terminal.raw)
            for part in code.split(b";")
        }
        assert not {code for code in codes if code[:1] in (b"3", b"4", b"9") and len(code) == 2}


def test_light_and_dark() -> None:
    with Terminal({"theme": "light"}, rows=40) as terminal:
        terminal.expect(READY)
        assert terminal.style_of("▸").fg == "blue"
    with Terminal(environment={"COLORFGBG": "15;0"}, rows=40) as terminal:
        terminal.expect(READY)
        assert terminal.style_of("▸").fg == "cyan"


def test_retries_and_errors_are_told() -> None:
    with Terminal(rows=60) as terminal:
        terminal.expect(READY)
        terminal.enter("retry", "▸ waiting 3 s: the server is busy ␛[31m")
        terminal.expect("Hello there, friend.")
        terminal.enter("crash", "▸ something of ours failed")
        terminal.expect("▸ Try another way.")
        terminal.enter("/chekc", "Did you mean /check?")
        terminal.enter(
            "/etc/hosts is a file", lambda: terminal.text.count("/etc/hosts is a file") == 2
        )


def test_a_signal_that_a_library_made_an_error_of_ends_the_session() -> None:
    with Terminal() as terminal:
        terminal.expect(READY)
        terminal.type("wrapped\r")
        assert terminal.leave() == 130
        assert "Error calling" not in terminal.text


def test_a_chat_that_cannot_be_made_ends_with_its_code() -> None:
    with Terminal({"broken": True}) as terminal:
        assert terminal.leave() == 2
        assert "▸ no engine answers" in terminal.text
        assert "▸ Start Docker ␛[2J" in terminal.text
        assert "Traceback" not in terminal.text


def test_asking_before_code_runs() -> None:
    with Terminal({"ask": "all"}, rows=70) as terminal:
        terminal.expect(READY)
        terminal.enter("shell", "┃ ls <U+202E>-l")
        terminal.expect("y: yes")
        terminal.enter("no, use dir instead", "▸ not run: you declined")
        terminal.expect("▸ use dir instead")
        terminal.expect("▸ done")
        terminal.enter("code", "┃ print(double(21))")
        terminal.expect("a: yes to every “run python”")
        terminal.enter("a", "│ 42")
        terminal.enter("again code", lambda: terminal.text.count("│ 42") == 2)
        assert terminal.text.count("y: yes") <= 1


def test_a_question_can_be_read_in_a_narrow_window() -> None:
    with Terminal({"ask": "all"}, columns=20, rows=40) as terminal:
        terminal.expect("talker")
        terminal.enter("code", lambda: "no, or say why not" in " ".join(terminal.text.split()))
        terminal.enter("y", "│ 42")


def test_ctrl_c_and_ctrl_d_at_a_question() -> None:
    with Terminal({"ask": "all"}, rows=70) as terminal:
        terminal.expect(READY)
        terminal.enter("code", "y: yes")
        terminal.type("\x04")
        terminal.expect("not run: you declined")
        terminal.enter("fail", "y: yes")
        terminal.type("\x03")
        terminal.expect("stopped by you, before the code ran; the session goes on")
        terminal.enter("hello", "Hello there, friend.")


def test_what_is_typed_survives_a_question() -> None:
    with Terminal({"ask": "all", "start": 0.5}, rows=40) as terminal:
        terminal.type("code\r")
        terminal.type("half a message")
        terminal.expect("y: yes")
        terminal.enter("y", "│ 42")
        terminal.expect("> half a message")


def test_the_work_commands() -> None:
    with Terminal(rows=90) as terminal:
        terminal.expect(READY)
        terminal.enter("/diff", "+print(42) ␛[2J")
        assert terminal.style_of("+print(42)").fg == "green"
        terminal.enter("/apply made.py", "[y/n]")
        terminal.enter("n", "▸ nothing was written")
        terminal.enter("/apply made.py", "[y/n]")
        terminal.enter("y", "▸ wrote made.py")
        terminal.enter("/undo 2", "▸ 2 back")
        terminal.enter("/redo", "▸ 1 forward")
        terminal.enter("/undo many", "many is no number of blocks")
        terminal.enter("!ls", "▸ running bash, 1 line\n│ ran bash")
        terminal.enter("!!pwd", "the model sees this with your next message")
        terminal.enter("what now", "what now\n\nI ran this command of my own in the sandbox: pwd")


def test_the_session_commands() -> None:
    with Terminal(rows=90) as terminal:
        terminal.expect(READY)
        terminal.enter("/check", "▸ there is no check to run")
        terminal.enter("/check make pass", "▸ check: make pass")
        terminal.enter("/check", "▸ check passed · 1 test ran")
        terminal.enter("/model other", "▸ model: other")
        terminal.expect("other · next message:")
        terminal.enter("/budget replies=7 dollars=0.5", "replies    7              0")
        terminal.expect("dollars    $0.5000        $0")
        terminal.enter("/budget cost", "tokens out: 0, of them reasoning 0")
        terminal.enter("/budget apples=7", "Caps are replies, tokens")
        terminal.enter("/ask never", "▸ asking: never")
        terminal.enter("/reset", "starts anew")
        terminal.type("/exit\r")
        assert terminal.leave() == 0


def test_a_message_that_would_be_dear_is_asked_about() -> None:
    with Terminal({"dearest": "0.05"}, rows=40) as terminal:
        terminal.expect(READY)
        terminal.enter("hello", "could cost up to $0.1001")
        terminal.type("n\r")
        terminal.settle()
        assert "Hello" not in terminal.text
        terminal.enter("hello", "[y/n]")
        terminal.enter("y", "Hello there, friend.")


def test_a_first_message_from_the_command_line() -> None:
    with Terminal({"first": "hello"}) as terminal:
        terminal.expect("> hello")
        terminal.expect("Hello there, friend.")
