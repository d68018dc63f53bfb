"""The image that an image starts from: one that is here, a pulled one, or one of packages."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.events import SandboxError
from assistant.sandbox.building.rootfs import debian_rootfs
from assistant.sandbox.engine import Engine, connect, engine_errors
from assistant.sandbox.host import Host

if TYPE_CHECKING:
    from docker import DockerClient

PULLED_BASE = "python:3-slim"
_PATIENCE = 30
"""Seconds that a registry may be silent."""


@dataclass(frozen=True, slots=True)
class Start:
    id: str
    network: bool
    """Whether containers are given one; first a guess, by whether a registry could be reached."""


def image_id(client: "DockerClient", name: str) -> str | None:
    """The id of an image that the engine has."""
    from docker.errors import NotFound  # late: heavy

    with engine_errors("The container engine"):
        try:
            return str(client.images.get(name).id)
        except NotFound:
            return None


def find_start(
    engine: Engine, client: "DockerClient", host: Host, named: str | None
) -> Generator[str, None, Start]:
    """The named image, else Python's own where a registry answers, else one of packages."""
    wanted = named or PULLED_BASE
    here = image_id(client, wanted)
    if here is None:
        yield f"Pulling {wanted}"
        try:
            here = _pull(engine, wanted)
        except SandboxError as error:
            if named:
                raise SandboxError(
                    f"There is no image {wanted}, and it cannot be pulled. {error.message}",
                    "docker image ls lists the images that are there",
                ) from error
            yield "No registry answers, so the image is made from the distribution's packages"
            return Start((yield from _own_base(client, host)), network=False)
    _refuse_volumes(client, here)
    with engine_errors("The container engine"):
        labels = client.images.get(here).labels
    return Start(here, labels.get("assistant.network") != "no")


def _pull(engine: Engine, name: str) -> str:
    path, _, last = name.rpartition("/")
    image, _, tag = last.partition(":")
    with connect(engine.endpoint, _PATIENCE) as client, engine_errors("The registry"):
        repository = f"{path}/{image}".strip("/")
        for line in client.api.pull(repository, tag or "latest", stream=True, decode=True):
            if "error" in line:
                raise SandboxError(f"The registry: {line['error']}")
        found = image_id(client, name)
    if found is None:
        raise SandboxError(f"The registry sent no {name}")
    return found


def _own_base(client: "DockerClient", host: Host) -> Generator[str, None, str]:
    tarball = yield from debian_rootfs(host)
    tag = tarball.name.removesuffix(".tar.gz")
    name = f"assistant-base:{tag}"
    found = image_id(client, name)
    if found:
        return found
    yield "Importing it into the engine"
    labels = ("assistant.owner=1", "assistant.image=base", f"assistant.tag={name}")
    with engine_errors("The container engine"), tarball.open("rb") as file:
        # An open file is sent as a stream. Podman hears of a tag only as part of the name.
        changes = [f"LABEL {label}" for label in labels]
        client.api.import_image(src=file, repository=name, changes=changes)
    imported = image_id(client, name)
    if imported is None:
        raise SandboxError(f"{name} was imported and is not there", f"Delete {tarball}")
    return imported


def _refuse_volumes(client: "DockerClient", image: str) -> None:
    """A VOLUME of an image is a writable folder that no limit of ours reaches."""
    with engine_errors("The container engine"):
        config: dict[str, Any] = client.images.get(image).attrs.get("Config") or {}
    if config.get("Volumes"):
        names = ", ".join(config["Volumes"])
        raise SandboxError(
            f"The image declares writable volumes ({names}), which escape the disk limit",
            "Choose another --from image",
        )
