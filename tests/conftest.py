"""What every test gets: no network but loopback, and a home that is not the user's."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from assistant.events import AssistantError
from assistant.sandbox.engine import Engine, connect, find_engine
from assistant.sandbox.image import DEFAULT_IMAGE, BuiltImage, find_image

REAL_ENVIRONMENT = dict(os.environ)
"""As it was before any test touched it: an engine may be set up there."""

# A busy machine is slow: that is no fault of what is tested.
hypothesis_settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("busy")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a shell: programs that the tests start would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

_KEPT = {
    "PATH",
    "LANG",
    "LC_ALL",
    "TERM",
    "TMPDIR",
    "TIKTOKEN_CACHE_DIR",
    "PYTHONDONTWRITEBYTECODE",
}
_net_is_shut = False


class NetworkShut(OSError):
    """Something that is not on this machine: as unreachable as with the cable pulled."""


def _guard(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook sees every socket call, also those of C libraries that Python calls."""
    if not _net_is_shut or not event.startswith("socket."):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if isinstance(host, str) and not _is_here(host):
        raise NetworkShut(errno.ENETUNREACH, f"{event} to {host!r}: tests reach loopback only")


def _is_here(host: str) -> bool:
    if host in ("", "localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


sys.addaudithook(_guard)


@pytest.fixture(autouse=True)
def _shut_the_net(request: pytest.FixtureRequest) -> Iterator[None]:
    global _net_is_shut
    _net_is_shut = request.node.get_closest_marker("live") is None
    yield
    _net_is_shut = False


@pytest.fixture(autouse=True)
def _own_home(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A new home for each test, and of the user's variables only the harmless ones."""
    home = tmp_path_factory.mktemp("home")
    if request.node.get_closest_marker("live") is None:
        for name in set(os.environ) - _KEPT:
            if not name.startswith(("PYTEST_", "COVERAGE", "COV_")):
                monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    for name, folder in (
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_DATA_HOME", ".local/share"),
        ("XDG_STATE_HOME", ".local/state"),
        ("XDG_CACHE_HOME", ".cache"),
    ):
        monkeypatch.setenv(name, str(home / folder))
    if request.node.get_closest_marker("docker"):
        # Found by the user's own settings, which the new home hides.
        monkeypatch.setenv("DOCKER_HOST", request.getfixturevalue("engine").endpoint.url)
    return home


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The container engine; without one the test fails with the remedy, it is never skipped."""
    try:
        return find_engine(REAL_ENVIRONMENT)
    except AssistantError as error:
        pytest.fail(f"{error}\nmake test sets one up", pytrace=False)


@pytest.fixture
def client(engine: Engine) -> Iterator[Any]:
    """The engine, asked directly."""
    with connect(engine.endpoint) as client:
        yield client


@pytest.fixture(scope="session")
def sandbox_image(engine: Engine) -> BuiltImage:
    """The default sandbox image; without it the test fails with the remedy."""
    with connect(engine.endpoint) as client:
        image = find_image(client, DEFAULT_IMAGE)
    if image is None:
        pytest.fail(
            f"There is no image {DEFAULT_IMAGE}\nassistant sandbox build makes it", pytrace=False
        )
    return image


@pytest.fixture
def own_handlers() -> Iterator[None]:
    """For tests that call the program's main in their own process: it sets handlers of its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Data sets that do not ship with the project, named by ASSISTANT_DATA."""
    given = REAL_ENVIRONMENT.get("ASSISTANT_DATA")
    if not given or not Path(given).is_dir():
        pytest.skip("needs the data sets: set ASSISTANT_DATA to their folder")
    return Path(given)
