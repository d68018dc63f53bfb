"""The container executor over gVisor's kernel, in an engine of its own (Debian's package runsc).

Long: make soak. It needs root, dockerd and runsc on the path, or RUNSC naming the program.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from assistant.events import SandboxError
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine, connect, find_engine
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.options import Life, SandboxOptions
from tests.sandbox.contract import Contract, Make, go

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(600)]

FLAGS = ["--bridge=none", "--iptables=false", "--ip6tables=false"]


@pytest.fixture(scope="module")
def gvisor(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, sandbox_image: BuiltImage
) -> Iterator[Engine]:
    """A second engine, with the image of the first one and runsc as a runtime."""
    runsc = os.environ.get("RUNSC") or shutil.which("runsc")
    if not runsc or not shutil.which("dockerd") or os.geteuid() != 0:
        pytest.skip("needs root, dockerd and runsc (apt-get install runsc)")
    home = tmp_path_factory.mktemp("gvisor")
    # Without a network of gVisor's own: its check for the root network misjudges newer kernels.
    runtime = {"path": runsc, "runtimeArgs": ["--network=none"]}
    (home / "daemon.json").write_text(json.dumps({"runtimes": {"runsc": runtime}}), "utf-8")
    socket = f"unix://{home}/sock"
    places = [f"--{name}={home}/{name}" for name in ("data-root", "exec-root", "pidfile")]
    # In a network namespace of its own: an engine removes bridges that it believes to be its own.
    argv = [
        "unshare",
        "--net",
        "dockerd",
        f"--config-file={home}/daemon.json",
        *places,
        "-H",
        socket,
        *FLAGS,
    ]
    with open(home / "log", "wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as daemon:
        try:
            yield _with_image(socket, engine, sandbox_image, home)
        finally:
            daemon.terminate()


def _with_image(socket: str, first: Engine, image: BuiltImage, home: Path) -> Engine:
    until = time.monotonic() + 120
    while True:
        try:
            found = find_engine({"DOCKER_HOST": socket})
            break
        except SandboxError:
            if time.monotonic() > until:
                raise AssertionError((home / "log").read_text("utf-8", "replace")) from None
            time.sleep(0.2)
    with connect(first.endpoint) as one, connect(found.endpoint) as other:
        other.images.load(b"".join(one.images.get(image.tag).save(named=True)))
    return found


class TestRunsc(Contract):
    @pytest.fixture
    def make(self, gvisor: Engine, sandbox_image: BuiltImage) -> Iterator[Make]:
        with ExitStack() as stack:

            def make(life: Life = "session", **more: Any) -> DockerSandbox:
                options = SandboxOptions(sandbox_image.tag, life, runtime="runsc", **more)
                return stack.enter_context(DockerSandbox(gvisor, options))

            yield make

    def test_it_is_another_kernel(self, make: Make) -> None:
        assert "4.4.0" in go(make(), "import os; os.uname().release").output
