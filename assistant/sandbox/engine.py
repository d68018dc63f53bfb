"""Which container engine to use: the one the user configured, else the first that answers."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.events import SandboxError
from assistant.sandbox.by_ssh import tunnel
from assistant.sandbox.endpoints import Endpoint, NoEngine, endpoints
from assistant.sandbox.host import apt_family, is_root
from assistant.sandbox.pulse import EngineSilent, Pulse

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.tls import TLSConfig

_BRIEF = 10.0
"""Seconds up to which a client just waits; one that waits longer looks after the engine."""
_SPOKEN: dict[Endpoint, str] = {}
"""Which version of the interface each engine speaks: asked when it is looked for, then known."""
_PING = 4.0
_PING_BY_SSH = 9.0
"""Seconds for an answer to the shortest question there is."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answered."""

    endpoint: Endpoint
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} at {self.endpoint.url} ({self.endpoint.source})"


def find_engine(environment: Mapping[str, str], seconds: float = 5) -> Engine:
    """The engine to use; raises NoEngine with the remedy when none answers.

    An endpoint that the user chose (DOCKER_HOST, DOCKER_CONTEXT, the current context) is the only
    one tried; else the usual sockets of Docker, rootless Docker, Docker Desktop and Podman.
    """
    refusals: list[tuple[Endpoint, SandboxError]] = []
    for endpoint in endpoints(environment):
        try:
            version = pulse_of(endpoint).asked(partial(_version, endpoint, seconds))
        except SandboxError as error:
            refusals.append((endpoint, error))
        else:
            return Engine(endpoint, _product(version), str(version.get("Version", "?")))
    raise _no_engine(refusals, environment)


def _version(endpoint: Endpoint, seconds: float) -> dict[str, Any]:
    _SPOKEN.pop(endpoint, None)
    with connect(endpoint, seconds) as client:
        found: dict[str, Any] = client.version()
    return found


@contextmanager
def connect(endpoint: Endpoint, seconds: float = 60) -> Iterator["DockerClient"]:
    """A client of the engine, closed at the end; what the engine refuses becomes SandboxError.

    ``seconds`` is how long any one answer may take while the engine as such is there.
    """
    with engine_errors(f"The container engine at {endpoint.url}"):
        client = open_client(endpoint, seconds)
        try:
            yield client
        finally:
            client.close()


def open_client(endpoint: Endpoint, seconds: float = 60) -> "DockerClient":
    """A client of the engine; the caller closes it and maps its errors (``engine_errors``)."""
    if seconds <= _BRIEF:
        return _client(endpoint, seconds)
    pulse = pulse_of(endpoint)
    client = pulse.attended(lambda: _client(endpoint, seconds))
    from assistant.sandbox.attending import attend  # late: heavy

    attend(client, pulse)
    return client


@cache
def pulse_of(endpoint: Endpoint) -> Pulse:
    """One for all that this process has to do with an engine."""
    seconds = _PING_BY_SSH if endpoint.url.startswith("ssh://") else _PING

    def ping() -> None:
        with connect(endpoint, seconds) as client:
            client.ping()

    return Pulse(endpoint.url, ping, 2 * seconds)


def _client(endpoint: Endpoint, seconds: float) -> "DockerClient":
    over_ssh = endpoint.url.startswith("ssh://")
    if endpoint.socket:
        _knock(endpoint, endpoint.socket, seconds)
    from docker import DockerClient  # late: a tenth of a second

    client = DockerClient(
        base_url=f"unix://{tunnel(endpoint.url)}" if over_ssh else endpoint.url,
        version=_SPOKEN.get(endpoint, "auto"),
        timeout=int(seconds),
        tls=_tls(endpoint) or False,
    )
    _SPOKEN[endpoint] = str(client.api.api_version)
    if endpoint.socket or over_ssh:
        client.api.trust_env = False  # No proxy leads to a socket; none is looked for at each call.
    return client


def _knock(endpoint: Endpoint, path: Path, seconds: float) -> None:
    """Raises at once where nobody listens; the library would leave its socket open."""
    try:
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(seconds)
            knocking.connect(str(path))
    except TimeoutError as error:
        raise _silent(f"The container engine at {endpoint.url}") from error
    except OSError as error:
        raise SandboxError(
            f"The container engine at {endpoint.url}: {error.strerror or error}",
            "assistant sandbox check tells more",
        ) from error


@contextmanager
def engine_errors(what: str) -> Iterator[None]:
    """Turns the errors of the engine and of its client library into SandboxError."""
    from docker.errors import DockerException  # late: heavy
    from requests.exceptions import RequestException, Timeout  # late: heavy

    try:
        yield
    except (DockerException, RequestException) as error:
        if any(isinstance(one, Timeout) for one in _chain(error)):
            raise _silent(what) from error
        raise SandboxError(
            f"{what}: {_reason(error)}", "assistant sandbox check tells more"
        ) from error


def _silent(what: str) -> EngineSilent:
    return EngineSilent(f"{what}: no answer in time", "See whether the container engine runs")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what the library has wrapped in it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reason(error: BaseException) -> str:
    """What the engine said, or the system's own word where the library wrapped it in others."""
    for link in _chain(error):
        if isinstance(link, OSError) and link.errno and link.strerror:
            return link.strerror
    said = getattr(error, "explanation", None) or error
    return " ".join(str(said).split())


def _tls(endpoint: Endpoint) -> "TLSConfig | None":
    if endpoint.certificates is None:
        return None
    from docker.tls import TLSConfig  # late: heavy

    folder = endpoint.certificates
    return TLSConfig(
        client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")),
        ca_cert=str(folder / "ca.pem"),
        verify=endpoint.verify,
    )


def _product(version: Mapping[str, Any]) -> str:
    names = [part.get("Name", "") for part in version.get("Components") or ()]
    return "Podman" if any("podman" in name.lower() for name in names) else "Docker"


def _no_engine(
    refusals: list[tuple[Endpoint, SandboxError]], environment: Mapping[str, str]
) -> NoEngine:
    for endpoint, error in refusals:
        path = endpoint.socket
        if path and path.exists() and not os.access(path, os.R_OK | os.W_OK):
            user = environment.get("USER") or "$USER"
            return NoEngine(
                f"You may not use the container engine's socket {path}",
                f"sudo usermod -aG docker {user}, then log in again (the group has root's power)",
            )
        if endpoint.chosen:
            over_ssh = endpoint.url.startswith("ssh://")
            return NoEngine(
                f"No engine answers, though {endpoint.source} names one. {error.message}",
                "See that this works without a question: ssh HOST docker version"
                if over_ssh
                else "Start that engine, or unset what names it",
            )
    if is_root() and apt_family():
        return NoEngine(
            "No container engine answers",
            "assistant sandbox build installs and starts one",
            installable=True,
        )
    return NoEngine(
        "No container engine answers",
        "Install and start Docker (or Podman with its socket), or set DOCKER_HOST; then: "
        "assistant sandbox check",
    )
