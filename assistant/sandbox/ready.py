"""Images made ready: a writable workspace and home for the sandbox's user, as one thin layer."""

import io
import tarfile
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.events import SandboxError
from assistant.sandbox.engine import engine_errors
from assistant.sandbox.image import DEFAULT_IMAGE
from assistant.sandbox.owners import OWNER, new_name, owner_labels

if TYPE_CHECKING:
    from docker import DockerClient

UID = 10001
WORKSPACE = "/workspace"
HOME = "/home/sandbox"
READY = "assistant.ready"
LAYERS = "assistant-ready:"
"""Begins the names of images with a layer of ours; then comes the id of what lies below."""
_MADE = "assistant.image"
_LARGEST_LIST = 1 << 20


@dataclass(frozen=True, slots=True)
class ReadyImage:
    """``id`` is what containers are made of; ``image`` is what the user chose, resolved."""

    id: str
    image: str
    environment: dict[str, str]
    volumes: tuple[str, ...]


def ready_image(client: "DockerClient", name: str) -> ReadyImage:
    """The image ``name``, with a layer of ours over it unless it was built by us.

    Nothing is ever pulled. Raises SandboxError where the engine does not have it.
    """
    with engine_errors(f"The image {name}"):
        chosen = _inspect(client, name)
        if chosen is None:
            raise SandboxError(f"The engine does not have the image {name}", remedy_for(name))
        labels = _config(chosen).get("Labels") or {}
        if labels.get(_MADE) == "1" or READY in labels:
            return _described(chosen, chosen["Id"])
        layered = _layered(client, chosen["Id"])
        return _described(layered, chosen["Id"])


def remedy_for(name: str) -> str:
    """What to do where the engine does not have an image."""
    if name in (DEFAULT_IMAGE, DEFAULT_IMAGE.removesuffix(":latest")):
        return "assistant sandbox build"
    return f"docker pull {name}, or assistant sandbox build --from {name} --tag NAME"


def _inspect(client: "DockerClient", name: str) -> dict[str, Any] | None:
    from docker.errors import NotFound  # late: heavy

    try:
        found: dict[str, Any] = client.api.inspect_image(name)  # type: ignore[no-untyped-call]  # Its stub lacks types.
    except NotFound:
        return None
    return found


def _config(image: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = image.get("Config") or {}
    return config


def _described(image: dict[str, Any], chosen: str) -> ReadyImage:
    config = _config(image)
    pairs = (str(entry).partition("=") for entry in config.get("Env") or ())
    environment = {name: value for name, _, value in pairs}
    return ReadyImage(image["Id"], chosen, environment, tuple(config.get("Volumes") or ()))


def _layered(client: "DockerClient", chosen: str) -> dict[str, Any]:
    """Found by its name: a label may be any image's, and this one takes the place of another."""
    name = LAYERS + chosen.removeprefix("sha256:")
    known = _inspect(client, name)
    if known is None or (_config(known).get("Labels") or {}).get(READY) != chosen:
        known = _inspect(client, _make_layer(client, chosen, name))
    if known is None:
        raise SandboxError("The engine lost the image that was just made", "Try again")
    return known


def _make_layer(client: "DockerClient", chosen: str, name: str) -> str:
    """A container of the image that never runs, two folders put into it, and what it then holds."""
    host = client.api.create_host_config(network_mode="none")
    owned = owner_labels()
    container = client.api.create_container(
        chosen, name=new_name(), entrypoint=["true"], host_config=host, labels=owned
    )["Id"]
    try:
        client.api.put_archive(container, "/", _folders(client, container))
        labels = {**dict.fromkeys(owned, ""), OWNER: "1", READY: chosen}
        repository, _, tag = name.partition(":")
        changes = [f'LABEL {name}="{value}"' for name, value in labels.items()]
        made: str = client.api.commit(container, repository, tag, changes=changes)["Id"]
    finally:
        client.api.remove_container(container, v=True, force=True)
    return made


def _folders(client: "DockerClient", container: str) -> bytes:
    """Workspace, home and the names of the user and group, as a tar archive."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in (WORKSPACE, HOME):
            folder = tarfile.TarInfo(path.lstrip("/"))
            folder.type, folder.mode, folder.mtime = tarfile.DIRTYPE, 0o755, int(time.time())
            folder.uid = folder.gid = UID
            archive.addfile(folder)
        for path, line in (
            ("etc/passwd", f"sandbox:x:{UID}:{UID}:sandbox:{HOME}:/bin/sh\n"),
            ("etc/group", f"sandbox:x:{UID}:\n"),
        ):
            known = _small_file(client, container, "/" + path)
            if known and f":{UID}:".encode() not in known:
                data = known.rstrip(b"\n") + b"\n" + line.encode()
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode, entry.mtime = len(data), 0o644, int(time.time())
                archive.addfile(entry, io.BytesIO(data))
        end = archive.offset
    return ended(packed, end)


def ended(packed: io.BytesIO, end: int) -> bytes:
    """An archive whose members go as far as ``end``, with the two empty blocks that end it and none
    of those that fill it up: Podman calls it an error when nobody reads them."""
    return packed.getvalue()[:end] + bytes(1024)


def _small_file(client: "DockerClient", container: str, path: str) -> bytes:
    """A plain file of the image; empty where it is missing, no plain file, or large."""
    from docker.errors import NotFound  # late: heavy

    try:
        stream, about = client.api.get_archive(container, path)
    except NotFound:
        return b""
    data = bytearray()
    with closing(stream):
        if int(about.get("size") or 0) > _LARGEST_LIST:
            return b""
        for piece in stream:
            data += piece
            if len(data) > 2 * _LARGEST_LIST:  # A folder, say, whose own size says nothing.
                return b""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        entry = archive.next()
        source = archive.extractfile(entry) if entry and entry.isreg() else None
        return source.read() if source is not None else b""
