"""The container executor keeps the contract, on a real engine."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.options import Life, SandboxOptions
from tests.sandbox.contract import Contract, Make

pytestmark = pytest.mark.docker


class TestDocker(Contract):
    @pytest.fixture
    def make(self, engine: Engine, sandbox_image: BuiltImage) -> Iterator[Make]:
        with ExitStack() as stack:

            def make(life: Life = "session", **more: Any) -> DockerSandbox:
                options = SandboxOptions(sandbox_image.tag, life, **more)
                return stack.enter_context(DockerSandbox(engine, options))

            yield make
