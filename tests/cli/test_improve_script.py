"""``[[improve]]`` steps of a script: each atomic, with a report, side by side with --jobs."""

import json
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Program

Replies = Callable[..., None]

SCRIPT = """\
check = "sh check.sh"

[[improve]]
file = "a.sh"
objective = "Say A."

[[improve.expect]]
file = "a.sh"
contains = "echo A"
replies_at_most = 1

[[improve]]
file = "b.sh"
objective = "Say B."
check = "grep -q B b.sh"

[[improve.expect]]
file = "b.sh"
contains = "echo B"
"""


def change(name: str, old: str, new: str) -> str:
    return (
        f'```edit title="{name}"\n<<<<<<< SEARCH\necho {old}\n=======\necho {new}\n'
        ">>>>>>> REPLACE\n```\n"
    )


@pytest.fixture
def batch(program: Program) -> Path:
    folder = program.folder
    for name in "abc":
        (folder / f"{name}.sh").write_text(f"echo {name}\n")
    (folder / "check.sh").write_text("grep -q A a.sh\n")
    (folder / "batch.toml").write_text(SCRIPT)
    return folder


def test_steps_that_pass_are_written_one_that_fails_is_not(
    program: Program, replies: Replies, batch: Path
) -> None:
    replies(change("a.sh", "a", "A"), change("b.sh", "b", "X"), "I stop.", "I do.")
    done = program("script", "batch.toml", "--apply", "--junit", "report.xml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ok      batch.toml:9: a.sh contains 'echo A'" in done.stdout
    assert "FAILED  batch.toml:12: status 'done': found 'check-failed'" in done.stdout
    assert "FAILED  batch.toml:19" in done.stdout
    assert (batch / "a.sh").read_text() == "echo A\n"
    assert (batch / "b.sh").read_text() == "echo b\n"
    report = (batch / "report.xml").read_text()
    assert 'failures="2"' in report
    assert "improve 2: status" in report


def test_without_apply_changes_are_kept(program: Program, replies: Replies, batch: Path) -> None:
    replies(change("a.sh", "a", "A"), change("b.sh", "b", "B"))
    done = program("script", "batch.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (batch / "a.sh").read_text() == "echo a\n"
    session = re.findall(r"assistant apply (\S+)", done.stdout)[1]
    assert program("apply", session, "--yes").returncode == 0
    assert (batch / "b.sh").read_text() == "echo B\n"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('file = "a.sh"\nobj', 'fiel = "a.sh"\nobj', "batch.toml:4: unknown key 'fiel'"),
        ('file = "a.sh"\nobj', "file = []\nobj", "batch.toml:4: a step needs a file"),
        ('objective = "Say B."', "", "batch.toml:12: a step needs an objective"),
        ('file = "b.sh"\nobj', 'file = "none.sh"\nobj', "none.sh: No such file"),
        ('check = "sh check.sh"', "", "--unchecked"),
    ],
)
def test_what_is_wrong_with_a_step_is_2_before_anything_is_sent(
    program: Program, llmock: Any, batch: Path, old: str, new: str, said: str
) -> None:
    assert old in SCRIPT
    (batch / "batch.toml").write_text(SCRIPT.replace(old, new, 1))
    done = program("script", "batch.toml", "--apply")
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr
    assert llmock.requests == []


def test_turns_come_first(program: Program, replies: Replies, batch: Path) -> None:
    turn = '[[turn]]\nsay = "Hello."\n[[turn.expect]]\nreply_contains = "hi"\n'
    (batch / "batch.toml").write_text(SCRIPT + turn)
    replies("hi", change("a.sh", "a", "A"), change("b.sh", "b", "B"))
    done = program("script", "batch.toml", "--json", "--check", "true")
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [line for line in map(json.loads, done.stdout.splitlines()) if line["type"] == "Step"]
    assert [step["passed"] for step in steps] == [True, True]
    assert steps[1]["outcome"]["files"] == ["b.sh"]


class _Server(ThreadingHTTPServer):
    """Answers by what is asked, once as many requests are open as shall be side by side."""

    daemon_threads = True

    def __init__(self, together: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.meeting = threading.Barrier(together)


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        asked = body["messages"][1]["content"]
        name = re.search(r"Say ([A-Z])", asked)
        assert name
        server = self.server
        assert isinstance(server, _Server)
        server.meeting.wait(30)
        text = change(f"{name[1].lower()}.sh", name[1].lower(), name[1])
        chunks = [
            {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        ]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for chunk in chunks:
            whole = {"id": "1", "object": "chat.completion.chunk", "model": "m", "created": 0}
            self.wfile.write(b"data: " + json.dumps(whole | chunk).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *values: object) -> None:
        """Tests print nothing."""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(3) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_jobs_run_side_by_side(program: Program, batch: Path, server: _Server) -> None:
    step = '[[improve]]\nfile = "{0}.sh"\nobjective = "Say {1}."\n'
    (batch / "batch.toml").write_text(
        "check = 'true'\n" + "".join(step.format(name, name.upper()) for name in "abc")
    )
    program.variables["OPENAI_BASE_URL"] = f"http://127.0.0.1:{server.server_port}/v1"
    done = program("script", "batch.toml", "--jobs", "3", "--apply")
    assert done.returncode == 0, done.stdout + done.stderr
    for name in "abc":
        assert (batch / f"{name}.sh").read_text() == f"echo {name.upper()}\n"
    assert program("script", "batch.toml", "--jobs", "0").returncode == 2


def test_steps_of_one_file_see_what_the_earlier_ones_wrote(
    program: Program, replies: Replies, batch: Path, llmock: Any
) -> None:
    step = '[[improve]]\nfile = "a.sh"\nobjective = "{}"\n'
    (batch / "batch.toml").write_text("check = 'true'\n" + step.format("1") + step.format("2"))
    replies(change("a.sh", "a", "b"), change("a.sh", "b", "c"))
    done = program("script", "batch.toml", "--jobs", "4", "--apply")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "echo b" in json.dumps(llmock.last_request.body["messages"])
    assert (batch / "a.sh").read_text() == "echo c\n"


@pytest.mark.parametrize("jobs", ["1", "3"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_all_steps_at_once(
    program: Program, replies: Replies, batch: Path, jobs: str, number: signal.Signals
) -> None:
    step = '[[improve]]\nfile = "{0}.sh"\nobjective = "Say {0}."\n'
    begun = batch.parent / "begun"
    begun.mkdir()
    (batch / "batch.toml").write_text(
        f"check = 'touch {begun}/$$; sleep 100'\n" + step.format("a") + step.format("b")
    )
    replies(*[change("a.sh", "a", "A")] * 8)  # Whichever step asks first, this one's check begins.
    process = program.start("script", "batch.toml", "--jobs", jobs, "--apply")
    deadline = time.monotonic() + 60
    while not any(begun.iterdir()):
        assert time.monotonic() < deadline, process.communicate(timeout=5)
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=40)
    assert process.returncode == 128 + number
    assert (batch / "a.sh").read_text() == "echo a\n"
    assert (batch / "b.sh").read_text() == "echo b\n"
