"""One hardened container with a runner as its process 1: how it is made, and how it goes."""

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.events import SandboxError
from assistant.sandbox.attach import Attached
from assistant.sandbox.engine import engine_errors
from assistant.sandbox.haste import PERIOD, EngineHaste, quota
from assistant.sandbox.image_checks import check_name_lists
from assistant.sandbox.link import Link
from assistant.sandbox.options import Limits, SandboxOptions, setup_of, short_environment
from assistant.sandbox.owners import new_name, owner_labels
from assistant.sandbox.places import KILLED
from assistant.sandbox.pulse import EngineSilent, Pulse
from assistant.sandbox.ready import HOME, UID, WORKSPACE, ReadyImage
from assistant.sandbox.relay import PackageRelay
from assistant.sandbox.source import command, runner_source
from assistant.sandbox.syscalls import filtered

if TYPE_CHECKING:
    from docker import DockerClient

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Without these some languages' programs do not find their own parts. They hold no secrets.
_KEPT_VARIABLES = ("RUSTUP_HOME", "JAVA_HOME", "GOROOT", "NODE_PATH")
_START_SECONDS = 60
_LEARNT_SECONDS = 0.5
"""That the engine may take to learn of a container's end."""
_OWN_FILES = 1024
"""Descriptors that the runner has over what it allows to jobs."""
_LIMITS = ("Memory", "MemorySwap", "PidsLimit", "CpuQuota", "NetworkMode", "ReadonlyRootfs")


@dataclass(frozen=True, slots=True)
class Blueprint:
    """All that a container is made of, settled once per sandbox."""

    image: ReadyImage
    options: SandboxOptions
    limits: Limits
    user: str = f"{UID}:{UID}"
    home: str = HOME
    filter: str | None = None
    """Of system calls, as an option of the engine's; None leaves the engine's own in force."""

    @property
    def environment(self) -> dict[str, str]:
        given = self.image.environment
        known = {name: given[name] for name in _KEPT_VARIABLES if name in given}
        plain = short_environment(self.home, given.get("PATH") or _PATH)
        return {**known, **plain, **self.options.environment}

    @property
    def watched(self) -> list[str]:
        """The folders on disk that code may fill up; of the user's own folder only he is judge."""
        own = [HOME] if self.options.mount else [WORKSPACE, HOME]
        return [*own, *(path for path in self.image.volumes if path not in (WORKSPACE, HOME))]


class NoPython(SandboxError):
    """The image cannot have a runner."""


class Container:
    """A place for a runner. Its name is chosen before the engine hears of it, so that whatever
    interrupts its making, it can be removed by name."""

    def __init__(
        self, client: "DockerClient", blueprint: Blueprint, pulse: Pulse, *, verify: bool = False
    ) -> None:
        """``verify``: look whether the engine keeps the limits."""
        self._client, self._blueprint, self._verify = client, blueprint, verify
        self._pulse, self._silent = pulse, False
        self.warnings: tuple[str, ...] = ()
        self.name = new_name(blueprint.options.session)
        self._attached: Attached | None = None
        self._made = self._linked = False

    def open(self) -> Link:
        """Raises SandboxError when the engine will not, or no runner answers."""
        blueprint, options = self._blueprint, self._blueprint.options
        with engine_errors(f"The container {self.name}"):
            self._made = True
            arguments = create_arguments(self._client, blueprint, self.name)
            answer, lost = created(self._client, arguments)
            if self._verify:
                check_name_lists(self._client, self.name)
                self.warnings = (*self._unkept(answer.get("Warnings") or [], arguments), *lost)
            self._attached = Attached(self._client, self.name, self._pulse)
            self._start()
        relay = PackageRelay(options.indexes) if options.network == "packages" else None
        setup = setup_of(
            blueprint.limits,
            options.life,
            workspace=WORKSPACE,
            scratch="/tmp",
            watched=blueprint.watched,
            environment=blueprint.environment,
            python="",
            open_files=blueprint.limits.open_files,
            wiped=[WORKSPACE, HOME, *blueprint.image.volumes, "/tmp", "/dev/shm", "/dev/mqueue"],
            relay=relay.setup if relay else None,
        )
        haste = EngineHaste(self._client, self.name, blueprint.limits.cpus, self._pulse)
        link = Link(self._attached, runner_source(), setup, relay, haste)
        self._linked = True
        link.open(_START_SECONDS)
        return link

    def _start(self) -> None:
        from docker.errors import APIError  # late: heavy

        try:
            self._client.api.start(self.name)
        except APIError as error:
            said = str(error.explanation or error)
            if "python3" in said and "not found" in said:
                image = self._blueprint.options.image
                raise NoPython(f"The image {image} has no python3") from error
            raise

    def _unkept(self, said: list[str], arguments: dict[str, Any]) -> tuple[str, ...]:
        """Limits that the engine does not keep: what it said, and what it does not repeat."""
        kept = self._client.api.inspect_container(self.name)["HostConfig"]
        asked = arguments["host_config"]
        lost = [name for name in _LIMITS if asked.get(name) and kept.get(name) != asked[name]]
        sentences = [f"The engine warns: {' '.join(text.split())[:300]}" for text in said]
        sentences += [f"The engine does not keep the limit {name}" for name in lost]
        return tuple(sentences)

    def close(self) -> None:
        """Kills and removes it with its volumes; a container that is not there is fine."""
        from docker.errors import NotFound  # late: heavy

        if self._attached is not None:
            self._attached.close()
            if not self._linked:
                self._attached.release()
        if not self._made:
            return
        try:
            with engine_errors(f"The container {self.name}"), suppress(NotFound):
                self._client.api.remove_container(self.name, v=True, force=True)
        except EngineSilent:
            if not self._silent:  # Else it has been told.
                raise
        self._made = False

    def obituary(self) -> str:
        if not self._linked:
            return ""
        if not self._pulse.beats():
            self._silent = True
            return "the engine does not answer"
        try:
            state = self._last_state()
        except SandboxError:
            return "its container was found dead"
        if state.get("Running"):
            return self._last_words().removeprefix(": ")
        code = state.get("ExitCode")
        if code != 1 and state.get("OOMKilled"):  # A runner that fails ends with 1.
            return KILLED[0]
        if code == 137:
            return KILLED[1]
        return f"its container was found dead (exit {code}){self._last_words()}"

    def _last_state(self) -> dict[str, Any]:
        """As the engine has it, which learns of an end a moment after us. That memory ran out it
        also says of a container that lives on, for whichever of its programs was killed by that."""
        state: dict[str, Any] = {}
        end = time.monotonic() + _LEARNT_SECONDS
        while not state or (state["Running"] and state["OOMKilled"] and time.monotonic() < end):
            time.sleep(0.02 if state else 0)
            with engine_errors("The container engine"):
                state = self._client.api.inspect_container(self.name)["State"]
        return state

    def _last_words(self) -> str:
        said = self._attached.complaint.decode("utf-8", "replace") if self._attached else ""
        lines = ["".join(c if c.isprintable() else " " for c in line) for line in said.split("\n")]
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f": {last[:300]}" if last else ""


def created(
    client: "DockerClient", arguments: dict[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the engine answers, and what it could not be given, in sentences."""
    config = arguments["host_config"]
    filters = [option for option in config["SecurityOpt"] if option.startswith("seccomp=")]
    others = [option for option in config["SecurityOpt"] if option not in filters]
    lost: list[str] = []

    def create(given: list[str]) -> dict[str, Any]:
        config["SecurityOpt"] = [*others, *given]
        return _created(client, arguments, lost)

    answer, unfiltered = filtered(create, filters[0] if filters else None)
    return answer, (*lost, *unfiltered)


def _created(client: "DockerClient", arguments: dict[str, Any], lost: list[str]) -> dict[str, Any]:
    from docker.errors import APIError  # late: heavy

    answer: dict[str, Any]
    try:
        answer = client.api.create_container(**arguments)
        return answer
    except APIError as error:
        if "nr_inodes" not in str(error.explanation or error):
            raise
    places = arguments["host_config"]["Tmpfs"]  # Podman knows no such option.
    for place, options in places.items():
        places[place] = re.sub(r",nr_inodes=\w+", "", options)
    lost.append("The engine cannot limit how many files /tmp holds")
    answer = client.api.create_container(**arguments)
    return answer


def create_arguments(client: "DockerClient", blueprint: Blueprint, name: str) -> dict[str, Any]:
    """What the engine's create call is given."""
    options, limits = blueprint.options, blueprint.limits
    labels = owner_labels(options.session)
    return {
        "image": blueprint.image.id,
        "name": name,
        "entrypoint": command("python3"),
        "command": [],
        "user": blueprint.user,
        "working_dir": "/",
        "hostname": "sandbox",
        "environment": {"HOME": blueprint.home, "LANG": "C.UTF-8"},
        "labels": labels,
        "stdin_open": True,
        "tty": False,
        "stop_signal": "SIGKILL",
        "use_config_proxy": False,
        "healthcheck": {"test": ["NONE"]},
        "host_config": _host_config(client, blueprint, limits, labels),
    }


def _host_config(
    client: "DockerClient", blueprint: Blueprint, limits: Limits, labels: Mapping[str, str]
) -> dict[str, Any]:
    from docker.types import LogConfig, Ulimit  # late: heavy

    options = blueprint.options
    nofile = limits.open_files + _OWN_FILES
    tmp = f"rw,exec,nosuid,nodev,size={limits.tmp},mode=1777,nr_inodes={limits.tmp_files}"
    config: dict[str, Any] = client.api.create_host_config(
        network_mode=_network(options),
        runtime=options.runtime,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true", *([blueprint.filter] if blueprint.filter else [])],
        read_only=True,
        tmpfs={"/tmp": tmp},
        shm_size=limits.shared,
        ipc_mode="private",
        mem_limit=limits.memory,
        memswap_limit=limits.memory,
        pids_limit=limits.processes,
        cpu_period=PERIOD,
        cpu_quota=quota(limits.cpus),
        oom_score_adj=500,
        ulimits=[
            Ulimit(name="nofile", soft=nofile, hard=nofile),
            Ulimit(name="fsize", soft=limits.disk, hard=limits.disk),
            Ulimit(name="core", soft=0, hard=0),
        ],
        log_config=LogConfig(type="none"),
        mounts=_mounts(blueprint, labels),
        init=False,
    )
    return config


def _network(options: SandboxOptions) -> str:
    return "bridge" if options.network == "full" else "none"


def _mounts(blueprint: Blueprint, labels: Mapping[str, str]) -> list[Any]:
    """Volumes for workspace and home. The engine adds what the image declares; that is watched."""
    from docker.types import Mount  # late: heavy

    mounts = [Mount(HOME, None, labels=dict(labels))]
    mount = blueprint.options.mount
    if mount is None:
        mounts.append(Mount(WORKSPACE, None, labels=dict(labels)))
    else:
        bound = Mount(WORKSPACE, mount.folder, type="bind", propagation="rprivate")
        bound["ReadOnly"] = not mount.write
        mounts.append(bound)
    return mounts
