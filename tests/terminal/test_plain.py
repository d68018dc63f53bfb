"""Pipes and dumb terminals."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assistant.terminal.plain import PlainConsole
from assistant.terminal.theme import theme
from tests.terminal.driver import CHILD, Terminal


def piped(text: str | bytes, code: int = 0, **options: object) -> str:
    data = text.encode() if isinstance(text, str) else text
    done = subprocess.run(
        [sys.executable, str(CHILD), json.dumps(options)],
        input=data,
        capture_output=True,
        timeout=60,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    assert done.stderr == b""
    assert done.returncode == code
    assert b"\x1b" not in done.stdout
    return done.stdout.decode()


def test_a_piped_session() -> None:
    text = piped("hello\n\ncode\n/budget\n/exit\nnever\n")
    assert "Hello **there**, friend.\n" in text
    assert "```python\ndef double(n):\n" in text
    assert "│ 42\n▸ exit 0 · 0.2 s · files: made.py\n" in text
    assert re.search(r"^replies +30 +3$", text, re.MULTILINE)
    assert "never" not in text
    assert "> hello" not in text


def test_longer_messages_in_a_pipe() -> None:
    text = piped('"""\nfirst\nsecond\n"""\none \\\ntwo\n')
    assert "You said: first\nsecond\n" in text
    assert "You said: one\ntwo\n" in text


def test_the_exit_code_of_a_pipe_is_that_of_the_last_turn() -> None:
    piped("fail\n", code=6)
    piped("fail\nhello\n", code=0)
    piped("", code=0)
    piped("", code=2, broken=True)


def test_ctrl_c_ends_a_pipe() -> None:
    with subprocess.Popen(
        [sys.executable, str(CHILD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"sleep\nhello\n")
        process.stdin.close()
        shown = b""
        while b"sleeping" not in shown:
            shown += process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.stderr
        assert process.stderr.read() == b""
        assert process.wait(30) == 130
        assert b"Hello" not in rest


def test_no_questions_in_a_pipe() -> None:
    text = piped("code\n/apply\n", ask="all")
    assert "nobody is there to ask" in text
    assert "▸ nothing was written" in text


def test_hostile_text_in_a_pipe() -> None:
    text = piped("hostile\nemit\n")
    assert "␛]52;c;aGk=␇" in text
    assert "\u202e" not in text


def test_input_that_is_no_text() -> None:
    assert "You said: \ufffd\ufffd" in piped(b"\xff\xfe\n")


def test_an_unknown_command_in_a_pipe_does_not_end_it() -> None:
    text = piped("/nonsense\nhello\n")
    assert "▸ there is no command /nonsense" in text
    assert "Hello" in text


def test_a_reader_that_leaves_early() -> None:
    done = subprocess.run(
        f"yes hello | head -50 | {sys.executable} {CHILD} | head -3",
        shell=True,
        capture_output=True,
        timeout=60,
    )
    assert done.stderr == b""


def test_output_to_a_file_at_a_terminal(tmp_path: Path) -> None:
    target = tmp_path / "out"
    command = ["sh", "-c", f"{sys.executable} {CHILD} > {target}"]
    with Terminal(command=command) as terminal:
        terminal.expect(">")
        terminal.type("hello\n")
        terminal.type("/exit\n")
        assert terminal.leave() == 0
    assert "Hello **there**, friend.\n" in target.read_text()
    assert "\x1b" not in target.read_text()


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_dumb_terminal(term: str) -> None:
    with Terminal({"ask": "all"}, environment={"TERM": term}, rows=60) as terminal:
        terminal.expect("talker")
        terminal.type("code\n")
        terminal.expect("y: yes")
        terminal.type("y\n")
        terminal.expect("│ 42")
        terminal.expect("▸ done")
        terminal.type("slow\n")
        terminal.read(0.5)
        terminal.type("\x03")
        terminal.expect("stopped by you; the session goes on")
        terminal.type("\x03")
        terminal.expect("(Ctrl-C again leaves)")
        terminal.type("\x03")
        assert terminal.leave() == 0
        assert b"\x1b" not in terminal.raw
        assert "Traceback" not in terminal.text


def test_typed_in_a_pipe_but_shown_at_a_terminal() -> None:
    command = ["sh", "-c", f"echo code | {sys.executable} {CHILD}"]
    with Terminal(command=command, rows=40) as terminal:
        terminal.expect("▸ done")
        assert terminal.style_of("def").fg == "magenta"
        assert terminal.leave() == 0


def test_output_folds_at_a_terminal_that_knows_no_sequences_too() -> None:
    with Terminal(environment={"TERM": "dumb"}, rows=24) as terminal:
        terminal.expect("talker")
        terminal.enter("flood", "│ 40")
        terminal.type("\x03")
        terminal.expect("│ … 19,950 lines more: /output 1 shows all\n│ 19991\n")
        assert b"\x1b" not in terminal.raw


def test_in_a_pipe_all_output_stands() -> None:
    text = piped("wideout\n!many\n")
    assert "│ " + "漢字" * 40 + "\n" in text
    assert all(f"│ {number}\n" in text for number in range(1, 501))


def test_how_far_it_is_stands_in_a_line_that_goes_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.terminal.plain._PULSE", 1e9)
    with PlainConsole(theme("mono"), 12, prompt=False) as console:
        console.pulse("1,040 lines so far")
        console.pulse("1,041 lines")  # Too soon after the first.
        console.show([[("", "next")]])
        console.show([[("", "last")]])
    assert capsys.readouterr().out == "\r… 1,040 lin\x1b[K\r\x1b[Knext\nlast\n"
    with PlainConsole(theme("text"), 12, prompt=False) as console:
        console.pulse("1,040 lines")
    assert capsys.readouterr().out == ""
