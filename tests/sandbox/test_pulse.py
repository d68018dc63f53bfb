"""An engine that is slow is waited for, one that is silent is not."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest

from assistant.events import SandboxError
from assistant.sandbox import attach, engine, link, pulse, questions
from assistant.sandbox.endpoints import Endpoint, NoEngine
from assistant.sandbox.engine import connect
from assistant.sandbox.haste import Haste, NoHaste
from assistant.sandbox.link import Link, LinkLost
from assistant.sandbox.protocol import encode
from assistant.sandbox.pulse import EngineSilent, Pulse
from assistant.sandbox.tree import Delta
from tests.faults.proxy import proxied
from tests.sandbox.contract import Store
from tests.sandbox.fake_engine import Answer, Server
from tests.sandbox.serving import serving

LONG = 30.0
"""Seconds that nothing here comes near."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (attach, link, pulse, questions):
        monkeypatch.setattr(module, "LOOK", 0.05)


class Engine:
    """Counts what it is asked; ``fault`` is what it answers with."""

    def __init__(self, fault: SandboxError | None = None) -> None:
        self.fault, self.pings = fault, 0
        self.pulse = Pulse("unix:///x", self.ping)

    def ping(self) -> None:
        self.pings += 1
        if self.fault:
            raise self.fault


@pytest.fixture
def hanging() -> Callable[[], str]:
    over = threading.Event()

    def call() -> str:
        over.wait(0.5)
        return "late"

    return call


def test_what_is_asked_is_answered_without_a_ping() -> None:
    engine = Engine()
    assert engine.pulse.attended(lambda: "at once") == "at once"
    with pytest.raises(KeyError):
        engine.pulse.attended(partial({"a": 1}.__getitem__, "x"))
    assert engine.pings == 0


def test_a_slow_engine_is_waited_for(hanging: Callable[[], str]) -> None:
    engine = Engine()
    assert engine.pulse.attended(hanging) == "late"
    assert engine.pings > 1


def test_a_silent_engine_is_not_waited_for(hanging: Callable[[], str]) -> None:
    engine = Engine(EngineSilent("no answer"))
    with pytest.raises(EngineSilent, match="unix:///x does not answer"):
        engine.pulse.attended(hanging)
    assert not engine.pulse.beats()
    asked: list[str] = []
    with pytest.raises(EngineSilent):
        engine.pulse.attended(lambda: asked.append("x"))
    assert (engine.pings, asked) == (1, [])  # What is known is not tried again at once.


def test_silence_is_forgotten_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "_REMEMBERED", 0.05)
    engine = Engine(EngineSilent("no answer"))
    assert not engine.pulse.beats()
    engine.fault = None
    time.sleep(0.1)
    assert engine.pulse.beats()
    assert engine.pulse.attended(lambda: "well") == "well"


def test_a_refusal_is_no_silence() -> None:
    """An engine that is being started refuses, and then answers."""
    engine = Engine(SandboxError("Connection refused"))
    assert not engine.pulse.beats()
    engine.fault = None
    assert engine.pulse.beats()


def test_calls_of_a_client_are_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_PING", 3)
    path = tmp_path / "real.sock"
    with (
        serving(Server(str(path), Answer)),
        proxied(path, tmp_path) as proxy,
        connect(Endpoint(proxy.url, "test"), LONG) as client,
    ):
        assert client.version()["Version"] == "99.1"
        proxy.disturb("stop")
        began = time.monotonic()
        with pytest.raises(EngineSilent):
            client.version()
        with pytest.raises(EngineSilent), connect(Endpoint(proxy.url, "test"), LONG):
            pass
        assert time.monotonic() - began < LONG / 2


class Deaf:
    """A transport that nothing comes from after the first answer."""

    complaint = b""

    def __init__(self, carried: bool) -> None:
        self.carried, self.looks = carried, 0
        self._said: SimpleQueue[bytes] = SimpleQueue()
        self._answers = [encode({"is": "ready", "id": 1})]

    def read(self) -> bytes:
        return self._said.get()

    def write(self, data: bytes) -> None:
        while self._answers:
            self._said.put(self._answers.pop())

    def reachable(self) -> bool:
        self.looks += 1
        return self.carried

    def close(self) -> None:
        self._said.put(b"")

    def release(self) -> None:
        pass


class Calls(list[str]):
    """Haste that notes what it is told."""

    fault: SandboxError | None = None

    def begin(self) -> None:
        self.append("begin")

    def end(self) -> None:
        self.append("end")
        if self.fault is not None and "begin" in self:
            raise self.fault


def opened(transport: Deaf, haste: Haste = NoHaste()) -> Link:  # noqa: B008 - it has no state
    made = Link(transport, b"source", {"grace": 0.1}, haste=haste)
    made.open(5)
    return made


@pytest.mark.timeout(LONG)
def test_a_runner_behind_a_silent_engine_is_given_up() -> None:
    """Its files at once; a block not before its limit, since it may still run."""
    with pytest.raises(LinkLost, match="did not write files"):
        opened(Deaf(carried=False)).put(Delta(), Store())
    began = time.monotonic()
    with pytest.raises(LinkLost, match="end a block"):
        list(opened(Deaf(carried=False)).run({"seconds": 0.5}, b""))
    assert time.monotonic() - began > 0.5


@pytest.mark.timeout(LONG)
def test_a_runner_behind_an_engine_that_answers_has_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link, "PATIENCE", 1.5)
    transport = Deaf(carried=True)
    began = time.monotonic()
    with pytest.raises(LinkLost):
        list(opened(transport).run({"seconds": 0.1}, b""))
    assert time.monotonic() - began > link.PATIENCE
    assert transport.looks > 1


class Late(Deaf):
    """One whose block is done when somebody hurries it."""

    def done(self) -> None:
        told = {"is": "done", "id": 2, "exit": 0, "reason": None, "seconds": 1, "head": 0}
        self._said.put(encode({**told, "cut": 0, "notes": [], "clean": False}))


class Hurried(Calls):
    def __init__(self, transport: Late) -> None:
        self.transport = transport

    def begin(self) -> None:
        super().begin()
        self.transport.done()


@pytest.mark.timeout(LONG)
def test_a_block_is_hurried_when_it_is_overdue_and_no_longer() -> None:
    transport = Late(carried=True)
    haste = Hurried(transport)
    sandbox = opened(transport, haste)
    assert list(sandbox.run({"seconds": 0.1}, b"")) == []
    assert haste == ["end", "begin", "end"]
    assert not sandbox.lost


@pytest.mark.timeout(LONG)
def test_nothing_runs_where_limits_were_not_put_back() -> None:
    transport = Late(carried=True)
    haste = Hurried(transport)
    sandbox = opened(transport, haste)
    haste.fault = SandboxError("no")
    assert list(sandbox.run({"seconds": 0.1}, b"")) == []
    with pytest.raises(LinkLost, match="cut off"):
        list(sandbox.run({"seconds": 0.1}, b""))


@pytest.mark.timeout(LONG)
def test_what_a_silent_engine_does_not_take_is_given_up() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire = attach._SocketWire(ours, lambda: None, lambda: False)
        with pytest.raises(TimeoutError):
            wire.write(bytes(1 << 24))


def test_what_an_engine_takes_late_is_sent_whole() -> None:
    ours, theirs = socket.socketpair()
    got = bytearray()

    def take() -> None:
        time.sleep(0.3)
        while len(got) < 1 << 22:
            got.extend(theirs.recv(1 << 16))

    with ours, theirs:
        thread = threading.Thread(target=take)
        thread.start()
        sent = bytes(range(256)) * (1 << 14)
        attach._SocketWire(ours, lambda: None, lambda: True).write(sent)
        thread.join()
    assert bytes(got) == sent


@pytest.mark.timeout(LONG)
def test_an_engine_that_answers_in_drops_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each drop comes in time, the whole never."""
    monkeypatch.setattr(engine, "_PING", 0.5)
    over = threading.Event()
    path = tmp_path / "drops.sock"

    def drip(heard: socket.socket) -> None:
        with heard, suppress(OSError):
            heard.sendall(b"HTTP/1.1 200 OK\r\nX-Drops: ")
            while not over.wait(0.1):
                heard.sendall(b".")

    def listen(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listening.accept()[0],), daemon=True).start()

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        threading.Thread(target=listen, args=(listening,), daemon=True).start()
        try:
            with pytest.raises(NoEngine, match="does not answer"):
                engine.find_engine({"DOCKER_HOST": f"unix://{path}"})
        finally:
            over.set()
            listening.shutdown(socket.SHUT_RDWR)
