"""The container of a check is made while there is time for it, and none is left."""

import argparse
import time
from pathlib import Path

import pytest

from assistant.cli.sandboxes import Fresh
from assistant.cli.setup import read_setup
from assistant.events import Checked, CodeBlock, Replied, Running
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.owners import owner_labels
from tests.conftest import REAL_ENVIRONMENT
from tests.sandbox.contract import go

BLOCK = CodeBlock("python", "x = 1")


def containers(engine: Engine) -> list[str]:
    """Those of this process."""
    labels = [f"{name}={value}" for name, value in owner_labels().items() if value]
    with connect(engine.endpoint) as client:
        return [str(one.id) for one in client.containers.list(all=True, filters={"label": labels})]


@pytest.mark.docker
@pytest.mark.usefixtures("sandbox_image")
def test_one_container_is_made_when_a_check_will_come(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in REAL_ENVIRONMENT if name.startswith("DOCKER_")]:
        monkeypatch.setenv(name, REAL_ENVIRONMENT[name])
    before = set(containers(engine))

    def ours() -> set[str]:
        return set(containers(engine)) - before

    def wait_for_one() -> str:
        until = time.monotonic() + 60
        while len(ours()) != 1:
            assert time.monotonic() < until
            time.sleep(0.05)
        return ours().pop()

    setup = read_setup(argparse.Namespace(folder=str(folder)))
    with Fresh(setup) as fresh:
        fresh.hear(Replied("I am about to begin."))
        fresh.hear(Checked(True, "true", 0, ""))
        assert not ours()
        fresh.hear(Running(BLOCK))
        first = wait_for_one()
        fresh.hear(Running(BLOCK))
        with fresh() as sandbox:
            assert go(sandbox, "echo 1", "bash").output == "1\n"
            assert ours() == {first}
        assert not ours()
        fresh.hear(Checked(False, "false", 1, ""))
        assert wait_for_one() != first
    assert not ours()
