"""What an image may not hold if a container of it is to be started."""

import base64
import json
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from assistant.events import SandboxError
from assistant.sandbox.owners import new_name, owner_labels

if TYPE_CHECKING:
    from docker import DockerClient

LARGEST_LIST = 1 << 20
_LISTS = ("/etc/passwd", "/etc/group")
_LINK, _ODD = 1 << 27, 0x97280000
"""Bits of a mode as the engine tells it: a link, and what is neither link nor plain file."""


def check_name_lists(client: "DockerClient", container: str) -> None:
    """Raises SandboxError where the engine should start nothing in this container.

    It looks users and groups up in there by root's rights, whatever lies in their lists' place, and
    to the end: a pipe holds it up for all that use it, and a device fills the machine's memory.
    """
    for path in _LISTS:
        mode, size, target = _looked_at(client, container, path)
        if mode & _LINK:
            mode, size, _ = _looked_at(client, container, target)
        if mode & (_LINK | _ODD) or size > LARGEST_LIST:
            raise SandboxError(
                f"The image's {path} is no plain file of a sane size", "Choose another image"
            )


def check_mount_points(client: "DockerClient", image: str, paths: Iterable[str]) -> None:
    """Raises SandboxError where one of these lies behind a link: the engine makes what is missing
    of it, which may then be in a folder of the user's that is mounted.

    It does so even to look at a container that has the mounts, so this one has none.
    """
    host = client.api.create_host_config(network_mode="none")
    probe = str(
        client.api.create_container(
            image, entrypoint=["true"], name=new_name(), labels=owner_labels(), host_config=host
        )["Id"]
    )
    try:
        for path in paths:
            place = PurePosixPath(path)
            for above in (*reversed(place.parents), place):
                if _looked_at(client, probe, str(above))[0] & _LINK:
                    raise SandboxError(
                        f"The image's {above} is a link", "Choose another image, or mount no folder"
                    )
    finally:
        client.api.remove_container(probe, v=True, force=True)


def _looked_at(client: "DockerClient", container: str, path: str) -> tuple[int, int, str]:
    """Mode, size and, of a link, where it leads in the end; zeros for what is not there."""
    api = client.api
    url = f"{api.base_url}/v{api.api_version}/containers/{container}/archive"
    answer = api.head(url, params={"path": path}, timeout=api.timeout)
    if answer.status_code == 404:
        return 0, 0, ""
    answer.raise_for_status()
    told = json.loads(base64.b64decode(answer.headers["X-Docker-Container-Path-Stat"]))
    return int(told["mode"]), int(told["size"]), str(told["linkTarget"])
