"""What code in a sandbox may use at most, and how a sandbox is to be made."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from assistant.sandbox.protocol import Caps
from assistant.sandbox.relay import Indexes

MIB = 1 << 20
GIB = 1 << 30

Life = Literal["session", "fresh", "pooled"]
Network = Literal["none", "packages", "full"]

CACHES = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", ".tox", ".nox", "node_modules", ".gradle"}
    | {"__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"}
)
"""Folders that are heavy and made anew at will: what changes in them is not told to the host."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits of one container. Sizes are bytes, times seconds."""

    memory: int = 4 * GIB
    """Memory, swap included; /tmp and /dev/shm count."""
    processes: int = 1024
    cpus: float = 1.0
    tmp: int = 512 * MIB
    tmp_files: int = 100_000
    shared: int = 64 * MIB
    disk: int = 4 * GIB
    """Workspace and home together; watched, since volumes have no quota."""
    files: int = 200_000
    open_files: int = 4096
    """Descriptors of one process, at least 256: the runner keeps some at 100 and up."""
    keep: int = 32 * 1024
    """Bytes of output kept from its start, and as many from its end."""
    flood: int = 8 * MIB
    """Bytes of output past which a block is killed."""
    grace: float = 1.0
    """Between the interrupt and the kill of a session's block."""


SAMPLE = Limits(
    memory=2 * GIB, processes=256, cpus=1.0, tmp=256 * MIB, tmp_files=20_000, disk=GIB, files=20_000
)
"""For evaluation samples and other untrusted code that is run once."""


def roomy(memory: int, cpus: int) -> Limits:
    """Limits for sessions and checks on an engine with this much memory and as many processors."""
    allowed = max(256 * MIB, min(4 * GIB, memory // 2)) if memory else 2 * GIB
    return Limits(memory=allowed, cpus=float(max(1, cpus - 1)), tmp=min(512 * MIB, allowed // 4))


def adjusted(limits: Limits, wished: Mapping[str, Any]) -> Limits:
    """``limits`` with what a user wished for in their place, by the names of their fields."""
    made = replace(limits, **wished)
    # /tmp lies in memory: less of that leaves less of it, unless its size was asked for.
    return made if "tmp" in wished else replace(made, tmp=min(made.tmp, made.memory // 4))


@dataclass(frozen=True, slots=True)
class Mounted:
    """A host folder in the place of the workspace's copy."""

    folder: str
    write: bool = False


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How a container is made. What the defaults refuse is only ever allowed by the user."""

    image: str
    life: Life = "session"
    limits: Limits | None = None
    """None: as much as sessions and checks get on this engine."""
    wished: Mapping[str, Any] = field(default_factory=dict)
    """Of the limits those that the user chose, by their fields' names; they go before."""
    network: Network = "none"
    indexes: Indexes = field(default_factory=Indexes)
    """What ``packages`` reaches."""
    runtime: str | None = None
    """Of the engine's runtimes, for a stronger boundary: ``runsc``."""
    mount: Mounted | None = None
    values: bool = True
    """Show the value of a session block's last expression, as a notebook does, and save what a
    block has drawn with matplotlib and left open, but in a pool, where nothing stays."""
    skip: frozenset[str] = CACHES
    caps: Caps = field(default_factory=Caps)
    session: str = ""
    """Names the containers of one session; letters, digits, ``-``."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """More variables for the code inside. Nothing secret belongs here."""
    spares: int = 0
    """Containers that are started ahead of need, where a life uses up several; each holds about
    20 MiB while it waits."""


def short_environment(home: str, path: str) -> dict[str, str]:
    """The variables that code inside sees, whatever the host's or the image's are."""
    return {
        "HOME": home,
        "PATH": path,
        "USER": "sandbox",
        "LOGNAME": "sandbox",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "PAGER": "cat",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
    }


def setup_of(limits: Limits, life: Life, **places: Any) -> dict[str, Any]:
    """What a runner is told first: limits, life, and the places that ``places`` names."""
    return {
        "life": life,
        "kept": ["python", "shell"] if life == "session" else [],
        "grace": limits.grace if life == "session" else 0.0,
        "keep": limits.keep,
        "flood": limits.flood,
        "disk": limits.disk,
        "files": limits.files,
        **places,
    }
