"""What the engine on this machine really gives: versions, limits that hold, and what is missing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.events import SandboxError
from assistant.sandbox.endpoints import NoEngine
from assistant.sandbox.engine import Engine, connect, engine_errors, find_engine
from assistant.sandbox.host import Host
from assistant.sandbox.image import DEFAULT_IMAGE, BuiltImage, find_image
from assistant.sandbox.limits import Limit, try_limits

if TYPE_CHECKING:
    from docker import DockerClient


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that is not there, and what to do. ``needed``: nothing runs safely without it."""

    what: str
    remedy: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """What ``assistant sandbox check`` tells. Empty fields: there was nobody to ask."""

    engine: str = ""
    version: str = ""
    place: str = ""
    storage: str = ""
    cgroups: str = ""
    """Version and driver."""
    security: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    image: BuiltImage | None = None
    lacks: tuple[Lack, ...] = ()

    @property
    def ok(self) -> bool:
        return not any(lack.needed for lack in self.lacks)

    def lines(self) -> Iterator[str]:
        """The report for a person, one fact a line."""
        if self.engine:
            yield f"engine    {self.engine} {self.version} at {self.place}"
            yield f"storage   {self.storage}"
            yield f"cgroups   {self.cgroups}"
            yield f"security  {', '.join(self.security) or 'none told'}"
            yield f"runtimes  {', '.join(self.runtimes)}"
        if self.image:
            yield f"image     {self.image.tag} {self.image.id}"
            yield f"packages  {' '.join(self.image.packages)}"
        for limit in self.limits:
            verdict = "holds" if limit.holds else "DOES NOT HOLD"
            yield f"limit     {limit.name}: {verdict} (asked {limit.asked}, got {limit.got})"
        for lack in self.lacks:
            yield f"{'missing' if lack.needed else 'better'}   {lack.what}: {lack.remedy}"


def check(host: Host, tag: str = DEFAULT_IMAGE) -> Report:
    """Asks the engine, and tries the limits in a container; what is missing is told, not raised."""
    try:
        engine = find_engine(host.environment)
    except NoEngine as error:
        return Report(lacks=(Lack(error.message, error.remedy),))
    try:
        with connect(engine.endpoint) as client:
            return _report(client, engine, tag)
    except SandboxError as error:
        lack = Lack(error.message, error.remedy)
        return Report(engine.name, engine.version, engine.endpoint.url, lacks=(lack,))


def _report(client: "DockerClient", engine: Engine, tag: str) -> Report:
    with engine_errors("The container engine"):
        info: dict[str, Any] = client.info()
    image = find_image(client, tag)
    limits: tuple[Limit, ...] = ()
    untried = []
    if image:
        try:
            limits = try_limits(client, image.id)
        except SandboxError as error:
            untried.append(Lack(error.message, "see the log of the engine"))
    runtimes = tuple(sorted(name for name in info.get("Runtimes") or {} if "." not in name))
    security = tuple(
        option.removeprefix("name=").split(",")[0] for option in info.get("SecurityOptions") or ()
    )
    return Report(
        engine=engine.name,
        version=engine.version,
        place=f"{engine.endpoint.url} ({engine.endpoint.source})",
        storage=str(info.get("Driver", "?")),
        cgroups=f"version {info.get('CgroupVersion', '1')}, {info.get('CgroupDriver', '?')}",
        security=security,
        runtimes=runtimes,
        limits=limits,
        image=image,
        lacks=(*untried, *_lacks(engine, info, image, limits)),
    )


def _lacks(
    engine: Engine, info: Mapping[str, Any], image: BuiltImage | None, limits: tuple[Limit, ...]
) -> Iterator[Lack]:
    if image is None:
        yield Lack("the sandbox image", "assistant sandbox build")
    for limit in limits:
        if not limit.holds and not limit.needed:
            yield Lack(f"{limit.name} refused", "a newer engine", needed=False)
        elif not limit.holds:
            yield Lack(
                f"the limit on {limit.name}",
                "switch the kernel's controller on (its boot options), or use another engine",
            )
    for warning in info.get("Warnings") or ():
        yield Lack(warning.removeprefix("WARNING: "), "the engine's manual tells", needed=False)
    if info.get("Driver") == "vfs":
        yield Lack(
            "stacked storage (vfs copies whole images)",
            "give the engine a folder on ext4 or xfs",
            needed=False,
        )
    # Podman lists every runtime that it has heard of.
    if engine.name == "Podman" or "runsc" not in (info.get("Runtimes") or {}):
        yield Lack(
            "a second kernel around the code (gVisor)", "install runsc as a runtime", needed=False
        )
