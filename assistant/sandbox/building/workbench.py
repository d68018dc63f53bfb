"""A container in which an image is made: scripts run in it, and what they leave is committed."""

import json
import os
import re
import secrets
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.events import SandboxError
from assistant.sandbox.engine import engine_errors
from assistant.sandbox.host import boot_id, tail
from assistant.sandbox.image_checks import check_name_lists
from assistant.sandbox.inside import run_inside

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

NAME = "assistant-build-"
"""Of the containers; then the owner's pid and boot. Labels would be inherited by the image."""
INSIDE = "/opt/assistant-build"
"""Where files from outside lie while the image is made."""
_LATE = 20
"""Seconds over a script's time after which it is ended from outside."""
_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "SETGID", "SETUID"]
"""What package managers need as root, and nothing more."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A running container made of an image, with or without a network."""

    container: "Container"
    log: Path
    network: bool

    def run(
        self,
        script: str,
        *arguments: str,
        user: str = "0:0",
        environment: Mapping[str, str] | None = None,
        seconds: int = 900,
    ) -> str:
        """What a shell script prints; its ``$1`` and on are the arguments.

        Raises SandboxError with the script's last word when it fails or takes too long.
        """
        command = ["sh", "-euc", script, "sh", *arguments]
        with engine_errors("The container engine"):
            code, printed = run_inside(
                self.container,
                # Inside, so that the script alone ends; outside for an image with another idea.
                ["timeout", "-k", "5", str(seconds), *command],
                seconds + _LATE,
                user=user,
                environment={"HOME": "/tmp", "LC_ALL": "C.UTF-8", **(environment or {})},
                workdir="/",
            )
        with self.log.open("ab") as file:
            start = file.tell()
            file.write(printed)
        if code:
            said = tail(self.log, 100, start)
            blamed = [line for line in said if line.lower().startswith(("e:", "error"))]
            reason = (blamed or said or [f"exit status {code}"])[-1]
            raise SandboxError(reason, f"The whole log is {self.log}")
        return printed.decode("utf-8", "replace")

    def put(self, folder: Path, name: str) -> str:
        """Copies a folder of the host's own into the container; returns where it lies there."""
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(folder, f"{INSIDE.strip('/')}/{name}", filter=_as_root)
            file.seek(0)
            with engine_errors("The container engine"):
                self.container.put_archive("/", file)
        return f"{INSIDE}/{name}"

    def commit(self, tag: str, labels: Mapping[str, str]) -> str:
        """Makes the container's files an image of this tag; returns its id."""
        repository, _, version = tag.rpartition(":")
        changes = [
            'CMD ["bash"]',
            "USER 10001:10001",
            "WORKDIR /workspace",
            *(f"LABEL {name}={json.dumps(value)}" for name, value in labels.items()),
        ]
        with engine_errors("The container engine"):
            image = self.container.commit(repository, version, changes=changes)
            image.tag(repository, version)  # Podman does not always
        return str(image.id)


@contextmanager
def workbench(
    client: "DockerClient", image: str, log: Path, *, network: bool = False
) -> Iterator[Bench]:
    """A bench over ``image``, gone at the end whatever happens."""
    from docker.types import LogConfig  # late: heavy

    with engine_errors("The container engine"):
        container = client.containers.create(
            image,
            name=bench_name(),
            entrypoint=[""],  # none: the image would keep it
            command=["sleep", "3600"],  # ends by itself if we are killed
            user="0:0",
            working_dir="/",  # The image's may lead out of the container, past an old runc.
            healthcheck={"test": ["NONE"]},
            log_config=LogConfig(type="none"),  # Nobody reads it, and it could fill the disk.
            environment={"LANG": "C.UTF-8"},
            network_mode="bridge" if network else "none",
            use_config_proxy=False,  # the image would keep the proxy's address
            cap_drop=["ALL"],
            cap_add=_CAPABILITIES,
            security_opt=["no-new-privileges:true"],
            mem_limit="4g",
            pids_limit=1024,
            stop_signal="SIGKILL",
        )
    try:
        with engine_errors("The container engine"):
            check_name_lists(client, str(container.id))
            container.start()
        yield Bench(container, log, network)
    finally:
        with suppress(SandboxError), engine_errors("The container engine"):
            container.remove(force=True, v=True)


def bench_name() -> str:
    """A new container's name, which says who owns it."""
    return f"{NAME}{os.getpid()}-{boot_id()}-{secrets.token_hex(4)}"


def left_behind(name: str) -> bool:
    """The container has such a name, and its owner on this machine has ended."""
    found = re.fullmatch(f"{NAME}(\\d+)-(.+)-[0-9a-f]{{8}}", name)
    if found is None:
        return False
    return found[2] != boot_id() or not Path(f"/proc/{found[1]}").exists()


def _as_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member
