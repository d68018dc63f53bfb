"""The first minutes: what is missing is told with what to type next, and nothing is started."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Program
from tests.terminal.driver import Terminal

NOWHERE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}


def rows(text: str) -> dict[str, str]:
    """What is said of each thing, by its name."""
    return {line[9:18].strip(): line[:8].strip() for line in text.splitlines() if line[:1] != " "}


def test_all_that_is_missing_has_a_remedy(
    program: Program, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "ASSISTANT_LOCAL", "ASSISTANT_MODEL"):
        program.variables.pop(name)
        monkeypatch.delenv(name, raising=False)
    program.variables |= NOWHERE
    done = program("doctor")
    assert done.returncode == 2
    assert rows(done.stdout)["model"] == "MISSING"
    assert rows(done.stdout)["sandbox"] == "MISSING"
    assert "export OPENAI_API_KEY=" in done.stdout
    assert "Start that engine" in done.stdout
    assert not (home / ".local").exists()


def test_a_server_that_does_not_answer_and_one_without_the_model(
    program: Program, llmock: Any
) -> None:
    program.variables["OPENAI_BASE_URL"] = "http://127.0.0.1:9/v1"
    done = program("doctor")
    assert done.returncode == 4
    assert "cannot be reached" in done.stdout


def test_all_is_well(program: Program) -> None:
    done = program("doctor")
    wrong = [line for line in done.stdout.splitlines() if line.startswith("MISSING")]
    if wrong and "not listed" in wrong[0]:
        program.variables["ASSISTANT_MODEL"] = wrong[0].rpartition("(")[2].split(",")[0].strip(")")
        done = program("doctor")
    assert done.returncode == 0, done.stdout
    assert "All is well" in done.stdout
    assert "as you asked (local)" in done.stdout


@pytest.mark.docker
def test_the_engine_and_the_image_are_found(contained: Program) -> None:
    done = contained("doctor")
    assert rows(done.stdout)["engine"] == "ok"
    assert rows(done.stdout)["image"] == "ok"
    missing = contained("doctor", "--image", "no-such-image:1")
    assert missing.returncode in (4, 5)
    assert "the image no-such-image:1 is not there" in missing.stdout
    assert "docker pull no-such-image:1" in missing.stdout


def test_a_session_without_a_key_says_what_to_type(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "assistant", "--folder", str(tmp_path)]
    environment = {"HOME": str(tmp_path), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    with Terminal(command=command, environment=environment) as terminal:
        terminal.expect("assistant doctor")
        assert terminal.leave() == 2
        assert "export OPENAI_BASE_URL=http://localhost:11434/v1" in terminal.text


def test_what_is_less_than_well_is_told_with_what_to_do(program: Program) -> None:
    prices = program.folder / "prices.toml"
    prices.write_text('["priced"]\ninput = 1.0\noutput = 2.0\nwindow = 8192\n')
    program.variables |= {"ASSISTANT_PRICES": str(prices), "ASSISTANT_MODEL": "priced"}
    program.variables |= {"PYTHONIOENCODING": "latin-1"}
    told = program("doctor").stdout
    assert "of priced known; window 8,192 tokens" in told
    assert "writes iso8859-1, not UTF-8" in told.replace("latin-1", "iso8859-1")
    assert "export LANG=C.UTF-8" in told
    program.variables["ASSISTANT_MODEL"] = "nobody-knows-me"
    told = program("doctor").stdout
    assert "unknown: cap tokens, not dollars; window unknown (setting window)" in told
    assert "nobody-knows-me is not listed" in told
    assert "Choose one: --model NAME (" in told


def test_a_folder_for_sessions_that_cannot_be_one(program: Program) -> None:
    taken = program.folder / "file"
    taken.write_text("")
    program.variables["ASSISTANT_DATA_FOLDER"] = str(taken)
    done = program("doctor")
    assert done.returncode == 2
    assert "cannot be written" in done.stdout
    assert "ASSISTANT_DATA_FOLDER=DIR" in done.stdout


def test_a_terminal_without_control_sequences_is_told(program: Program) -> None:
    command = [sys.executable, "-m", "assistant", "doctor"]
    environment = {"HOME": str(program.folder), "TERM": "dumb", **program.variables}
    with Terminal(command=command, environment=environment, columns=160) as terminal:
        terminal.expect("TERM=dumb: plain lines, no colours or editing")
        terminal.leave()
    with Terminal(
        command=command, environment={**environment, "TERM": "xterm", "NO_COLOR": "1"}, columns=160
    ) as terminal:
        terminal.expect("xterm, no colours (NO_COLOR)")
        terminal.leave()
