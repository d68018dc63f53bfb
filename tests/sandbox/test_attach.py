"""A container's streams: taken apart as the engine sends them, and by every way to an engine."""

import shutil
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

from assistant.events import SandboxError
from assistant.sandbox.attach import Attached
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.endpoints import Endpoint
from assistant.sandbox.engine import Engine
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.options import SandboxOptions
from tests.sandbox.contract import Store, go
from tests.sandbox.serving import serving


class _Pieces:
    """A wire that hands out what it is given, in pieces of a size."""

    def __init__(self, data: bytes, size: int) -> None:
        self._pieces = [data[start : start + size] for start in range(0, len(data), size)]

    def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


def attached(wire: Any) -> Attached:
    made = Attached.__new__(Attached)
    made._wire, made._buffer, made._left, made._stream, made.complaint = wire, b"", 0, 1, b""
    return made


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 1000])
def test_streams_are_taken_apart(size: int) -> None:
    def part(stream: int, data: bytes) -> bytes:
        return struct.pack(">BxxxL", stream, len(data)) + data

    sent = part(1, b"one") + part(2, b"oh") + part(1, b"") + part(2, b" no") + part(1, b"two" * 50)
    streams = attached(_Pieces(sent, size))
    got = b""
    while data := streams.read():
        got += data
    assert got == b"one" + b"two" * 50
    assert streams.complaint == b"oh no"


# Ways to an engine.


class Relay(BaseRequestHandler):
    """What a client says goes to the engine's socket, and back."""

    engine = ""
    tls: ssl.SSLContext | None = None
    open: set[socket.socket]

    def handle(self) -> None:
        client = self.request
        if self.tls is not None:
            with suppress(OSError):
                client = self.tls.wrap_socket(client, server_side=True)
        with client, socket.socket(socket.AF_UNIX) as engine:
            self.open.add(client)
            engine.connect(self.engine)
            back = threading.Thread(target=self.pump, args=(engine, client))
            back.start()
            self.pump(client, engine)
            back.join()

    @staticmethod
    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (target, source):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Relays(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def relay(engine: Engine) -> type[Relay]:
    socket_path = str(engine.endpoint.socket)
    return type("ThisRelay", (Relay,), {"engine": socket_path, "open": set()})


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    asked = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    files = ["-keyout", "key.pem", "-out", "cert.pem"]
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *asked, *files]
    subprocess.run(openssl, check=True, cwd=tmp_path, capture_output=True)
    shutil.copy(tmp_path / "cert.pem", tmp_path / "ca.pem")
    return tmp_path


@pytest.fixture
def over_tcp(engine: Engine, relay: type[Relay]) -> Iterator[Engine]:
    server = Relays(("127.0.0.1", 0), relay)
    with serving(server):
        url = f"tcp://127.0.0.1:{server.server_address[1]}"
        yield replace(engine, endpoint=Endpoint(url, "test", chosen=True))


@pytest.fixture
def over_tls(engine: Engine, relay: type[Relay], certificates: Path) -> Iterator[Engine]:
    relay.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    relay.tls.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    relay.tls.load_verify_locations(certificates / "ca.pem")
    relay.tls.verify_mode = ssl.CERT_REQUIRED
    server = Relays(("127.0.0.1", 0), relay)
    with serving(server):
        url = f"tcp://localhost:{server.server_address[1]}"
        yield replace(engine, endpoint=Endpoint(url, "test", True, certificates))


def all_of_it(engine: Engine, image: str) -> None:
    blobs = Store()
    large = bytes(range(256)) * 20_000
    with DockerSandbox(engine, SandboxOptions(image)) as sandbox:
        sandbox.put(blobs.files(large_bin=large), blobs)
        code = (
            "data = open('large.bin', 'rb').read()\nopen('back', 'wb').write(data * 2)\nlen(data)"
        )
        assert go(sandbox, code).output == f"{len(large)}\n"
        assert blobs[sandbox.pull(blobs).written["back"].digest] == large * 2
        assert go(sandbox, "while True: pass", seconds=0.3).reason == "timeout"
        assert go(sandbox, "echo $((6 * 7))", "bash").output == "42\n"


@pytest.mark.docker
def test_an_engine_over_tcp(over_tcp: Engine, sandbox_image: BuiltImage) -> None:
    all_of_it(over_tcp, sandbox_image.tag)


@pytest.mark.docker
def test_an_engine_over_tls(over_tls: Engine, sandbox_image: BuiltImage) -> None:
    all_of_it(over_tls, sandbox_image.tag)


@pytest.mark.docker
def test_a_line_that_is_cut(
    over_tcp: Engine, relay: type[Relay], sandbox_image: BuiltImage
) -> None:
    with DockerSandbox(over_tcp, SandboxOptions(sandbox_image.tag)) as sandbox:
        go(sandbox, "x = 1")
        run = threading.Timer(0.5, lambda: [s.shutdown(socket.SHUT_RDWR) for s in alive(relay)])
        run.start()
        with pytest.raises(SandboxError, match="ended"):
            go(sandbox, "import time; time.sleep(30)", seconds=60)
        run.join()


def alive(relay: type[Relay]) -> list[socket.socket]:
    return [sock for sock in relay.open if sock.fileno() >= 0]
