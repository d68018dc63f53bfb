"""A stock of started places: taken at once, filled up and cleared away behind the scenes."""

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from assistant.events import CodeBlock, ExecResult, Output, SandboxError
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.options import MIB, Limits, SandboxOptions
from assistant.sandbox.places import Stock
from tests.sandbox.contract import Run, finish, go

WAIT = 60.0


class FakeLink:
    lost = False

    def close(self) -> None: ...


class FakePlaces:
    """Counts what is started and ended; ``fails`` starts go wrong first."""

    def __init__(self, fails: int = 0) -> None:
        self.fails, self.started, self.ended = fails, 0, 0
        self.changed = threading.Condition()

    def start(self) -> Any:
        with self.changed:
            if self.fails:
                self.fails -= 1
                raise SandboxError("not now")
            self.started += 1
            self.changed.notify_all()
        return (self, FakeLink())

    def close(self) -> None:
        with self.changed:
            self.ended += 1
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, WAIT)


@pytest.fixture
def places() -> FakePlaces:
    return FakePlaces()


@pytest.fixture
def stock(places: FakePlaces) -> Iterator[Stock]:
    made = Stock(places.start, 2)
    yield made
    made.close()
    assert places.started == places.ended


def test_it_is_filled_up_again(places: FakePlaces, stock: Stock) -> None:
    taken = stock.take()
    places.wait(lambda: places.started == 3)
    stock.give_back(taken)
    places.wait(lambda: places.ended == 1)
    assert places.started == 3


def test_nothing_starts_before_it_is_asked_for(places: FakePlaces) -> None:
    stock = Stock(places.start, 2)
    stock.close()
    assert places.started == 0


def test_a_place_that_died_in_stock_is_not_handed_out(places: FakePlaces, stock: Stock) -> None:
    stock.fill()
    places.wait(lambda: places.started == 2)
    with stock._changed:
        assert stock._changed.wait_for(lambda: len(stock._ready) == 2, WAIT)
        dead = stock._ready[0]
        dead[1].lost = True  # type: ignore[misc]  # Only a stand-in's can be set.
    taken = stock.take()
    assert taken is not dead
    stock.give_back(taken)
    places.wait(lambda: places.ended == 2)


def test_what_cannot_start_is_told_and_tried_again() -> None:
    places = FakePlaces(fails=1)
    stock = Stock(places.start, 1)
    with pytest.raises(SandboxError, match="not now"):
        stock.take()
    stock.give_back(stock.take())
    stock.close()
    assert places.started == places.ended


@pytest.mark.parametrize("life", ["fresh", "pooled"])
def test_each_fresh_block_has_a_place_of_its_own(life: Any) -> None:
    with LocalSandbox(LocalOptions(dict(os.environ), life, spares=2)) as sandbox:
        for _ in range(4):
            found = go(sandbox, "import os; print(os.listdir()); open('left', 'w').write('x')")
            assert found.output == "[]\n"


def place_of(sandbox: DockerSandbox) -> str:
    place: Any = sandbox._place
    return str(place.name)


@pytest.mark.docker
def test_spare_containers_are_swapped_in_and_go(engine: Engine, sandbox_image: BuiltImage) -> None:
    session = f"spares{os.getpid()}"
    options = SandboxOptions(sandbox_image.tag, "pooled", session=session, spares=1)
    with connect(engine.endpoint) as client:

        def names() -> set[str]:
            found = client.api.containers(all=True, filters={"name": f"assistant-{session}-"})
            return {one["Names"][0].lstrip("/") for one in found}

        with DockerSandbox(engine, options) as sandbox:
            assert go(sandbox, "print(1)").output == "1\n"
            first = place_of(sandbox)
            client.api.kill(first)
            with pytest.raises(SandboxError, match="dead"):
                go(sandbox, "print(2)")
            assert go(sandbox, "print(3)").output == "3\n"
            assert place_of(sandbox) != first
        assert not names()


@pytest.mark.docker
def test_a_large_workspace_does_not_slow_each_block(
    engine: Engine, sandbox_image: BuiltImage
) -> None:
    """The search for what is too much is made now and then, and whenever it may have become so."""
    limits = Limits(disk=64 * MIB, files=30_000)
    with DockerSandbox(engine, SandboxOptions(sandbox_image.tag, limits=limits)) as sandbox:
        go(sandbox, "for n in range(20_000): open(f'f{n}', 'w').close()")
        times = sorted(go(sandbox, "1").seconds for _ in range(30))
        searched = "import os, time\nt = time.time()\nsum(1 for e in os.scandir() if e.stat())\n"
        took = float(go(sandbox, f"{searched}time.time() - t").output)
        assert times[10] < took, "less than a look at every file"
        big = "open('b%d', 'wb').write(b'x' * (24 << 20))"
        assert [go(sandbox, big % n).reason for n in range(3)] == [None, None, "disk"]


CLOSED = """
import ctypes, os, time
def main(asked):
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
    print(os.read(asked, 100).decode(), flush=True)
    time.sleep(4)
    return 7
"""


def beside_a_writer(
    engine: Engine, image: BuiltImage, begin: Callable[[DockerSandbox], Run]
) -> ExecResult:
    """How a job with a small disk ends, while a neighbour fills more than that."""
    tight = SandboxOptions(image.tag, "pooled", Limits(disk=16 * MIB))
    with (
        DockerSandbox(engine, SandboxOptions(image.tag)) as other,
        DockerSandbox(engine, tight) as own,
    ):
        other.open()
        run = begin(own)
        assert isinstance(next(run), Output)  # It has begun.
        assert go(other, "open('f', 'wb').write(b'x' * (100 << 20))").ok
        return finish(run)[1]


@pytest.mark.docker
def test_what_a_neighbour_writes_is_not_held_against_a_closed_program(
    engine: Engine, sandbox_image: BuiltImage
) -> None:
    """A prepared program may be closed to the runner, which then cannot see what it holds open."""

    def answering(own: DockerSandbox) -> Run:
        own.prepare(CLOSED)
        return own.answer(b"a question", 60)

    result = beside_a_writer(engine, sandbox_image, answering)
    assert (result.reason, result.exit_code, result.output) == (None, 7, "a question\n")


SLOW = """
import os, time
time.sleep(3)
def main(fd):
    os.write(1, b"loaded\\n")
    return 0
"""


@pytest.mark.docker
def test_a_prepared_program_may_take_its_time_to_load(
    engine: Engine, sandbox_image: BuiltImage
) -> None:
    """Nor is a slow machine's forker given up before it has started."""
    with DockerSandbox(engine, SandboxOptions(sandbox_image.tag, "pooled")) as own:
        own.prepare(SLOW)
        result = finish(own.answer(b"", 60))[1]
    assert (result.reason, result.exit_code, result.output) == (None, 0, "loaded\n")


HEADLESS = """
import ctypes, os, threading, time
if not os.fork():
    threading.Thread(target=lambda: (time.sleep(30), os._exit(0))).start()
    ctypes.CDLL(None).syscall({"x86_64": 60}.get(os.uname().machine, 93), 0)
print("begun", flush=True)
for _ in range(20):
    time.sleep(0.1)
"""


@pytest.mark.docker
def test_nor_against_one_whose_processes_are_ending(
    engine: Engine, sandbox_image: BuiltImage
) -> None:
    """Of a thread that has ended the kernel shows as little as of one that hides its files."""
    headless = CodeBlock("python", HEADLESS)
    result = beside_a_writer(engine, sandbox_image, lambda own: own.run(headless, 60))
    assert (result.reason, result.exit_code) == (None, 0)
