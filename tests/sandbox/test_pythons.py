"""The contract inside of images with other Pythons than ours, from the oldest to the newest.

Long: make soak. It needs root, debootstrap, and a mirror of Debian. ASSISTANT_TEST_IMAGES names
images that are there already, to be tried instead: 3.8 is in no Debian that can be had.
"""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from docker.errors import NotFound

from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.options import SAMPLE, Life, SandboxOptions
from assistant.sandbox.ready import READY
from assistant.verdicts.pool import JudgePool
from assistant.verdicts.task import Assertions, Candidate, Task
from tests.conftest import REAL_ENVIRONMENT
from tests.sandbox.contract import Contract, Make
from tests.sandbox.engine_roots import Other, root_of

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(1800)]

SUITES = {"bullseye": (3, 9), "trixie": (3, 13), "sid": (3, 14)}
GIVEN = REAL_ENVIRONMENT.get("ASSISTANT_TEST_IMAGES", "").split()


@pytest.fixture(scope="module", params=GIVEN or list(SUITES))
def image(request: pytest.FixtureRequest, engine: Engine) -> Iterator[str]:
    if GIVEN:
        yield request.param
        return
    tag = f"assistant-test-python:{request.param}"
    with connect(engine.endpoint) as client, root_of(Other(request.param, "python3", "x")) as root:
        packed = subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE)
        with packed:
            repository, name = tag.split(":")
            client.api.import_image_from_stream(packed.stdout, repository, name)
        try:
            yield tag
        finally:
            made = client.images.get(tag)
            for layered in client.images.list(filters={"label": f"{READY}={made.id}"}):
                client.images.remove(str(layered.id), force=True)
            with suppress(NotFound):  # It went with its last layer.
                client.images.remove(tag, force=True)


class TestPython(Contract):
    @pytest.fixture
    def make(self, engine: Engine, image: str) -> Iterator[Make]:
        with ExitStack() as stack:

            def make(life: Life = "session", **more: Any) -> DockerSandbox:
                return stack.enter_context(
                    DockerSandbox(engine, SandboxOptions(image, life, **more))
                )

            yield make

    def test_verdicts(self, engine: Engine, image: str) -> None:
        task = Task(Assertions(["assert double({2: (3, 4)}[2]) == [6, 8]"]), "double")
        right = Candidate("def double(values): return [2 * n for n in values]")
        wrong = Candidate("def double(values): return list(values)")
        forged = Candidate("import os\ndef double(values): os._exit(0)")
        options = SandboxOptions(image, "pooled", SAMPLE)
        with JudgePool(lambda: DockerSandbox(engine, options), workers=1) as pool:
            found = [pool.submit(task, one).result().outcome for one in (right, wrong, forged)]
        assert found == ["passed", "wrong_answer", "exit_before_verdict"]
