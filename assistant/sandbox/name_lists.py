"""What an engine itself reads of an image when it starts a container: the lists of names.

It looks users and groups up there by root's rights, whatever lies in their place, and to the end:
a pipe holds it up for all that use it, and a device fills its memory until the machine has none.
"""

import base64
import json
from typing import TYPE_CHECKING

from assistant.events import SandboxError

if TYPE_CHECKING:
    from docker import DockerClient

LARGEST_LIST = 1 << 20
_LISTS = ("/etc/passwd", "/etc/group")
_LINK, _ODD = 1 << 27, 0x97280000
"""Bits of a mode as the engine tells it: a link, and what is neither link nor plain file."""


def check_name_lists(client: "DockerClient", container: str) -> None:
    """Raises SandboxError where an engine should not start this container, made but not started."""
    for path in _LISTS:
        mode, size, target = _looked_at(client, container, path)
        if mode & _LINK:
            mode, size, _ = _looked_at(client, container, target)
        if mode & (_LINK | _ODD) or size > LARGEST_LIST:
            raise SandboxError(
                f"The image's {path} is no plain file of a sane size", "Choose another image"
            )


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
