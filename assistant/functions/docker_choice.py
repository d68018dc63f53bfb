"""Whether code runs in a container: what was asked for, and whether that can be had."""

from pathlib import Path

from assistant.events import SandboxError
from assistant.sandbox.engine import Engine, find_engine
from assistant.settings_functions import USE_DOCKER, asked_for_docker, environment

DOCKER_MARK = Path("/.dockerenv")


class DockerMissing(SandboxError, RuntimeError):
    """Code was to run in a container, and no engine answers; a RuntimeError as in AutoGen."""


def in_docker_container() -> bool:
    """Whether this process itself runs in a Docker container."""
    return DOCKER_MARK.exists()


def is_docker_running() -> bool:
    """Whether a container engine answers: the configured one, else the first of the usual."""
    try:
        find_engine(environment())
    except SandboxError:
        return False
    return True


def decide_use_docker(use_docker: bool | None) -> bool | None:
    """What was given, else what the variable AUTOGEN_USE_DOCKER says, else True.

    Raises:
        ValueError: nothing was given, and the variable holds no such word.
    """
    return asked_for_docker() if use_docker is None else use_docker


def check_can_use_docker_or_throw(use_docker: object) -> None:
    """Raises RuntimeError where a container is asked for and no engine answers.

    AutoGen lets it pass inside a container, where it then runs the code without one; not so here.
    """
    if use_docker:
        needed_engine()


def needed_engine() -> Engine:
    """The engine; raises DockerMissing with what can be done."""
    try:
        return find_engine(environment())
    except SandboxError as error:
        raise DockerMissing(
            f"the code is to run in a container, and that is not possible: {error.message}",
            "There are three ways on:\n"
            f"- have an engine running (advised): {error.remedy}\n"
            "- use_docker=False runs the code here, without protection\n"
            f"- {USE_DOCKER}=False in the environment does so for all calls that do not say",
        ) from error
