"""Records: a crash loses nothing, resuming goes on, replaying is exact."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Program, records, terminal

Replies = Callable[..., None]


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_ended_goes_on_where_it_was(
    program: Program, replies: Replies, llmock: Any, home: Path, number: signal.Signals
) -> None:
    first = '```python title="kept.py"\nx = 1\n```\n'
    replies(first, "```bash\necho $$ ; echo begun; sleep 60\n```\n", "never")
    process = program.start("run", "Begin.", "--json-stream")
    assert process.stdout
    assert any("begun" in line for line in process.stdout if '"Output"' in line)
    process.send_signal(number)
    process.communicate(timeout=30)
    expected = -9 if number == signal.SIGKILL else 128 + number
    assert process.returncode == expected
    (record,) = records(home)
    kinds = [json.loads(line)["type"] for line in record.read_text().splitlines()]
    assert kinds.count("Running") == 2
    assert ("Finished" in kinds) == (number != signal.SIGKILL)

    llmock.reset()
    replies("We go on.")
    resumed = program("--resume", given="And now?\n")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "goes on" in resumed.stdout
    assert "files are as its last block left them, variables and what ran" in resumed.stdout
    told = "a block (bash) was running when the session ended; it is not run again"
    assert (told in resumed.stdout) == (number == signal.SIGKILL)
    sent = llmock.last_request.body["messages"]
    assert sent[1]["content"].startswith("Begin.")
    applied = program("apply", "--yes")
    assert applied.returncode == 0, applied.stderr
    assert (program.folder / "kept.py").read_text() == "x = 1\n"
    again = program("apply")
    assert " has nothing to apply.\nIt is the last one here" in again.stdout


def test_nothing_is_left_running_after_an_interrupt(program: Program, replies: Replies) -> None:
    replies("```bash\necho pid $$; sleep 60\n```\n")
    process = program.start("run", "x", "--json-stream")
    assert process.stdout
    line = next(line for line in process.stdout if '"Output"' in line and "pid" in line)
    pid = int(json.loads(line)["text"].split()[1])
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    wait_for(lambda: not _alive(pid))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_record_replays_and_a_changed_one_does_not(
    program: Program, replies: Replies, home: Path
) -> None:
    replies("```python\nprint(6 * 7)\n```\n", "It is 42.")
    assert program("run", "What is it?").returncode == 0
    (record,) = records(home)
    again = program("replay", str(record))
    assert again.returncode == 0, again.stdout + again.stderr
    assert "as recorded" in again.stdout

    with_record = program("run", "What is it?", "--model", f"replay:{record}")
    assert with_record.returncode == 0, with_record.stdout + with_record.stderr
    assert "It is 42." in with_record.stdout

    other = program("run", "What else?", "--model", f"replay:{record}")
    assert other.returncode == 4
    assert "-What is it?" in other.stdout + other.stderr


def test_sessions_are_listed_shown_and_deleted(
    program: Program, replies: Replies, home: Path
) -> None:
    replies("Hello there.")
    program("run", "Say hello.")
    listed = program("sessions").stdout
    name = listed.split()[0]
    assert "Say hello." in listed
    assert re.search(r"  \d+ (s|min)  +\d+ kB  done +1 reply, [\d,]+ tokens, ", listed)
    assert "Hello there." in program("sessions", "show", name).stdout
    assert "Hello there." in program("sessions", "show", "last").stdout
    assert "Hello there." in program("--resume", "last", given="/help\n").stdout
    assert program("sessions", "delete", name).returncode == 0
    assert records(home) == []
    assert program("sessions", "show", name).returncode == 2


def test_a_torn_record_is_told_and_goes_on(program: Program, replies: Replies, home: Path) -> None:
    replies("One.", "Two.")
    program("run", "First.")
    (record,) = records(home)
    with record.open("ab") as file:
        file.write(b'{"v":1,"seq":99,"ty')
    resumed = program("--resume", given="Second.\n")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert "cut off" in resumed.stdout
    assert "Two." in resumed.stdout


def test_a_second_process_on_a_session_is_refused(
    program: Program, replies: Replies, home: Path
) -> None:
    replies("```bash\necho begun; sleep 60\n```\n")
    process = program.start("run", "x", "--json-stream")
    assert process.stdout
    assert any("begun" in line for line in process.stdout)
    (record,) = records(home)
    second = program("--resume", record.parent.name, given="y\n")
    assert second.returncode == 2
    assert str(process.pid) in second.stdout + second.stderr
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


def test_a_block_that_waited_for_a_yes_did_not_run(
    program: Program, replies: Replies, home: Path
) -> None:
    replies("```bash\ntouch never\n```\n")
    with terminal(program, "--ask", "all") as screen:
        screen.expect("sandbox ready")
        screen.enter("Touch it.", "run it? y: yes")
        screen.process.kill()
        screen.leave()
    replies("Fine.")
    resumed = program("--resume", given="And now?\n")
    told = "a block (bash) waited for your yes when the session ended; it did not run"
    assert told in resumed.stdout
    assert "not run again" not in resumed.stdout


def test_sessions_of_this_folder_are_offered_with_their_titles(
    program: Program, replies: Replies, tmp_path: Path
) -> None:
    replies("Yes.", "No.")
    program("run", "First of all")
    other = tmp_path / "other"
    other.mkdir()
    program("run", "Elsewhere", "--folder", str(other))
    with terminal(program) as screen:
        screen.expect("sandbox ready")
        screen.type("/resume ")
        screen.expect("First of all")
        assert "Elsewhere" not in screen.text
        screen.enter("", "1 reply")
        assert "Elsewhere" not in screen.text
        screen.settle()
        screen.type("\x04")
        assert screen.leave() == 0
