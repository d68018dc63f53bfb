"""Finding the engine that answers, and what is said when none does."""

import os
import socket
from pathlib import Path

import pytest

from assistant.events import SandboxError
from assistant.sandbox.endpoints import Endpoint, NoEngine
from assistant.sandbox.engine import Engine, connect, engine_errors, find_engine
from tests.sandbox.fake_engine import Answer, Server
from tests.sandbox.serving import serving


def test_one_that_answers_is_found_and_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "run/docker.sock"
    path.parent.mkdir()
    with serving(Server(str(path), Answer)):
        found = find_engine({"DOCKER_HOST": f"unix://{path}"})
    assert (found.name, found.version) == ("Docker", "99.1")
    assert str(found) == f"Docker 99.1 at unix://{path} (DOCKER_HOST)"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("unix:///nowhere/x.sock", "No such file or directory"),
        ("tcp://127.0.0.1:1", "Connection refused"),
        ("nonsense", "nonsense"),
    ],
)
def test_a_chosen_one_that_is_silent_is_named_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(NoEngine, match="though DOCKER_HOST names one") as caught:
        find_engine({"DOCKER_HOST": url})
    assert reason in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.remedy
    assert not caught.value.installable
    assert caught.value.exit_code == 5


def test_something_else_that_listens_is_no_engine(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(path))
        deaf.listen()
        with pytest.raises(NoEngine):
            find_engine({"DOCKER_HOST": f"unix://{path}"}, seconds=1)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_socket_that_is_closed_to_the_user_names_the_group(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with serving(Server(str(path), Answer)):
        path.chmod(0)
        with pytest.raises(NoEngine, match="may not use") as caught:
            find_engine({"DOCKER_HOST": f"unix://{path}", "USER": "ann"})
    assert "usermod -aG docker ann" in caught.value.remedy


@pytest.mark.docker
def test_the_real_one(engine: Engine) -> None:
    with connect(engine.endpoint) as client:
        assert client.ping()


@pytest.mark.docker
def test_what_the_engine_refuses_is_an_error_of_ours(engine: Engine) -> None:
    with (
        pytest.raises(SandboxError, match=r"(?i)^The container engine.*no such image"),
        connect(engine.endpoint) as client,
    ):
        client.images.get("assistant-none:none")


def test_other_errors_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), engine_errors("x"):
        _ = 1 / 0


def test_a_client_is_not_made_for_nobody() -> None:
    with pytest.raises(SandboxError, match="No such file"), connect(Endpoint("unix:///no", "x")):
        pytest.fail("there is nobody")
