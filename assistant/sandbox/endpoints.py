"""Where a container engine may answer, as Docker's own command line would look for it."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.events import SandboxError

DEFAULT_SOCKET = Path("/var/run/docker.sock")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an engine may answer. ``chosen`` by the user means that no other one will do."""

    url: str
    source: str
    """What named it: DOCKER_HOST, a context, or a usual place."""
    chosen: bool = False
    certificates: Path | None = None
    """Folder of ca.pem, cert.pem and key.pem, for an engine behind TLS."""
    verify: bool = True

    @property
    def socket(self) -> Path | None:
        kind, _, path = self.url.partition("://")
        return Path(path) if kind == "unix" else None


class NoEngine(SandboxError):
    """No engine can be used. ``installable``: one may be installed and started instead."""

    def __init__(self, message: str, remedy: str, *, installable: bool = False) -> None:
        super().__init__(message, remedy)
        self.installable = installable


def endpoints(environment: Mapping[str, str]) -> list[Endpoint]:
    """Where to look, best first. A usual socket that does not exist is left out."""
    if environment.get("DOCKER_HOST"):
        return [_from_variable(environment)]
    folder = _config_folder(environment)
    name = environment.get("DOCKER_CONTEXT") or _current_context(folder)
    if name != "default":
        return [_from_context(folder, name)]
    return [
        Endpoint(f"unix://{socket}", source)
        for socket, source in _usual_sockets(environment)
        if socket.exists()
    ]


def _from_variable(environment: Mapping[str, str]) -> Endpoint:
    certificates = None
    if environment.get("DOCKER_TLS_VERIFY") or environment.get("DOCKER_CERT_PATH"):
        given = environment.get("DOCKER_CERT_PATH")
        certificates = Path(given) if given else _config_folder(environment)
    return Endpoint(
        environment["DOCKER_HOST"],
        "DOCKER_HOST",
        chosen=True,
        certificates=certificates,
        verify=bool(environment.get("DOCKER_TLS_VERIFY")),
    )


def _home(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("HOME") or Path.home())


def _config_folder(environment: Mapping[str, str]) -> Path:
    given = environment.get("DOCKER_CONFIG")
    return Path(given) if given else _home(environment) / ".docker"


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise NoEngine(f"{path} cannot be read: {error}", "Mend it, or set DOCKER_HOST") from error
    return value if isinstance(value, dict) else {}


def _current_context(folder: Path) -> str:
    return str(_json(folder / "config.json").get("currentContext") or "default")


def _from_context(folder: Path, name: str) -> Endpoint:
    """The store of Docker's command line: contexts/meta/<sha256 of the name>/meta.json."""
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = _json(folder / "contexts" / "meta" / key / "meta.json")
    found = (meta.get("Endpoints") or {}).get("docker") or {}
    if not found.get("Host"):
        raise NoEngine(
            f"The Docker context {name!r} is not in {folder / 'contexts'}",
            "docker context use default, or set DOCKER_HOST",
        )
    certificates = folder / "contexts" / "tls" / key / "docker"
    return Endpoint(
        found["Host"],
        f"context {name}",
        chosen=True,
        certificates=certificates if certificates.is_dir() else None,
        verify=not found.get("SkipTLSVerify"),
    )


def _usual_sockets(environment: Mapping[str, str]) -> list[tuple[Path, str]]:
    home = _home(environment)
    runtime = Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    return [
        (DEFAULT_SOCKET, "usual place"),
        (runtime / "docker.sock", "rootless Docker"),
        (home / ".docker/run/docker.sock", "Docker Desktop"),
        (home / ".docker/desktop/docker.sock", "Docker Desktop"),
        (home / ".colima/default/docker.sock", "Colima"),
        (runtime / "podman/podman.sock", "rootless Podman"),
        (Path("/run/podman/podman.sock"), "Podman"),
    ]
