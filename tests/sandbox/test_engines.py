"""The container tests once more, against engines of other releases and against Podman.

Long: make soak. It needs root, debootstrap, and a mirror of Debian.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.sandbox.engine import Engine
from assistant.sandbox.image import BuiltImage
from tests.conftest import REAL_ENVIRONMENT
from tests.sandbox.engine_roots import ENGINES, Other, running

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(3600)]

CONTRACT = ["tests/sandbox/test_docker_sandbox.py"]
CONTAINERS = [
    "tests/sandbox/test_containers.py",
    "tests/sandbox/test_plain.py",
    "tests/sandbox/test_report.py",
    "tests/sandbox/test_syscalls.py",
]
ATTACKS = ["tests/attacks"]
VERDICTS = ["tests/verdicts/test_adversarial.py"]
SESSIONS = ["tests/cli/test_conversation.py", "tests/cli/test_run.py", "tests/cli/test_exec.py"]
SUITES = {
    "contract": CONTRACT,
    "containers": CONTAINERS,
    "attacks": ATTACKS,
    "verdicts": VERDICTS,
    "sessions": SESSIONS,
}
# What these say of Docker is said otherwise by Podman: capabilities one by one, a paused container
# that cannot be killed. Its builder asks for more than every machine allows.
NOT_PODMAN = [
    "test_the_settings_arrive",
    "test_a_container_that_does_not_answer_is_given_up",
    "test_an_image_that_was_not_made_for_this",
    "test_the_layer_is_made_once",
    "test_an_image_without_python",
    "test_hostile_archives_are_held_to_the_caps",
]
# What code may do there, as docs/sandbox.md tells: write to /sys/fs/cgroup where control groups are
# of version 1, and make as many files in /tmp as it likes.
OPEN_IN_PODMAN = [
    "files-cgroup-written",
    "files-release-agent",
    "resources-temporary-files",
    "all-that-is-one-line",
]


@pytest.fixture(scope="module", params=ENGINES, ids=lambda other: other.name)
def other(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    engine: Engine,
    sandbox_image: BuiltImage,
) -> Iterator[Engine]:
    which: Other = request.param
    folder = tmp_path_factory.mktemp("engine")
    with running(which, folder, engine, [sandbox_image.tag]) as found:
        yield found


@pytest.mark.parametrize("suite", SUITES)
def test_another_engine(other: Engine, suite: str, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header"]
    argv += ["--basetemp", str(tmp_path / "base"), *SUITES[suite]]
    if other.name == "Podman":
        left_out = OPEN_IN_PODMAN if suite == "attacks" else NOT_PODMAN
        argv += ["-k", " and ".join(f"not {name}" for name in left_out)]
    environment = {**REAL_ENVIRONMENT, "DOCKER_HOST": other.endpoint.url}
    environment = {n: v for n, v in environment.items() if not n.startswith("PYTEST_")}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, cwd=_top())
    assert done.returncode == 0, f"{other}\n{done.stdout[-20_000:]}{done.stderr[-2000:]}"
    assert " passed" in done.stdout
    assert os.path.exists(other.endpoint.url.removeprefix("unix://"))


def _top() -> Path:
    return Path(__file__).parents[2]
