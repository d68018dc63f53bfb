"""The real program as a process, a folder for it to work on, and a server on loopback."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.terminal.driver import Terminal

KEY = "sk-canary-5b1d0c7e9f42a86de31b"


@dataclass
class Program:
    """Runs ``assistant`` in ``folder``; without a container unless told otherwise."""

    folder: Path
    variables: dict[str, str]

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "assistant", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.variables},
            text=True,
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            **options,
        )

    def __call__(
        self, *arguments: str, given: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        with self.start(*arguments, stdin=subprocess.PIPE) as process:
            try:
                out, err = process.communicate(given or "", timeout=90)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def terminal(program: Program, *flags: str, **variables: str) -> Terminal:
    """The session at a terminal of 160 columns."""
    command = [sys.executable, "-m", "assistant", "--folder", str(program.folder), *flags]
    names = ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")
    home = {name: os.environ[name] for name in names if name in os.environ}
    return Terminal(
        command=command, environment={**home, **program.variables, **variables}, columns=160
    )


def records(home: Path) -> list[Path]:
    """The records of all sessions below a home."""
    return sorted((home / ".local/share/assistant/sessions").glob("*/record.jsonl"))


@pytest.fixture
def home() -> Path:
    """The home folder of the test."""
    return Path.home()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def program(folder: Path, llmock: Any) -> Program:
    """Talks to the server on loopback; its code runs in this process's own machine."""
    variables = {
        "OPENAI_BASE_URL": llmock.base_url(),
        "OPENAI_API_KEY": KEY,
        "ASSISTANT_MODEL": "gpt-4o",
        "ASSISTANT_LOCAL": "true",
        # What checks call python3 is this one, which has pytest.
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return Program(folder, variables)


@pytest.fixture
def contained(program: Program, sandbox_image: object) -> Program:
    """The same with the real container."""
    variables = {k: v for k, v in program.variables.items() if k != "ASSISTANT_LOCAL"}
    return Program(program.folder, variables)


@pytest.fixture
def replies(llmock: Any) -> Callable[..., None]:
    """What the server answers, in order."""

    def queue(*texts: str) -> None:
        for text in texts:
            llmock.reply(text)

    return queue
