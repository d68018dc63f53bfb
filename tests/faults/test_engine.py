"""The engine fails in the middle: stopped, slow, cut off, its container killed, its image gone."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from docker.errors import NotFound

from assistant.sandbox.engine import Engine
from tests.cli.conftest import Program, records
from tests.faults.proxy import Proxy, Way, proxied
from tests.faults.runs import (
    KNOWN_CODES,
    REPLIES,
    TASK,
    Running,
    all_or_none,
    begin,
    containers,
    each_whole,
    nothing_lost,
    prepare,
    until,
)

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
Replies = Callable[..., None]

BLOCK_SECONDS = 10
SILENT = 10.0
"""Seconds after which an engine that does not answer is not waited for any more."""
BUSY = 20.0
"""More seconds for all that is not waiting, on a machine that is busy."""
ENDING = 160.0


@pytest.fixture
def proxy(engine: Engine, contained: Program) -> Iterator[Proxy]:
    assert engine.endpoint.socket, "the engine of these tests has a socket"
    with (
        TemporaryDirectory(prefix="proxy") as folder,
        proxied(engine.endpoint.socket, Path(folder)) as proxy,
    ):
        contained.variables["DOCKER_HOST"] = proxy.url
        yield proxy


class Watched:
    """One run whose engine fails, from what the run has said on."""

    def __init__(self, program: Program, home: Path, *arguments: str) -> None:
        prepare(program.folder)
        self._home, self._before = home, set(records(home))
        limits = ("--block-seconds", str(BLOCK_SECONDS), "--check-seconds", "5")
        self.run = begin(program, *TASK, *limits, *arguments)
        self._folder = program.folder

    def wait_for(self, text: str) -> None:
        assert until(lambda: any(text in line for line in self.run.lines)), self.run.complaint

    def ends(self, within: float, codes: tuple[int, ...] = (5,)) -> None:
        began = time.monotonic()
        code = self.run.wait(within + BUSY)
        assert time.monotonic() - began < within + BUSY
        assert code in codes, (code, self.run.complaint)
        assert "Traceback" not in self.run.complaint
        new = [path for path in records(self._home) if path not in self._before]
        nothing_lost(self.run, new[0] if new else None)
        each_whole(self._folder)
        all_or_none(self._folder)


SLEEPS = "```python\nprint('begun', flush=True)\nimport time; time.sleep(60)\n```\n"


@pytest.mark.parametrize("way", ["stop", "cut"])
def test_an_engine_that_fails_under_a_block(
    contained: Program, proxy: Proxy, replies: Replies, home: Path, client: Any, way: Way
) -> None:
    """The block's own limit and ten seconds more are the longest that anybody waits."""
    replies(SLEEPS)
    watched = Watched(contained, home)
    watched.wait_for("begun\\n")
    proxy.disturb(way)
    watched.ends(BLOCK_SECONDS + SILENT)
    proxy.disturb("pass")
    _next_start_clears(contained, client, replies, watched.run)


def _next_start_clears(program: Program, client: Any, replies: Replies, run: Running) -> None:
    """What the silent engine could not be told to remove, the next start removes."""
    replies("Nothing to do.")
    prepare(program.folder)
    begin(program, "run", "x").wait(ENDING)
    assert containers(client, run.process.pid) == []


def test_a_slow_engine_is_waited_for(
    contained: Program, proxy: Proxy, replies: Replies, home: Path, client: Any
) -> None:
    replies(*REPLIES)
    proxy.disturb("slow")
    watched = Watched(contained, home)
    watched.ends(ENDING, (0,))
    assert containers(client, watched.run.process.pid) == []


MANY = pytest.param(None, 100, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])


@pytest.mark.parametrize(("seed", "count"), [(4, 5), MANY])
def test_an_engine_that_is_cut_off_at_random_points(
    contained: Program,
    proxy: Proxy,
    llmock: Any,
    replies: Replies,
    home: Path,
    seed: int | None,
    count: int,
) -> None:
    chance = random.Random(seed)
    for _ in range(count):
        llmock.reset()
        replies(*REPLIES)
        proxy.disturb("cut", chance.randrange(300_000))
        watched = Watched(contained, home)
        watched.ends(ENDING, (0, 5))
        assert watched.run.process.returncode in KNOWN_CODES
        proxy.disturb("pass")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_an_engine_that_stops_at_many_points(
    contained: Program, proxy: Proxy, llmock: Any, replies: Replies, home: Path
) -> None:
    """Soon after it has fallen silent it is over, wherever it was."""
    chance = random.Random(time.time_ns())
    for _ in range(12):
        llmock.reset()
        replies(*REPLIES)
        proxy.disturb("stop", chance.randrange(320_000))
        watched = Watched(contained, home)
        assert until(lambda: proxy.active or watched.run.process.poll() is not None)  # noqa: B023 - asked at once
        watched.ends(SILENT, (0, 5))
        proxy.disturb("pass")


def test_a_container_that_is_killed_from_outside(
    contained: Program, replies: Replies, home: Path, client: Any
) -> None:
    replies(SLEEPS)
    watched = Watched(contained, home)
    watched.wait_for("begun\\n")
    found = containers(client, watched.run.process.pid)
    (name,) = (one for one in found if "-x-" not in one)  # Not the one that waits for the check.
    client.api.kill(name)
    watched.ends(10)
    assert "found dead" in watched.run.lines[-1]
    assert containers(client, watched.run.process.pid) == []


def test_an_image_that_is_removed_in_the_middle(
    contained: Program, replies: Replies, home: Path, client: Any, sandbox_image: Any
) -> None:
    """The session goes on in its container; what needs a new one says what is missing: the second
    check at the latest, since the container of the first one may have been made in time."""
    made = client.containers.create(sandbox_image.tag, ["true"])
    image = made.commit(repository="assistant-test-fault", tag=f"t{time.time_ns()}")
    made.remove()
    tag = image.tags[0]
    replies("```bash\necho begun; sleep 2; echo 2 >a.py\n```\n", "Done.")
    replies("```bash\necho 3 >a.py\n```\n", "Done.")
    watched = Watched(contained, home, "--image", tag, "--check", "false")
    try:
        watched.wait_for("begun\\n")
    finally:
        client.api.remove_image(tag, force=True)
    watched.ends(ENDING, (5,))
    assert tag in watched.run.lines[-1] + watched.run.complaint
    with suppress(NotFound):  # It only lost its name while the container was there.
        client.api.remove_image(image.id)
