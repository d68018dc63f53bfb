"""Starting and ending an engine, with a stand-in for dockerd."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant.events import SandboxError
from assistant.sandbox.daemon import (
    DaemonOptions,
    ensure_engine,
    install,
    start_engine,
    stop_engine,
)
from assistant.sandbox.endpoints import NoEngine
from assistant.sandbox.engine import find_engine
from assistant.sandbox.host import Host, locked

FAKE = Path(__file__).with_name("fake_engine.py")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    """A machine whose dockerd is the stand-in; whatever was started there ends."""
    programs = tmp_path / "bin"
    programs.mkdir()
    dockerd = programs / "dockerd"
    dockerd.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE} "$@"\n')
    dockerd.chmod(0o755)
    environment = {"PATH": str(programs), "OPENAI_API_KEY": "sk-canary", "HTTPS_PROXY": "http://p"}
    host = Host(environment, tmp_path / "state", tmp_path / "cache")
    yield host
    list(stop_engine(host))


def options(tmp_path: Path, *arguments: str, seconds: float = 20) -> DaemonOptions:
    socket = tmp_path / "e.sock"
    return DaemonOptions(
        socket=socket,
        pidfile=tmp_path / "e.pid",
        state=tmp_path / "run",
        arguments=("--host", f"unix://{socket}", *arguments),
        seconds=seconds,
    )


def there(tmp_path: Path) -> dict[str, str]:
    return {"DOCKER_HOST": f"unix://{tmp_path / 'e.sock'}"}


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_starts_waits_and_ends(tmp_path: Path, host: Host) -> None:
    assert [line.split(" (")[0] for line in start_engine(host, options(tmp_path))] == [
        "Starting the container engine"
    ]
    assert find_engine(there(tmp_path)).version == "99.1"
    assert list(stop_engine(host)) == ["The engine that was started here has ended"]
    with pytest.raises(NoEngine):
        find_engine(there(tmp_path))
    assert list(stop_engine(host)) == ["No engine runs that was started here"]


def test_the_engine_gets_no_key_and_keeps_no_folder_busy(tmp_path: Path, host: Host) -> None:
    list(start_engine(host, options(tmp_path)))
    log = (host.state / "dockerd.log").read_text()
    assert "cwd / " in log
    assert "HTTPS_PROXY" in log
    assert "OPENAI" not in log
    assert host.state.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("lacking", "notice"), [("--no-layers", "whole copies"), ("--no-filter", "filter packets")]
)
def test_falls_back_and_says_so(tmp_path: Path, host: Host, lacking: str, notice: str) -> None:
    lines = list(start_engine(host, options(tmp_path, lacking)))
    assert notice in lines[1]
    assert find_engine(there(tmp_path))


def test_both_ways_around_together(tmp_path: Path, host: Host) -> None:
    assert len(list(start_engine(host, options(tmp_path, "--no-layers", "--no-filter")))) == 3
    assert find_engine(there(tmp_path))


def test_an_engine_that_fails_is_told_with_its_last_word(tmp_path: Path, host: Host) -> None:
    with pytest.raises(NoEngine, match="something else is wrong") as caught:
        list(start_engine(host, options(tmp_path, "--broken")))
    assert str(host.state / "dockerd.log") in caught.value.remedy
    assert not (host.state / "engine.json").exists()


def test_an_engine_that_never_answers_is_given_up(tmp_path: Path, host: Host) -> None:
    with pytest.raises(NoEngine, match="did not come up"):
        list(start_engine(host, options(tmp_path, "--never", seconds=0.5)))
    assert list(stop_engine(host)) == ["No engine runs that was started here"]


def test_stale_pid_files_do_not_keep_it_from_starting(tmp_path: Path, host: Host) -> None:
    wanted = options(tmp_path)
    wanted.pidfile.write_text(str(os.getpid()))  # alive, and no dockerd
    list(start_engine(host, wanted))
    assert not wanted.pidfile.exists()


def test_the_remains_of_a_killed_daemon_do_not_either(tmp_path: Path, host: Host) -> None:
    """Where nobody waits for it, its process number stays taken."""
    dockerd = tmp_path / "dockerd"
    dockerd.symlink_to("/bin/sleep")
    with subprocess.Popen([dockerd, "60"]) as killed:
        wanted = options(tmp_path)
        wanted.pidfile.write_text(str(killed.pid))
        killed.kill()
        until(lambda: state(killed.pid) == "Z")
        list(start_engine(host, wanted))
        assert not wanted.pidfile.exists()


def test_a_daemon_that_runs_keeps_its_file(tmp_path: Path, host: Host) -> None:
    dockerd = tmp_path / "dockerd"
    dockerd.symlink_to("/bin/sleep")
    with subprocess.Popen([dockerd, "60"]) as running:
        try:
            until(lambda: Path(f"/proc/{running.pid}/comm").read_text() == "dockerd\n")
            wanted = options(tmp_path)
            wanted.pidfile.write_text(str(running.pid))
            list(start_engine(host, wanted))
            assert wanted.pidfile.exists()
        finally:
            running.kill()


@pytest.mark.parametrize("change", [{"ticks": 1}, {"boot": "another"}, {"pid": 2**22 + 1}])
def test_never_ends_a_process_that_is_not_the_one(
    tmp_path: Path, host: Host, change: dict[str, object]
) -> None:
    list(start_engine(host, options(tmp_path)))
    note = host.state / "engine.json"
    kept = note.read_text()
    note.write_text(json.dumps({**json.loads(kept), **change}))
    assert list(stop_engine(host)) == ["No engine runs that was started here"]
    assert not note.exists()
    assert find_engine(there(tmp_path))
    note.write_text(kept)  # for the fixture, which ends it


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_damaged_note_is_dropped(host: Host, text: str) -> None:
    host.state.mkdir()
    (host.state / "engine.json").write_text(text)
    assert list(stop_engine(host)) == ["No engine runs that was started here"]


def test_nothing_is_installed_without_a_yes(tmp_path: Path) -> None:
    asked = []

    def no(question: str) -> bool:
        asked.append(question)
        return False

    host = Host({"PATH": str(tmp_path)}, tmp_path / "state", tmp_path / "cache", no)
    with pytest.raises(NoEngine, match="none was started"):
        list(install(host))
    assert len(asked) == 1
    assert "No container engine answers" in asked[0]


def test_an_engine_that_answers_is_used_as_it_is(tmp_path: Path, host: Host) -> None:
    list(start_engine(host, options(tmp_path)))
    other = Host({**host.environment, **there(tmp_path)}, tmp_path / "other", tmp_path / "cache")
    steps = ensure_engine(other)
    with pytest.raises(StopIteration) as ended:
        next(steps)
    assert ended.value.value.version == "99.1"
    assert list(stop_engine(other)) == ["No engine runs that was started here"]
    assert find_engine(there(tmp_path))


def test_a_chosen_engine_that_is_silent_is_never_replaced(tmp_path: Path, host: Host) -> None:
    chosen = Host({**host.environment, **there(tmp_path)}, host.state, host.cache)
    with pytest.raises(NoEngine, match="though DOCKER_HOST names one"):
        list(ensure_engine(chosen))
    assert not (host.state / "dockerd.log").exists()


def test_setups_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "state/engine.lock"
    order = []

    def second() -> None:
        with locked(path):
            order.append("second")

    with locked(path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_an_engine_that_will_not_end_is_told(tmp_path: Path, host: Host) -> None:
    """A stopped process keeps its signal; it ends when it goes on."""
    list(start_engine(host, options(tmp_path)))
    pid = json.loads((host.state / "engine.json").read_text())["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: state(pid) == "T")
        with pytest.raises(SandboxError, match="did not end within"):
            list(stop_engine(host, seconds=0.2))
    finally:
        os.kill(pid, signal.SIGCONT)
