"""The way to the package indexes: what passes, and all that does not."""

import hashlib
import io
import socket
import ssl
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assistant.events import SandboxError, UsageError
from assistant.sandbox import package_indexes as package_indexes_module
from assistant.sandbox import relay as relaying
from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.options import SandboxOptions
from assistant.sandbox.package_indexes import package_indexes
from assistant.sandbox.protocol import Frame
from assistant.sandbox.relay import MOST, WINDOW, Indexes, PackageRelay
from tests.sandbox.contract import go
from tests.sandbox.serving import serving

PATIENCE = 60.0


# An index of the tests' own.


def wheel() -> bytes:
    held = io.BytesIO()
    about = "demo_of_tests-1.0.dist-info"
    files = {
        "demo_of_tests.py": "answer = 42\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: demo-of-tests\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        rows = "".join(f"{name},,\n" for name in (*files, f"{about}/RECORD"))
        archive.writestr(f"{about}/RECORD", rows)
    return held.getvalue()


WHEEL, NAME = wheel(), "demo_of_tests-1.0-py3-none-any.whl"
PAGE = f'<a href="/{NAME}#sha256={hashlib.sha256(WHEEL).hexdigest()}">{NAME}</a>'.encode()


class Index(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        body = WHEEL if self.path.endswith(".whl") else PAGE
        known = self.path in (f"/{NAME}", "/simple/demo-of-tests/")
        if self.path.startswith("/large"):
            known, body = True, bytes(range(256)) * 40_000
        self.send_response(200 if known else 404)
        body = body if known else b""
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Indexing(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexes]:
    folder = tmp_path_factory.mktemp("index")
    asked = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *asked]
    openssl += ["-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(openssl, check=True, cwd=folder, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server = Indexing(("127.0.0.1", 0), Index)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    port = server.server_address[1]
    with serving(server):
        yield Indexes(
            own=frozenset({("localhost", port)}),
            variables={"PIP_INDEX_URL": f"https://localhost:{port}/simple"},
            certificates=(folder / "cert.pem").read_text(),
        )


Open = Callable[[Indexes], DockerSandbox]


@pytest.fixture
def opened(engine: Engine, sandbox_image: BuiltImage) -> Iterator[Open]:
    with ExitStack() as stack:

        def open_one(indexes: Indexes) -> DockerSandbox:
            options = SandboxOptions(sandbox_image.tag, network="packages", indexes=indexes)
            return stack.enter_context(DockerSandbox(engine, options))

        yield open_one


INSTALL = "pip install -q --timeout 30 demo-of-tests 2>&1"


@pytest.mark.docker
def test_a_package_is_installed_and_stays(opened: Open, index: Indexes) -> None:
    sandbox = opened(index)
    missing = go(sandbox, "import demo_of_tests")
    assert "ModuleNotFoundError" in missing.output
    assert any("pip install demo_of_tests" in note for note in missing.notes)
    installed = go(sandbox, INSTALL, "bash", seconds=PATIENCE)
    assert installed.ok, installed.output
    assert go(sandbox, "import demo_of_tests; demo_of_tests.answer").output == "42\n"
    code = "python3 -c 'import demo_of_tests as d; print(d.__file__)'"
    assert go(sandbox, code, "bash").output.startswith("/home/sandbox/venv/lib/")
    assert go(sandbox, "import time; time.sleep(60)", seconds=0.2).reason == "timeout"
    go(sandbox, "import os; os._exit(1)")
    assert go(sandbox, "import demo_of_tests; demo_of_tests.answer").output == "42\n"


LARGE = """
import os, ssl, urllib.request
url = os.environ["PIP_INDEX_URL"].replace("/simple", "/large")
print(len(urllib.request.urlopen(url, timeout=60).read()))
"""


@pytest.mark.docker
def test_much_passes_and_blocks_go_on_meanwhile(opened: Open, index: Indexes) -> None:
    sandbox = opened(index)
    assert go(sandbox, LARGE, seconds=PATIENCE).output == f"{256 * 40_000}\n"
    slow = LARGE.replace(".read()", ".read(1000)").replace("print(", "kept = (")
    assert go(sandbox, slow, seconds=PATIENCE).ok
    assert go(sandbox, "echo on", "bash").output == "on\n"


ASK = """
import os, socket, time
address = os.environ["HTTPS_PROXY"].rpartition("/")[2].split(":")
def ask(data, wait=20):
    with socket.create_connection((address[0], int(address[1])), wait) as way:
        way.settimeout(wait)
        way.sendall(data)
        try: return way.recv(1000).split(b"\\r\\n")[0].decode()
        except ConnectionError: return "reset"
def connect(host): return ask(f"CONNECT {host} HTTP/1.1\\r\\n\\r\\n".encode())
"""


@pytest.mark.docker
def test_nothing_else_passes(opened: Open, index: Indexes) -> None:
    sandbox = opened(index)
    ((_, port),) = index.own
    go(sandbox, ASK)
    for host in (
        "example.com:443",
        "index.example.com:443",
        f"localhost:{port + 1}",
        "localhost:22",
        f"127.0.0.1:{port}",
        "169.254.169.254:80",
        "localhost:443",
        "2130706433:443",
    ):
        assert "403" in go(sandbox, f"print(connect({host!r}))").output, host
    for request in (
        f"GET https://localhost:{port}/ HTTP/1.1\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n",
        f"POST http://localhost:{port}/ HTTP/1.1\r\n\r\n",
        f"CONNECT [::1]:{port} HTTP/1.1\r\n\r\n",
        f"CONNECT http://localhost:{port} HTTP/1.1\r\n\r\n",
        f"CONNECT localhost:{port}@example.com:443 HTTP/1.1\r\n\r\n",
        f"CONNECT localhost:{port} HTTP/1.1 x\r\n\r\n",
        "\r\n\r\n",
    ):
        assert "405" in go(sandbox, f"print(ask({request!r}.encode()))").output, request
    huge = "print(repr(ask(b'CONNECT localhost:1 HTTP/1.1\\r\\n' + b'x: y\\r\\n' * 9000)))"
    assert go(sandbox, huge).output in ("''\n", "'reset'\n")
    many = "ways = [socket.create_connection((address[0], int(address[1]))) for _ in range(100)]"
    assert go(sandbox, many, seconds=PATIENCE).ok
    assert go(sandbox, "[way.close() for way in ways]; print('on')").output.endswith("on\n")
    assert go(sandbox, f"print(connect('localhost:{port}'))", seconds=PATIENCE).output.endswith(
        "200 Connection established\n"
    )
    unreachable = go(sandbox, "import socket; socket.create_connection(('1.1.1.1', 443), 3)")
    assert "unreachable" in unreachable.output


@pytest.mark.docker
def test_a_session_that_ends_leaves_no_connection(opened: Open, index: Indexes) -> None:
    sandbox = opened(index)
    ((_, port),) = index.own
    code = f"{ASK}\nway = socket.create_connection((address[0], int(address[1])))\n"
    code += f"way.sendall(b'CONNECT localhost:{port} HTTP/1.1\\r\\n\\r\\n'); print(way.recv(99))"
    assert "200" in go(sandbox, code).output
    sandbox.close()
    threads = [thread for thread in threading.enumerate() if thread.name == "relay"]
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)


# The host's end alone, with a hostile runner.

LISTED = Indexes(public=frozenset({("index.example", 443)}))


class Runner:
    """Sends what it likes, and keeps what it is sent."""

    def __init__(self, indexes: Indexes) -> None:
        self.relay = PackageRelay(indexes)
        self.got: dict[int, bytes] = {}
        self.ended: set[int] = set()
        self.changed = threading.Condition()

    def send(self, head: Mapping[str, Any], body: bytes) -> None:
        with self.changed:
            if head["what"] == "data":
                self.got[head["conn"]] = self.got.get(head["conn"], b"") + body
            if head["what"] == "end":
                self.ended.add(head["conn"])
            self.changed.notify_all()

    def says(self, conn: Any, what: Any, body: bytes = b"", **more: Any) -> None:
        self.relay.take(Frame({"is": "net", "conn": conn, "what": what, **more}, body), self.send)

    def asks(self, text: str, conn: int = 1) -> str:
        self.says(conn, "open")
        self.says(conn, "data", text.encode())
        with self.changed:
            assert self.changed.wait_for(lambda: conn in self.ended, PATIENCE)
        return self.got.get(conn, b"").decode().split("\r\n")[0]


def test_private_addresses_are_refused_after_looking_up() -> None:
    indexes = Indexes(public=frozenset({("localhost", 443)}))
    answer = Runner(indexes).asks("CONNECT localhost:443 HTTP/1.1\r\n\r\n")
    assert answer.startswith("HTTP/1.1 403 localhost has an address here that is not public.")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("151.101.0.223", True),
        ("2a04:4e42::223", True),
        ("10.0.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("192.168.1.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fec0::1", False),
        ("fc00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("::10.0.0.1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert relaying._public(address) is public


def test_a_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a name stands for a moment later is of no use to whoever changes it."""
    answers = ["151.101.0.223", "127.0.0.1"]
    asked: list[str] = []
    reached: list[Any] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

    class Socket(socket.socket):
        def connect(self, address: Any) -> None:
            reached.append(address)
            raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket, "socket", Socket)
    answer = Runner(LISTED).asks("CONNECT index.example:443 HTTP/1.1\r\n\r\n")
    assert "502" in answer
    assert (asked, reached) == (["index.example"], [("151.101.0.223", 443)])


def test_one_private_address_among_others_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [(2, 1, 6, "", ("151.101.0.223", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: rows)
    assert "403" in Runner(LISTED).asks("CONNECT index.example:443 HTTP/1.1\r\n\r\n")


def test_who_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "ASKING", 0.2)
    runner = Runner(Indexes())
    runner.says(1, "open")
    runner.says(1, "data", b"CONNECT index")
    with runner.changed:
        assert runner.changed.wait_for(lambda: 1 in runner.ended, PATIENCE)
    assert runner.got == {}


def test_frames_that_no_runner_sends() -> None:
    runner = Runner(Indexes())
    runner.says(1, "open")
    wrong: list[tuple[Any, Any, dict[str, Any]]] = [
        (-1, "open", {}),
        ("1", "open", {}),
        (1, "open", {}),
        (1, "took", {"bytes": -1}),
        (1, "took", {"bytes": WINDOW + 1}),
        (1, "took", {}),
        (1, None, {}),
    ]
    for conn, what, more in wrong:
        with pytest.raises(SandboxError):
            runner.says(conn, what, **more)
    with pytest.raises(SandboxError):
        runner.says(1, "data", b"x" * (WINDOW + 1))
    runner.says(77, "data", b"for nobody")
    for number in range(2, MOST + 1):
        runner.says(number, "open")
    with pytest.raises(SandboxError):
        runner.says(MOST + 1, "open")
    runner.relay.close()
    with runner.changed:
        assert runner.changed.wait_for(lambda: len(runner.ended) == MOST, PATIENCE)


# What the user has set up.

USUAL = package_indexes_module._usual()


def indexes_of(tmp_path: Path, **variables: str) -> Indexes:
    return package_indexes({"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", **variables})


def test_the_public_index_is_the_usual_one(tmp_path: Path) -> None:
    found = indexes_of(tmp_path)
    assert found.public == USUAL
    assert not found.own
    assert "PIP_INDEX_URL" not in (found.variables or {})


def test_the_users_own_index_takes_its_place(tmp_path: Path) -> None:
    found = indexes_of(tmp_path, PIP_INDEX_URL="https://Packages.example:8443/simple")
    assert found.own == {("packages.example", 8443)}
    assert not found.public
    assert (found.variables or {})["PIP_INDEX_URL"] == "https://Packages.example:8443/simple"


def test_the_public_index_named_by_the_user_is_his_own(tmp_path: Path) -> None:
    """Behind a name server of one's own it may have a private address."""
    (pages, _), *_ = [one for one in USUAL if not one[0].startswith("files")]
    found = indexes_of(tmp_path, PIP_INDEX_URL=f"https://{pages}/simple")
    assert found.own == USUAL
    assert len(found.own) == 2


def test_more_indexes_and_those_of_files(tmp_path: Path) -> None:
    more = "file:///srv/wheels https://more.example/simple"
    found = indexes_of(tmp_path, PIP_EXTRA_INDEX_URL=more)
    assert found.own == {("more.example", 443)}
    assert found.public == USUAL
    assert (found.variables or {})["PIP_EXTRA_INDEX_URL"] == "https://more.example/simple"


def test_without_pip_an_index_must_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_indexes_module, "_usual", frozenset)
    with pytest.raises(UsageError, match="no pip here"):
        indexes_of(tmp_path)
    assert indexes_of(tmp_path, PIP_INDEX_URL="https://one.example/").own


def test_pips_files_are_read_and_its_variables_win(tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://one.example/simple\n")
    found = indexes_of(tmp_path, PIP_CONFIG_FILE=str(config))
    assert found.own == {("one.example", 443)}
    both = {"PIP_CONFIG_FILE": str(config), "PIP_INDEX_URL": "https://two.example/"}
    assert indexes_of(tmp_path, **both).own == {("two.example", 443)}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://plain.example/simple", "not reached by https"),
        ("https://me:canary@private.example/simple", "needs a password"),
        ("https://canary@private.example/simple", "needs a password"),
    ],
)
def test_indexes_that_code_may_not_use(tmp_path: Path, url: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        indexes_of(tmp_path, PIP_INDEX_URL=url)
    assert "canary" not in str(caught.value)


def test_only_certificates_are_taken_from_a_file(tmp_path: Path) -> None:
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x"]
    subprocess.run(
        [*openssl, "-keyout", "key.pem", "-out", "cert.pem"],
        check=True,
        cwd=tmp_path,
        capture_output=True,
    )
    both = tmp_path / "both.pem"
    both.write_text((tmp_path / "key.pem").read_text() + (tmp_path / "cert.pem").read_text())
    found = indexes_of(tmp_path, PIP_CERT=str(both)).certificates
    assert found.strip() == (tmp_path / "cert.pem").read_text().strip()
    assert "PRIVATE" not in found
    with pytest.raises(UsageError, match="cannot be read"):
        indexes_of(tmp_path, PIP_CERT=str(tmp_path / "none.pem"))
