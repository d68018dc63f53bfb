"""Who owns a container, by its name and labels; the reaper of those whose owner is gone."""

import os
import re
import secrets
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.sandbox.engine import engine_errors

if TYPE_CHECKING:
    from docker import DockerClient

OWNER = "assistant.owner"
_YOUNG = 60.0
"""Seconds for which an ended container of another machine is left to its owner."""


def new_name(session: str = "") -> str:
    """A container's name. Labels alone do not make it ours: it has those of its image, too."""
    return f"assistant-{session or 'x'}-{secrets.token_hex(6)}"


def _named(name: str) -> bool:
    return bool(re.fullmatch(r"assistant-[A-Za-z0-9-]+-[0-9a-f]{12}", name))


def owner_labels(session: str = "", seconds: float | None = None) -> dict[str, str]:
    """Labels that name this process. ``seconds``: how long the container may live at most."""
    pid = os.getpid()
    return {
        OWNER: "1",
        "assistant.session": session,
        "assistant.pid": str(pid),
        "assistant.start": _start_time(pid),
        "assistant.machine": _machine(),
        "assistant.deadline": str(int(time.time() + seconds)) if seconds else "",
    }


def _machine() -> str:
    """This boot of this machine, as far as its process numbers reach."""
    boot = ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    numbers = ""
    with suppress(OSError):
        numbers = os.readlink("/proc/self/ns/pid")
    return f"{socket.gethostname()}/{boot}/{numbers}"


def _start_time(pid: int) -> str:
    """When a process started, in ticks since boot; "" where that cannot be told."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def _alive(pid: str, start: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _start_time(int(pid)) == start


def abandoned(labels: Mapping[str, str], running: bool, age: float) -> bool:
    """Whether something with these labels may be removed: its owner is surely gone, or its time up.

    Of an owner on another machine (or beyond a reboot) nothing can be known but this: a runner ends
    when its owner does, so what still runs is in use.
    """
    deadline = labels.get("assistant.deadline", "")
    if deadline.isdigit() and time.time() > int(deadline):
        return True
    if labels.get("assistant.machine") == _machine():
        return not _alive(labels.get("assistant.pid", ""), labels.get("assistant.start", ""))
    return not running and age > _YOUNG


def reap(client: "DockerClient") -> list[str]:
    """Removes abandoned containers and volumes of ours; returns the names of the containers."""
    from docker.errors import APIError  # late: heavy

    removed = []
    with engine_errors("The container engine"):
        found = client.api.containers(all=True, filters={"label": f"{OWNER}=1"})
        for row in found:
            name, labels = str((row.get("Names") or [""])[0]).lstrip("/"), row.get("Labels") or {}
            age = time.time() - float(row.get("Created") or 0)
            if not _named(name) or "assistant.pid" not in labels:
                continue
            if not abandoned(labels, row.get("State") == "running", age):
                continue
            with suppress(APIError):  # Somebody else was quicker.
                client.api.remove_container(row["Id"], v=True, force=True)
                removed.append(name)
        for volume in _volumes(client):
            labels = volume.get("Labels") or {}
            if "assistant.pid" in labels and abandoned(labels, False, _volume_age(volume)):
                with suppress(APIError):  # It is in use, or already gone.
                    client.api.remove_volume(volume["Name"])
    return removed


def _volumes(client: "DockerClient") -> list[dict[str, Any]]:
    answer = client.api.volumes(filters={"label": f"{OWNER}=1"})
    return list(answer.get("Volumes") or [])


def _volume_age(volume: Mapping[str, Any]) -> float:
    try:
        made = datetime.fromisoformat(str(volume.get("CreatedAt")).replace("Z", "+00:00"))
    except ValueError:
        return 0.0
    return time.time() - made.timestamp()
