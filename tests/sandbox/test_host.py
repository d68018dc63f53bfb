"""The machine as setting up sees it: environment, programs, logs, locks."""

import os
import sys
import time
from pathlib import Path

import pytest

from assistant.events import SandboxError
from assistant.sandbox.host import (
    Host,
    apt_family,
    is_locked,
    last_word,
    locked,
    release_facts,
    run_tool,
    tail,
)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(dict(os.environ), tmp_path / "state", tmp_path / "cache")


def test_tools_see_no_keys(host: Host) -> None:
    given = {
        "PATH": "/bin",
        "OPENAI_API_KEY": "sk-canary",
        "AWS_SECRET_ACCESS_KEY": "canary",
        "https_proxy": "http://proxy",
        "PIP_INDEX_URL": "http://index",
        "npm_config_cafile": "/ca",
    }
    seen = Host(given, host.state, host.cache).tool_environment()
    assert not any("canary" in value for value in seen.values())
    assert {"https_proxy", "PIP_INDEX_URL", "npm_config_cafile"} <= seen.keys()
    assert seen["PATH"].startswith("/bin:")
    assert "/usr/sbin" in seen["PATH"]


def test_a_tool_that_ends_well_leaves_its_words_in_the_log(host: Host) -> None:
    log = host.log("x")
    run_tool(host, ["sh", "-c", "echo out; echo err >&2; pwd"], log, seconds=10)
    assert tail(log) == ["$ sh -c echo out; echo err >&2; pwd", "out", "err", "/"]
    assert host.state.stat().st_mode & 0o777 == 0o700


def test_a_tool_that_fails_is_told_by_its_last_word(host: Host) -> None:
    script = "echo E: no such package; echo more; exit 3"
    with pytest.raises(SandboxError, match=r"sh failed \(3\): E: no such package") as caught:
        run_tool(host, ["sh", "-c", script], host.log("x"), seconds=10)
    assert str(host.log("x")) in caught.value.remedy


def test_only_this_runs_words_count(host: Host) -> None:
    log = host.log("x")
    run_tool(host, ["echo", "E: of another time"], log, seconds=10)
    with pytest.raises(SandboxError, match="it printed nothing"):
        run_tool(host, ["false"], log, seconds=10)


def test_a_tool_that_is_missing(host: Host) -> None:
    with pytest.raises(SandboxError, match=r"no-such-tool cannot be started: No such file"):
        run_tool(host, ["no-such-tool"], host.log("x"), seconds=10)


def test_a_module_is_called_by_its_name(host: Host) -> None:
    with pytest.raises(SandboxError, match=r"^no_such_module failed"):
        run_tool(host, [sys.executable, "-m", "no_such_module"], host.log("x"), seconds=10)


def test_a_tool_that_takes_too_long_ends_with_all_it_started(host: Host, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    script = f"trap '' TERM; sleep 60 & echo $! >{pid_file}; wait; sleep 60"
    with pytest.raises(SandboxError, match="did not end within"):
        run_tool(host, ["bash", "-c", script], host.log("x"), seconds=0.5)
    pid = int(pid_file.read_text())
    deadline = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_logs_cannot_steer_a_terminal(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"\x1b]0;title\x07red\x1b[31m \xff\n\n" + b"x" * 70_000 + b"\nlast\n")
    shown = tail(log, 5)
    assert shown[-1] == "last"
    assert all(character.isprintable() for line in shown for character in line)
    assert last_word(tmp_path / "none") == "it printed nothing"


def test_a_lock_is_seen_by_others_and_freed(tmp_path: Path) -> None:
    path = tmp_path / "a/lock"
    assert not is_locked(path)
    with locked(path):
        assert is_locked(path)
    assert not is_locked(path)


@pytest.mark.parametrize(
    ("text", "codename"),
    [
        ('ID=debian\nVERSION_CODENAME=bookworm\nNAME="Debian"', "bookworm"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma', "wilma"),
        ("ID=fedora\nVERSION_ID=41", None),
        ("", None),
    ],
)
def test_the_family_of_a_distribution(tmp_path: Path, text: str, codename: str | None) -> None:
    file = tmp_path / "os-release"
    file.write_text(text)
    assert apt_family(file) == codename
    assert apt_family(tmp_path / "none") is None


def test_release_facts_take_quotes_off() -> None:
    assert release_facts("A='x y'\nB=\"z\"\n# no\nC=") == {"A": "x y", "B": "z", "C": ""}
