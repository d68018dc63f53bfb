"""Tries every limit in a container and compares what the kernel in there says of itself."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assistant.events import SandboxError
from assistant.sandbox.building.workbench import bench_name
from assistant.sandbox.engine import engine_errors
from assistant.sandbox.image_checks import check_name_lists
from assistant.sandbox.inside import run_inside
from assistant.sandbox.syscalls import filtered, own_filter

if TYPE_CHECKING:
    from docker import DockerClient

_MIB = 1024 * 1024
_MEMORY = 64 * _MIB
_PROCESSES = 32
_FILES = 256
_FILE_SIZE = 8 * _MIB
_SCRATCH = 16 * _MIB
_HALF = 500_000_000
"""Of a processor, in billionths."""
# Runs as the sandbox's user under all limits, and tells what the kernel says of itself.
_LOOK = r"""
import ctypes, json, os, resource, shutil
def first(*paths):
    for path in paths:
        try:
            return open("/sys/fs/cgroup/" + path).read().split()
        except OSError:
            pass
    return []
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
def writable(path):
    try:
        open(path, "w").close()
    except OSError:
        return False
    return True
ring = ctypes.CDLL(None).syscall(425, 1, ctypes.create_string_buffer(200))
print(json.dumps({
    "memory": first("memory.max", "memory/memory.limit_in_bytes"),
    "swap": first("memory.swap.max"),
    "memory and swap": first("memory/memory.memsw.limit_in_bytes"),
    "pids": first("pids.max", "pids/pids.max"),
    "cpu": first("cpu.max") or first("cpu/cpu.cfs_quota_us", "cpu,cpuacct/cpu.cfs_quota_us"),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
    "file size": resource.getrlimit(resource.RLIMIT_FSIZE)[1],
    "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
    "scratch": shutil.disk_usage("/tmp").total,
    "interfaces": sorted(os.listdir("/sys/class/net")),
    "uid": os.getuid(),
    "capabilities": int(status["CapEff"], 16) | int(status["CapBnd"], 16),
    "no new privileges": status["NoNewPrivs"].strip(),
    "seccomp": status["Seccomp"].strip(),
    "io_uring": ring >= 0,
    "root writable": writable("/x") or writable("/usr/x"),
}))
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """One protection: what was asked of the engine, what is there, and whether that is enough."""

    name: str
    asked: str
    got: str
    holds: bool
    needed: bool = True
    """Nothing runs safely without it."""


def try_limits(client: "DockerClient", image: str) -> tuple[Limit, ...]:
    """Starts a container of ``image`` (which has python3) under every limit, and looks around.

    A limit holds if the engine kept it (inspect) and the kernel knows of it.
    """
    with engine_errors("The limits could not be tried"):
        calls = own_filter(client.info(), shared=False)
        container, _ = filtered(
            lambda given: client.containers.create(image, ["sleep", "60"], **_settings(given)),
            calls,
        )
        try:
            check_name_lists(client, str(container.id))
            container.start()
            container.reload()
            code, output = run_inside(container, ["python3", "-I", "-c", _LOOK], 60, _MIB)
            kept: dict[str, Any] = container.attrs["HostConfig"]
        finally:
            container.remove(force=True, v=True)
    try:
        if not code:
            return tuple(_compare(json.loads(output), kept))
    except (ValueError, TypeError, LookupError, RecursionError):
        pass  # Its python3 says something else.
    said = repr(output[:300])
    raise SandboxError(f"The limits could not be tried: {said}", "assistant sandbox build")


def _settings(filters: list[str]) -> dict[str, Any]:
    from docker.types import LogConfig, Ulimit  # late: heavy

    limits = {"nofile": _FILES, "fsize": _FILE_SIZE, "core": 0}
    return {
        "name": bench_name(),
        "entrypoint": [""],
        "user": "10001:10001",
        "working_dir": "/",
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true", *filters],
        "mem_limit": _MEMORY,
        "memswap_limit": _MEMORY,
        "pids_limit": _PROCESSES,
        "nano_cpus": _HALF,
        "tmpfs": {"/tmp": f"rw,nosuid,nodev,size={_SCRATCH}"},
        "ulimits": [Ulimit(name=n, soft=value, hard=value) for n, value in limits.items()],
        "log_config": LogConfig(type="none"),
        "ipc_mode": "private",
        "use_config_proxy": False,
    }


def _compare(seen: Mapping[str, Any], kept: Mapping[str, Any]) -> Iterator[Limit]:
    """The limits by what the kernel says inside (``seen``) and what the engine kept."""
    holds = seen["memory"] == [str(_MEMORY)] and kept["Memory"] == _MEMORY
    yield Limit("memory", _size(_MEMORY), _size(seen["memory"]), holds)
    # Version 1 counts memory and swap together, version 2 swap alone.
    none = seen["swap"] == ["0"] or seen["memory and swap"] == [str(_MEMORY)]
    got = "none" if none else _size(seen["swap"] or seen["memory and swap"])
    yield Limit("swap", "none", got, none and kept["MemorySwap"] == _MEMORY)
    pids = " ".join(seen["pids"])
    holds = pids == str(_PROCESSES) and kept["PidsLimit"] == _PROCESSES
    yield Limit("processes", str(_PROCESSES), pids or "?", holds)
    cpu = " ".join(seen["cpu"]).removesuffix(" 100000")
    holds = cpu == "50000" and kept["NanoCpus"] == _HALF
    yield Limit("processors", "50 ms in 100", f"{cpu or '?'} us in 100000", holds)
    yield _same("open files", _FILES, seen["files"])
    yield _same("size of a file", _FILE_SIZE, seen["file size"])
    yield _same("core dumps", 0, seen["core"])
    yield _same("scratch space", _SCRATCH, seen["scratch"])
    yield _same("network", "lo", " ".join(seen["interfaces"]))
    yield _same("user", 10001, seen["uid"])
    yield _same("capabilities", "0x0", hex(seen["capabilities"]))
    yield _same("no new privileges", "1", seen["no new privileges"])
    yield _same("system call filter", "2", seen["seccomp"])
    # The runner of an image with Python adds this by itself.
    told = "there" if seen["io_uring"] else "none"
    yield Limit("io_uring", "none", told, told == "none", needed=False)
    yield _same("writable system", "no", "yes" if seen["root writable"] else "no")


def _same(name: str, asked: object, got: object) -> Limit:
    return Limit(name, str(asked), str(got), asked == got)


def _size(value: int | list[str]) -> str:
    text = str(value) if isinstance(value, int) else "".join(value[:1])
    return f"{int(text) // _MIB} MiB" if text.isdigit() else text or "?"
