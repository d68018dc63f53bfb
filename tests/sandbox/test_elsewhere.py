"""Engines that are reached by TLS or ssh keep the contract too: nothing relies on local paths."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant.events import SandboxError
from assistant.sandbox.by_ssh import words
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.endpoints import Endpoint
from assistant.sandbox.engine import Engine, find_engine
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.options import Life, SandboxOptions
from tests.sandbox.contract import Contract, Make
from tests.sandbox.test_attach import all_of_it, certificates, over_tls, relay

__all__ = ["certificates", "over_tls", "relay"]

pytestmark = pytest.mark.docker

# What runs on the other machine is `docker system dial-stdio`: its socket, by way of two pipes.
_DIAL = """
import os, socket, sys, threading
engine = socket.socket(socket.AF_UNIX)
engine.connect(sys.argv[1])
def carry(read, write):
    try:
        while data := read():
            write(data)
    except OSError:
        pass
def up():
    carry(lambda: os.read(0, 65536), engine.sendall)
    engine.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
carry(lambda: engine.recv(65536), lambda data: os.write(1, data))
os._exit(0)
"""


@pytest.fixture
def over_ssh(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """By a program in the place of ``ssh`` that notes where it was sent, and goes no further."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "dial.py").write_text(_DIAL)
    words = [sys.executable, str(folder / "dial.py"), str(engine.endpoint.socket)]
    script = (
        f'#!/bin/sh\necho "$@" >>{shlex.quote(str(folder / "asked"))}\nexec {shlex.join(words)}\n'
    )
    (folder / "ssh").write_text(script)
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/local/bin:/usr/bin:/bin")
    return replace(
        engine, endpoint=Endpoint("ssh://someone@elsewhere.example", "test", chosen=True)
    )


class Elsewhere(Contract):
    @pytest.fixture
    def elsewhere(self) -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def make(self, elsewhere: Engine, sandbox_image: BuiltImage) -> Iterator[Make]:
        with ExitStack() as stack:

            def make(life: Life = "session", **more: Any) -> DockerSandbox:
                options = SandboxOptions(sandbox_image.tag, life, **more)
                return stack.enter_context(DockerSandbox(elsewhere, options))

            yield make


@pytest.mark.slow
class TestByTls(Elsewhere):
    @pytest.fixture
    def elsewhere(self, over_tls: Engine) -> Engine:
        return over_tls


@pytest.mark.slow
class TestBySsh(Elsewhere):
    @pytest.fixture
    def elsewhere(self, over_ssh: Engine) -> Engine:
        return over_ssh


def test_all_of_it_by_ssh(over_ssh: Engine, sandbox_image: BuiltImage) -> None:
    all_of_it(over_ssh, sandbox_image.tag)


def test_ssh_is_asked_for_the_engine_of_the_other_machine(over_ssh: Engine, tmp_path: Path) -> None:
    found = find_engine({"DOCKER_HOST": over_ssh.endpoint.url, "HOME": str(tmp_path)}, 30)
    assert found.endpoint.url == over_ssh.endpoint.url
    asked = (tmp_path / "bin" / "asked").read_text()
    assert "elsewhere.example" in asked
    assert "docker system dial-stdio" in asked


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("ssh://host", []),
        ("ssh://me@host", ["-l", "me"]),
        ("ssh://me@host:2222", ["-p", "2222", "-l", "me"]),
    ],
)
def test_the_command_of_an_address(url: str, options: list[str]) -> None:
    found = words(url)
    assert found[0] == "ssh"
    assert found[found.index("ConnectTimeout=20") + 1 :] == [
        *options, "--", "host", "docker", "system", "dial-stdio",
    ]  # fmt: skip


@pytest.mark.parametrize("url", ["ssh://", "ssh://host:port", "ssh://me@"])
def test_addresses_without_a_host(url: str) -> None:
    with pytest.raises(SandboxError, match="names no host"):
        words(url)


def test_a_host_is_never_an_option() -> None:
    found = words("ssh://-oproxycommand=x")
    assert found.index("--") < found.index("-oproxycommand=x")
