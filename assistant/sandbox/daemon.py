"""Installs and starts an engine where none runs, and ends the one that it started, no other."""

import json
import os
import signal
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from assistant.events import SandboxError
from assistant.sandbox.endpoints import DEFAULT_SOCKET, Endpoint, NoEngine
from assistant.sandbox.engine import Engine, connect, find_engine
from assistant.sandbox.host import (
    Host,
    apt_install,
    boot_id,
    is_locked,
    locked,
    private_folder,
    run_tool,
    tail,
)

SYSTEMD = Path("/run/systemd/system")
# What a kernel or a file system may lack, by the words of the daemon's log, and the way around it.
_WAYS_AROUND = (
    (
        ("graphdriver", "storage driver", "driver not supported"),
        ("--storage-driver=vfs",),
        "This file system cannot stack layers: the engine keeps whole copies (vfs: slow, large)",
    ),
    (
        ("iptables", "network controller", "bridge", "nat table"),
        ("--bridge=none", "--iptables=false"),
        "This kernel cannot filter packets: no container can be given a network",
    ),
)


@dataclass(frozen=True, slots=True)
class DaemonOptions:
    """How to start the daemon; the defaults are a machine's one engine."""

    socket: Path = DEFAULT_SOCKET
    pidfile: Path = Path("/var/run/docker.pid")
    state: Path = Path("/var/run/docker")
    arguments: tuple[str, ...] = ()
    seconds: float = 60


@dataclass(frozen=True, slots=True)
class StartedEngine:
    """The note that a start leaves: enough to know the same process again, never another."""

    pid: int
    ticks: int
    """When the process started, in clock ticks since boot (field 22 of /proc/PID/stat)."""
    boot: str
    unit: bool
    """Started by systemd, so to be stopped by it."""


def ensure_engine(
    host: Host, options: DaemonOptions = DaemonOptions()
) -> Generator[str, None, Engine]:
    """The engine that answers, else one installed and started here; yields what it does.

    Raises NoEngine with what to do where that is not possible or the user says no.
    """
    try:
        return find_engine(host.environment)
    except NoEngine as error:
        if not error.installable:
            raise
    lock = host.state / "engine.lock"
    if is_locked(lock):
        yield "Another setup is at work: waiting for it"
    with locked(lock):
        try:
            return find_engine(host.environment)  # the other setup may have started it
        except NoEngine as error:
            if not error.installable:
                raise
        yield from install(host)
        yield from start_engine(host, options)
    engine = find_engine(host.environment)
    yield f"The engine answers: {engine}"
    return engine


def install(host: Host) -> Iterator[str]:
    """Installs what an engine needs and lacks, if the user agrees; yields what it does."""
    missing = [
        package
        for package, program in (("docker.io", "dockerd"), ("iptables", "iptables"))
        if not host.which(program)
    ]
    mounted = SYSTEMD.is_dir() or Path("/sys/fs/cgroup").is_mount()
    if not mounted and not host.which("cgroupfs-mount"):
        missing.append("cgroupfs-mount")
    names = " and ".join(missing)
    question = f"Install {names} and start" if missing else "Start"
    if not host.ask(f"No container engine answers. {question} one?"):
        raise NoEngine(
            "No container engine answers, and none was started",
            "Start one, or let assistant sandbox build do it",
        )
    if missing:
        yield f"Installing {names} from the distribution's packages"
        apt_install(host, missing)


def start_engine(host: Host, options: DaemonOptions) -> Iterator[str]:
    """Starts the engine and waits until it answers; yields what it does and falls back to."""
    if SYSTEMD.is_dir() and options == DaemonOptions():
        yield "Starting the container engine (systemctl start docker)"
        run_tool(host, ["systemctl", "start", "docker"], host.log("systemctl"), seconds=120)
        with suppress(OSError, ValueError):  # without a note it is simply not ours to stop
            _note(host, int(options.pidfile.read_text("ascii")), unit=True)
        return
    if not Path("/sys/fs/cgroup").is_mount() and host.which("cgroupfs-mount"):
        run_tool(host, ["cgroupfs-mount"], host.log("cgroups"), seconds=30)
    _clear_stale(options)
    log = host.log("dockerd")
    yield f"Starting the container engine (dockerd, log in {log})"
    extra: tuple[str, ...] = ()
    while True:
        start = log.stat().st_size if log.exists() else 0
        pid = _spawn(host, log, (*options.arguments, *extra))
        _note(host, pid, unit=False)
        if _answers(pid, options):
            return
        words = "\n".join(tail(log, 60, start)).lower()
        around = [
            (arguments, notice)
            for signs, arguments, notice in _WAYS_AROUND
            if any(sign in words for sign in signs) and arguments[0] not in extra
        ]
        if not around:
            (host.state / "engine.json").unlink(missing_ok=True)
            raise NoEngine(
                "dockerd did not come up: " + "".join(tail(log, 1, start)),
                f"Its whole log is {log}",
            )
        extra += around[0][0]
        yield around[0][1]


def _spawn(host: Host, log: Path, arguments: tuple[str, ...]) -> int:
    """Starts dockerd in a session of its own, so that neither Ctrl-C nor our end reaches it."""
    program = host.which("dockerd")
    if program is None:
        raise NoEngine("dockerd is not installed", "apt-get install docker.io iptables")
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        return os.posix_spawn(
            "/bin/sh",
            # From the root folder, so that the daemon keeps no folder of the user's busy.
            ["sh", "-c", 'cd / && exec "$0" "$@"', program, *arguments],
            host.tool_environment(),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(output)


def _answers(pid: int, options: DaemonOptions) -> bool:
    """Waits until the engine answers (True), or has ended or is given up and ended (False)."""
    there = Endpoint(f"unix://{options.socket}", "started here")
    deadline = time.monotonic() + options.seconds
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        with suppress(SandboxError), connect(there, 2):
            return True
        time.sleep(0.1)
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 5  # in which it ends the helpers that it started
    while not os.waitpid(pid, os.WNOHANG)[0]:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    return False


def _clear_stale(options: DaemonOptions) -> None:
    """A pid file that a killed daemon (or its helper) left keeps the next one from starting."""
    helper = options.state / "containerd/containerd.pid"
    for path, program in ((options.pidfile, "dockerd"), (helper, "containerd")):
        try:
            pid = int(path.read_text("ascii"))
            name = Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
        except (OSError, ValueError):
            pid, name = 0, ""
        # The remains of a process that nobody waited for still count for dockerd itself.
        if name != program or _ticks(pid) is None:
            path.unlink(missing_ok=True)


def _ticks(pid: int) -> int | None:
    """When the process started, None where there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else int(fields[19])


def _note(host: Host, pid: int, *, unit: bool) -> None:
    """Leaves the note of a started engine, whole or not at all."""
    note = StartedEngine(pid, _ticks(pid) or 0, boot_id(), unit)
    folder = private_folder(host.state)
    new = folder / "engine.json.new"
    new.write_text(json.dumps(asdict(note)), "utf-8")
    new.replace(folder / "engine.json")


def _noted(host: Host) -> StartedEngine | None:
    """The engine that a setup started, if it still runs; a stale note is dropped."""
    path = host.state / "engine.json"
    try:
        note = StartedEngine(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        note = None
    if note and note.boot == boot_id() and _ticks(note.pid) == note.ticks:
        return note
    path.unlink(missing_ok=True)
    return None


def stop_engine(host: Host, seconds: float = 30) -> Iterator[str]:
    """Ends the engine that a setup here started; says so where there is none, and leaves others."""
    with locked(host.state / "engine.lock"):
        note = _noted(host)
        if note is None:
            yield "No engine runs that was started here"
            return
        if note.unit:
            stop = ["systemctl", "stop", "docker.socket", "docker"]
            run_tool(host, stop, host.log("systemctl"), seconds=120)
        else:
            os.kill(note.pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while _ticks(note.pid) == note.ticks:
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"The engine (process {note.pid}) did not end within {seconds:.0f} s",
                    f"kill -9 {note.pid} ends it by force; its containers stay",
                )
            time.sleep(0.1)
        (host.state / "engine.json").unlink(missing_ok=True)
        yield "The engine that was started here has ended"
