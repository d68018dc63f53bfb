"""A root file system made of the distribution's own packages, for where no image can be pulled."""

import hashlib
import shlex
import shutil
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.events import SandboxError
from assistant.sandbox.host import (
    Host,
    apt_family,
    apt_install,
    ask_tool,
    is_root,
    private_folder,
    run_tool,
)

PACKAGES = ("bash", "ca-certificates", "git", "procps", "python3", "python3-pip", "python3-venv")
"""On top of the distribution's minimum, which has coreutils, tar and a shell."""

# Runs in a mount namespace of its own, so that nothing that was mounted for a package's sake is
# left behind, or found there by the deletion. Device files come from the engine later.
_MAKE = r"""
set -eu
debootstrap --variant=minbase --include="$INCLUDE" --components="$COMPONENTS" \
    "$SUITE" "$ROOT" "$MIRROR"
cd "$ROOT"
printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d # no service is started in a container
chmod 755 usr/sbin/policy-rc.d
printf 'path-exclude /usr/share/%s/*\n' doc man info locale >etc/dpkg/dpkg.cfg.d/01_small
rm -rf usr/share/doc usr/share/man usr/share/info usr/share/locale \
    var/lib/apt/lists/* var/cache/apt/* var/cache/debconf/*-old var/log/* tmp/* run/*
rm -f etc/resolv.conf etc/hostname
find . -xdev -type f -perm /6000 -exec chmod a-s {} +
tar --create --file="$TARBALL" --use-compress-program='gzip -1' --numeric-owner \
    --sort=name --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' .
"""


@dataclass(frozen=True, slots=True)
class AptSource:
    """One archive that this machine's apt is set up to use."""

    url: str
    suite: str
    components: tuple[str, ...]


def debian_rootfs(host: Host) -> Generator[str, None, Path]:
    """The path of a gzipped tar archive of a small system; made at most once per release.

    Yields what it does. Raises SandboxError where this machine cannot make one.
    """
    suite = apt_family()
    if suite and kept_tarball(host, suite).exists():
        yield f"Using the {suite} system made earlier ({kept_tarball(host, suite)})"
        return kept_tarball(host, suite)
    if suite is None or not is_root():
        raise SandboxError(
            "No image can be pulled, and only root on Debian or Ubuntu can make one from packages",
            "Make a registry reachable, or load an image that has python3 and name it: "
            "assistant sandbox build --from IMAGE",
        )
    if not host.which("debootstrap"):
        if not host.ask("Install debootstrap, to make the sandbox image from packages?"):
            raise SandboxError("debootstrap is not installed", "apt-get install debootstrap")
        yield "Installing debootstrap from the distribution's packages"
        apt_install(host, ["debootstrap"])
    yield f"Making a small {suite} system from the distribution's packages (about a minute)"
    _make(host, suite, kept_tarball(host, suite))
    return kept_tarball(host, suite)


def kept_tarball(host: Host, suite: str) -> Path:
    """Where the archive of a release is kept, by all that decides what is in it."""
    key = hashlib.sha256("\n".join((suite, *PACKAGES, _MAKE)).encode()).hexdigest()[:16]
    return private_folder(host.cache / "images") / f"{suite}-{key}.tar.gz"


def _make(host: Host, suite: str, tarball: Path) -> None:
    source = archive(host, suite)
    for left in tarball.parent.glob("making-*"):  # of a run that was killed; builds take turns
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(dir=tarball.parent, prefix="making-") as folder:
        made = Path(folder) / "rootfs.tar.gz"
        run_tool(
            host,
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", _MAKE],
            host.log("debootstrap"),
            seconds=1200,
            more={
                "INCLUDE": ",".join(PACKAGES),
                "COMPONENTS": ",".join(source.components),
                "SUITE": suite,
                "ROOT": str(Path(folder) / "root"),
                "MIRROR": source.url,
                "TARBALL": str(made),
                **_proxy(host),
            },
        )
        made.replace(tarball)


def archive(host: Host, suite: str) -> AptSource:
    """The archive of a release, taken from this machine's own apt configuration."""
    wanted = "$(REPO_URI) $(CODENAME) $(COMPONENT)"
    lines = ask_tool(host, ["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"])
    return pick_archive(lines, suite)


def pick_archive(lines: Sequence[str], suite: str) -> AptSource:
    """The archive among apt's index targets that holds the release itself."""
    rows = [line.split() for line in lines]
    urls = [
        row[0]
        for row in rows
        if len(row) == 3
        and row[1:] == [suite, "main"]
        and row[0].startswith(("http://", "https://", "file:"))
    ]
    if not urls:
        raise SandboxError(
            f"apt on this machine names no archive of {suite}",
            "Run apt-get update, and see its sources",
        )
    # Ubuntu keeps pip in "universe"; what else is switched on here is not needed.
    offered = {row[2] for row in rows if row[:2] == [urls[0], suite]}
    return AptSource(urls[0], suite, tuple(c for c in ("main", "universe") if c in offered))


def _proxy(host: Host) -> dict[str, str]:
    """The proxy that apt is set up with, for debootstrap, which does not read apt's settings."""
    lines = ask_tool(host, ["apt-config", "shell", "proxy", "Acquire::http::Proxy"])
    for line in lines:
        name, _, value = line.partition("=")
        if name == "proxy":
            return {"http_proxy": "".join(shlex.split(value))}
    return {}
