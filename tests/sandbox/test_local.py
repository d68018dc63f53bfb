"""The local executor keeps the contract, and leaves nothing behind."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from assistant.events import SandboxError
from assistant.sandbox.local import LocalOptions, LocalSandbox, _Pipes
from assistant.sandbox.options import Life
from tests.sandbox.contract import Contract, Make, go


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "OPENAI_API_KEY": "sk-canary", "MY_TOKEN": "canary", "PLAIN": "yes"}


class TestLocal(Contract):
    @pytest.fixture
    def make(self, environment: dict[str, str]) -> Iterator[Make]:
        with ExitStack() as stack:

            def make(life: Life = "session") -> LocalSandbox:
                return stack.enter_context(LocalSandbox(LocalOptions(environment, life)))

            yield make


@pytest.mark.parametrize("life", ["session", "pooled", "fresh"])
def test_what_a_runner_is_told_may_come_in_pieces(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, life: Life
) -> None:
    """As over a slow connection to an engine far away."""
    write = _Pipes.write

    def in_pieces(pipes: _Pipes, data: bytes) -> None:
        for piece in (data[:-50], data[-50:-20], data[-20:]):
            write(pipes, piece)
            time.sleep(0.2)

    monkeypatch.setattr(_Pipes, "write", in_pieces)
    with LocalSandbox(LocalOptions(environment, life)) as sandbox:
        assert go(sandbox, "print(6 * 7)").output == "42\n"


def test_secrets_are_not_passed_on(environment: dict[str, str]) -> None:
    with LocalSandbox(LocalOptions(environment)) as sandbox:
        output = go(sandbox, "env", "bash").output
    assert "PLAIN=yes" in output
    assert "canary" not in output


def test_nothing_stays_behind(environment: dict[str, str]) -> None:
    with LocalSandbox(LocalOptions(environment)) as sandbox:
        result = go(sandbox, "pwd; sleep 300 & echo $!", "bash")
        folder, pid = result.output.split()
        assert Path(folder).is_dir()
    assert not Path(folder).exists()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


def test_nothing_stays_behind_of_a_host_that_is_killed(environment: dict[str, str]) -> None:
    code = (
        "import os, sys\n"
        "from assistant.events import CodeBlock\n"
        "from assistant.sandbox.local import LocalOptions, LocalSandbox\n"
        "block = CodeBlock('bash', 'mkdir -p a/b; chmod 0 a/b; pwd; echo $$; sleep 300')\n"
        "with LocalSandbox(LocalOptions(dict(os.environ))) as sandbox:\n"
        "    for event in sandbox.run(block, 100): print(event.text, end='', flush=True)\n"
    )
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder, pid = (process.stdout.readline().strip() for _ in range(2))
        process.kill()
    deadline = time.monotonic() + 10
    while Path(folder).parent.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(folder).parent.exists()
    assert not Path(f"/proc/{pid}").exists()


def test_a_runner_that_dies_is_an_error(environment: dict[str, str]) -> None:
    kill = "parent() { cut -d' ' -f4 /proc/$1/stat; }; kill -9 $(parent $(parent $PPID))"
    with LocalSandbox(LocalOptions(environment)) as sandbox:
        with pytest.raises(SandboxError, match="ended"):
            go(sandbox, kill, "bash")
        assert go(sandbox, "print(1)").output == "1\n"


def test_a_python_that_is_not_there(environment: dict[str, str]) -> None:
    options = LocalOptions(environment, python="/no/such/python")
    with LocalSandbox(options) as sandbox, pytest.raises(SandboxError, match="cannot be started"):
        go(sandbox, "1")
