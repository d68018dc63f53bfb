"""Engines of other releases, each with a Debian of its own as its root, in namespaces of its own.

A second engine on the machine's own network would take the first one's bridge for its own.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from assistant.events import SandboxError
from assistant.sandbox.engine import Engine, connect, find_engine
from tests.conftest import REAL_ENVIRONMENT

# The root of all mounts, not a changed root: else what an engine starts in a container later would
# find the machine's own root. Its folder for files in passing is the machine's: tests mount it.
_ENTER = """
set -e
root=$1; passing=$2; shift 2
renice -n 0 -p $$ >/dev/null  # Containers would inherit it, and tests look at it.
ip link set lo up || true
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
groups=$root/sys/fs/cgroup  # Where some controllers are of version 1, crun wants none of the other.
for name in $(cat "$groups/unified/cgroup.controllers" 2>/dev/null); do
    mkdir -p "$groups/$name" && mount -t cgroup -o "$name" cgroup "$groups/$name" || true
done
mount -t tmpfs tmpfs "$root/run"
mkdir -p "$root$passing" "$root/before"
mount --rbind "$passing" "$root$passing"
cd "$root"
pivot_root . before
umount -l /before
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec "$@"
"""
_PODMAN = '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'


@dataclass(frozen=True)
class Other:
    """A Debian release, what is installed into it, and what starts the engine at ``{url}``."""

    suite: str
    packages: str
    program: str

    @property
    def name(self) -> str:
        return f"{self.program.split()[0]}-{self.suite}"


_DOCKERD = "dockerd --data-root=/var/lib/docker --exec-root=/run/docker -H {url}"
ENGINES = (
    Other(
        "trixie",
        "docker.io,docker-cli,iptables,ca-certificates,iproute2,procps,openssh-server",
        _DOCKERD,
    ),
    Other("sid", "docker.io,iptables,ca-certificates,iproute2,procps", _DOCKERD),
    Other(
        "trixie",
        "podman,crun,netavark,nftables,conmon,ca-certificates,iproute2,procps",
        "podman system service --time=0 {url}",
    ),
)


@contextmanager
def root_of(other: Other) -> Iterator[Path]:
    """A folder with the release. ASSISTANT_TEST_ROOTS names one in which roots stay, as each costs
    a few minutes and a gigabyte."""
    kept = REAL_ENVIRONMENT.get("ASSISTANT_TEST_ROOTS")
    base = Path(kept or tempfile.mkdtemp(prefix="roots-", dir="/var/tmp"))
    root = base / other.name
    try:
        if not (root / "usr").is_dir():
            base.mkdir(parents=True, exist_ok=True)
            made = base / f"{other.name}.new"
            argv = ["debootstrap", "--variant=minbase", f"--include={other.packages}"]
            subprocess.run([*argv, other.suite, made], check=True, capture_output=True)
            made.rename(root)
        yield root
    finally:
        if not kept:
            subprocess.run(["rm", "-rf", "--one-file-system", base], check=True)


@contextmanager
def running(other: Other, folder: Path, first: Engine, tags: list[str]) -> Iterator[Engine]:
    """The engine with images of the first one, until the end."""
    missing = [name for name in ("debootstrap", "unshare") if not shutil.which(name)]
    if missing or os.geteuid() != 0:
        pytest.skip("needs root, unshare and debootstrap (apt-get install debootstrap)")
    url = f"unix://{folder}/sock"
    with root_of(other) as root:
        settings = root / "etc/containers/containers.conf"
        if settings.parent.is_dir():
            settings.write_text(_PODMAN)
        command = other.program.format(url=url).split()
        argv = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", _ENTER]
        argv += ["sh", str(root), tempfile.gettempdir(), *command]
        with (
            open(folder / "log", "wb") as log,
            subprocess.Popen(argv, stdout=log, stderr=log) as it,
        ):
            try:
                engine = _answering(url, folder / "log")
                _carry(first, engine, tags)
                yield engine
            finally:
                it.terminate()


def _answering(url: str, log: Path) -> Engine:
    until = time.monotonic() + 120
    while True:
        try:
            return find_engine({"DOCKER_HOST": url})
        except SandboxError:
            if time.monotonic() > until:
                raise AssertionError(log.read_text("utf-8", "replace")) from None
            time.sleep(0.2)


def _carry(first: Engine, second: Engine, tags: list[str]) -> None:
    with connect(first.endpoint, 600) as one, connect(second.endpoint, 600) as other:
        for tag in tags:
            other.images.load(b"".join(one.images.get(tag).save(named=True)))
