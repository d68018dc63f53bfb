"""Runs blocks in hardened containers: no network, no root, no capabilities, hard limits."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from assistant.events import SandboxError, UsageError
from assistant.sandbox.container import Blueprint, Container, NoPython
from assistant.sandbox.engine import Engine, engine_errors, open_client, pulse_of
from assistant.sandbox.image_checks import check_mount_points
from assistant.sandbox.options import Mounted, SandboxOptions, adjusted, roomy
from assistant.sandbox.places import Linked, Place
from assistant.sandbox.plain import PlainPlace
from assistant.sandbox.ready import HOME, WORKSPACE, ready_image
from assistant.sandbox.running import Manner, RunnerSandbox
from assistant.sandbox.syscalls import own_filter

if TYPE_CHECKING:
    from docker import DockerClient

_NOBODY = 65534


class DockerSandbox(RunnerSandbox):
    """A raw sandbox on a container engine; see RunnerSandbox for its lives.

    The engine and the image are looked at when the first container is made. Code inside may do
    with its container what it likes; that must not matter to anyone else.
    """

    def __init__(self, engine: Engine, options: SandboxOptions) -> None:
        mounted, spares = options.mount is not None, options.spares
        pip = options.network == "packages"
        manner = Manner(
            options.life,
            options.values,
            options.skip,
            options.caps,
            mounted,
            spares,
            pip,
            limited=True,
        )
        super().__init__(options.image, self._new_container, manner)
        self._engine, self._options = engine, options
        self._client: DockerClient | None = None
        self._blueprint: Blueprint | None = None
        self._plain = False

    def close(self) -> None:
        try:
            super().close()
        finally:
            if self._client is not None:
                self._client.close()
            self._client = None

    def _opened(self) -> Linked:
        try:
            return super()._opened()
        except NoPython:
            self._plain = True
            return super()._opened()

    def _new_container(self) -> Place:
        first = self._blueprint is None
        with engine_errors(f"The container engine at {self._engine.endpoint.url}"):
            if self._client is None:
                self._client = open_client(self._engine.endpoint)
            if self._blueprint is None:
                self._blueprint = blueprint(self._client, self._options)
                self.image = self._blueprint.image.image
        if self._plain:
            return PlainPlace(self._client, self._blueprint)
        pulse = pulse_of(self._engine.endpoint)
        return Container(self._client, self._blueprint, pulse, verify=first)


def blueprint(client: "DockerClient", options: SandboxOptions) -> Blueprint:
    """Settles what containers are made of; raises UsageError for what cannot be meant."""
    if not re.fullmatch(r"[A-Za-z0-9-]{0,64}", options.session):
        raise UsageError(f"The session name {options.session!r} cannot name a container")
    if options.network not in ("none", "packages", "full"):
        raise UsageError(
            f"The network {options.network!r} is not known", "Use none, packages or full"
        )
    about: Mapping[str, Any] = client.info()
    if options.runtime and options.runtime not in (about.get("Runtimes") or {}):
        raise SandboxError(
            f"The engine has no runtime {options.runtime!r}",
            "Install it and name it in the engine's daemon.json, or leave out --runtime",
        )
    usual = options.limits or roomy(int(about.get("MemTotal") or 0), int(about.get("NCPU") or 1))
    limits = adjusted(usual, options.wished)
    image = ready_image(client, options.image)
    made = Blueprint(
        image, options, limits, filter=own_filter(about, shared=options.life == "pooled")
    )
    if options.mount is None:
        return made
    for volume in image.volumes:
        if normpath(volume).startswith(f"{WORKSPACE}/"):
            raise UsageError(
                f"The image {options.image} has a volume of its own in {WORKSPACE}",
                "Choose another image, or mount no folder",
            )
    check_mount_points(client, image.id, ("/tmp", HOME, WORKSPACE, *image.volumes))
    return replace(made, user=_owner(options.mount), home="/tmp")


def _owner(mount: Mounted) -> str:
    """The user inside, so that what it writes to a mounted folder belongs to the folder's owner."""
    if not os.path.isabs(mount.folder):
        raise UsageError(f"{mount.folder}: only an absolute path can be mounted")
    try:
        found = os.stat(mount.folder)
    except OSError as error:
        raise UsageError(f"{mount.folder} cannot be mounted: {error.strerror}") from error
    if found.st_uid == 0:
        return f"{_NOBODY}:{_NOBODY}"
    return f"{found.st_uid}:{found.st_gid}"
