"""The program inside a sandbox: runs blocks, ends them in time, carries files; told by frames.

It is sent as text into the sandbox and never imported; Python 3.8 or newer, standard library only.
In a container it is process 1: nothing inside can kill it, and it is not dumpable, so that code of
the same user can neither read its memory nor open its descriptors. Frames come in on descriptor 0
and go out on descriptor 1; programs have pipes of their own, so no output can pass for a frame.

Three kinds of process:
- the runner: frames, deadlines, output, files. It holds what the host said: it never forks a job.
- the forker: forked (later started anew) before any job is known, so a job inherits no secret. It
  has whatever all jobs have in common, so that a job does next to nothing before its code runs:
  each page of memory that a new process touches costs more than a line of Python. It may also hold
  a program that the host has it prepare; every job of that kind is then one fork away.
- a job: forked from the forker; reads its order from a socket of its own, then runs foreign code.
"""

from __future__ import annotations

import array
import ast
import atexit
import builtins
import contextlib
import ctypes
import errno
import fcntl
import gc
import io
import itertools
import json
import linecache
import os
import re
import resource
import select
import selectors
import shutil
import signal
import site
import socket
import stat
import struct
import sys
import tempfile
import threading
import time
import traceback
import types
from typing import (
    Any,
    Callable,
    ContextManager,
    Dict,
    Iterable,
    Iterator,
    List,
    NoReturn,
    Optional,
    Set,
    Tuple,
)

HERE = "<runner>"
PIECE = 1 << 18
FRAME = struct.Struct(">II")  # Length of the JSON head, length of the bytes that follow it.
TICK = 0.1
CROWD = 20  # Processes, or threads, beside which looking at each of them takes long.
MANY = 50  # Processes of a crowd that are asked one by one, how they end or what they do.
AGAIN = (
    "import os,sys;s=open(int(sys.argv[2]),'rb').read();"
    "exec(compile(s,'<runner>','exec'),{'__name__':'__forker__','SOURCE':s})"
)
PREPARED: Dict[str, Any] = {}
"""In the forker and its jobs: the names of the host's prepared program."""
SETTLED: Dict[str, Any] = {}
"""In the forker and its jobs: what is the same for all jobs."""
SIGNAL: Callable[[int, Any], Any] = getattr(signal.signal, "__wrapped__", signal.signal)
CHILD, INTERRUPT, DEFAULT = int(signal.SIGCHLD), int(signal.SIGINT), int(signal.SIG_DFL)
"""Setting a handler in a new job, without the detour over enumerations."""
Socket = socket.SocketType
"""A socket without the class around it that is written in Python."""
SCAN: Any = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # Unknown to typeshed.
SILENT = ("once", "prepared")
"""Jobs that are given one order and have nothing to say but how they end."""
INLINE = 1 << 13
"""Bytes of code that travel with the order itself."""
Table = Dict[int, Tuple[int, int, str]]
Status = Tuple[str, int, int, int, int, int]


# ---------------------------------------------------------------------------- small system calls


LIBC = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        LIBC.prctl(option, value, 0, 0, 0)


def dumpable(yes: bool) -> None:
    """Whether others of this user may look into this process."""
    prctl(4, int(yes))  # PR_SET_DUMPABLE


def cast(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def lifted(fd: int) -> int:
    """The same descriptor out of the way of code that closes or reuses low ones."""
    high = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100)
    os.close(fd)
    return high


def null_input() -> None:
    """Descriptor 0 reads nothing, and programs inherit it."""
    fd = os.open(os.devnull, os.O_RDWR)
    os.dup2(fd, 0)
    os.set_inheritable(0, True)  # Where it was 0 already.
    if fd:
        os.close(fd)


def disk_priority(pid: int) -> int:
    """The rank of a process (0: this one) among those that wait for a disk."""
    number = IOPRIO_GET.get(os.uname().machine)
    return 0 if number is None else int(LIBC.syscall(number, 1, pid))


IOPRIO_GET = {"x86_64": 252, "aarch64": 31} if sys.platform == "linux" else {}
USUAL_DISK_PRIORITY = disk_priority(0)


def ordinary_signals() -> None:
    """Python ignores some signals that other programs expect to end them."""
    for name in ("SIGPIPE", "SIGXFSZ", "SIGINT"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)


def wake_at_ends() -> Tuple[int, int]:
    """A pipe whose first end can be read when a child may have ended."""
    wake, woken = os.pipe()
    for fd in (wake, woken):
        os.set_blocking(fd, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    return wake, woken


def ended_children() -> Iterator[Tuple[int, int]]:
    """The children that have ended and were not waited for yet, each with its wait status."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            yield pid, status


def patient_fork() -> int:
    """A fork that waits a quarter of a minute, as shells do, for others to make room for it."""
    for _ in range(150):
        try:
            return os.fork()
        except BlockingIOError:
            time.sleep(0.1)
    return os.fork()


def exit_code(status: int) -> int:
    """What a shell would say of a wait status."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def detached_file(data: bytes) -> int:
    """A descriptor of a file without a name that holds ``data``, at its start."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("block")
    else:
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def whole(fd: int) -> bytes:
    """All that is in a file, from its start; closes it."""
    with os.fdopen(fd, "rb") as file:
        file.seek(0)
        return file.read()


def slurp(path: str, size: int = 4096) -> bytes:
    """The start of a small system file, empty when it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, size)
    except OSError:
        return b""
    finally:
        os.close(fd)


def process(pid: int) -> Optional[Tuple[int, int, str]]:
    """A process's parent, start time in ticks, and state letter; None when there is none.

    A process whose first thread has ended looks dead ("Z") while its other threads run on; here it
    is as alive as they are ("S").
    """
    text = slurp(f"/proc/{pid}/stat")
    fields = text[text.rfind(b")") + 2 :].split()
    if len(fields) <= 19:
        return None
    headless = fields[0] == b"Z" and int(fields[17]) > 1
    return int(fields[1]), int(fields[19]), "S" if headless else fields[0].decode()


def has_worked(pid: int) -> bool:
    """Whether a process has had a tick of processor time, a hundredth of a second."""
    text = slurp(f"/proc/{pid}/stat")
    return text[text.rfind(b")") + 2 :].split()[11:13] != [b"0", b"0"]


def numbers() -> List[int]:
    """The pids of all that runs here, or has ended and is not reaped."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def processes() -> Table:
    """What runs here, as ``process`` tells it, by pid."""
    rows = ((pid, process(pid)) for pid in numbers())
    return {pid: row for pid, row in rows if row is not None}


def command_line(pid: int) -> str:
    """What a process runs. One that was just forked from ours has a moment to become something."""
    for _ in range(6):
        words = slurp(f"/proc/{pid}/cmdline", 1 << 14).replace(b"\0", b" ").strip()
        if words and b"__assistant_" not in words and b"<runner>" not in words:
            return words[:200].decode("utf-8", "replace")
        time.sleep(0.003)
    if not words:  # One may say nothing, and none does while it becomes something.
        return slurp(f"/proc/{pid}/comm").strip().decode("utf-8", "replace")
    return "a subshell" if b"__assistant_" in words else "a fork of Python"


def shared_files(pids: Set[int]) -> Set[int]:
    """The inodes of files that processes have in their memory together with others: what they write
    there changes the file, but none of its times beyond the first."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/maps", "rb") as file:
            for line in file:
                at = line.find(b" ") + 4
                if line[at : at + 1] == b"s":
                    found.add(int(line.split(None, 5)[4]))
    return found


class Gauge:
    """A small system file that is read again and again, empty when it cannot be."""

    def __init__(self, path: str) -> None:
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self.fd = -1

    def read(self) -> bytes:
        try:
            return os.pread(self.fd, 4096, 0) if self.fd >= 0 else b""
        except OSError:
            return b""


class Tally:
    """How often the kernel has done something to this container: ``name`` in the first of the
    files of its control group, of either version, that has it."""

    def __init__(self, name: bytes, *places: str) -> None:
        self.name = name + b" "
        self.gauge = Gauge(next((place for place in places if self.name in slurp(place)), ""))

    def count(self) -> int:
        for line in self.gauge.read().splitlines():
            if line.startswith(self.name):
                return int(line.split()[1])
        return 0


GROUP = "/sys/fs/cgroup/"
KILLED_FOR_MEMORY = (b"oom_kill", GROUP + "memory.events", GROUP + "memory/memory.oom_control")
REFUSED_FOR_NUMBER = (b"max", GROUP + "pids.events", GROUP + "pids/pids.events")
"""Processes killed for memory, and processes not started for their number."""
NUMBER_RUNNING = (GROUP + "pids.current", GROUP + "pids/pids.current")


def most_places_taken() -> bool:
    """Whether more than three quarters of the processes that may run do."""
    for path in NUMBER_RUNNING:
        most = slurp(path.replace("current", "max")).strip()
        if most.isdigit():
            return 4 * int(slurp(path) or 0) > 3 * int(most)
    return False


def make_room() -> None:
    """A child that ended keeps its place among the processes until it is waited for, which a later
    block may do; where most places are taken, none is kept, nor by one that was just killed."""
    until = time.monotonic() + 0.3
    with contextlib.suppress(AttributeError, OSError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)  # Fails without children.
        while most_places_taken() and time.monotonic() < until:
            if not os.waitpid(-1, os.WNOHANG)[0]:
                time.sleep(0.01)


def full(folder: str) -> bool:
    """Whether a folder's file system has room for nothing more."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_blocks > 0 and (found.f_bavail == 0 or found.f_ffree == 0 < found.f_files)


class Lasting:
    """What the kernel keeps of processes that are gone."""

    def __init__(self) -> None:
        self.kinds = [Gauge("/proc/sysvipc/" + kind) for kind in ("msg", "sem", "shm")]
        self.sockets = [Gauge("/proc/net/" + name) for name in ("sockstat", "sockstat6")]

    def objects(self) -> bool:
        """Whether there are queues, semaphores or memory of System V. The first line is a heading.
        (POSIX has its queues in a folder, which is emptied.)"""
        return any(gauge.read().count(b"\n") > 1 for gauge in self.kinds)

    def connections(self) -> bool:
        """Whether there are connections that outlive their ends, as those of TCP do for a minute:
        they keep a port, and their numbers are for the next job to read.

        The counts are those of this network alone, but for "orphan", "alloc" and "mem". Where there
        are none the tables must do, which takes the kernel milliseconds.
        """
        counts = b"".join(gauge.read() for gauge in self.sockets)
        if not counts:
            return any(len(slurp("/proc/net/" + k).splitlines()) > 1 for k in ("tcp", "tcp6"))
        words = [
            word for line in counts.splitlines() if line[:3] == b"TCP" for word in line.split()
        ]
        places = [number for number, word in enumerate(words) if word in (b"inuse", b"tw")]
        return any(words[place + 1] != b"0" for place in places)


def waiting_messages() -> int:
    """Bytes that wait in sockets of this network and that the kernel counts for no container: those
    of netlink and of pings never, those of UDP and TCP not with control groups of version 1."""
    total = sum(int(row[4]) for row in table_rows("netlink"))
    kinds = ["icmp", "icmp6"]
    told = slurp("/proc/net/sockstat").split()
    everybody = sum(int(told[at + 1]) for at, word in enumerate(told) if word == b"mem")
    if everybody * resource.getpagesize() > MOST_WAITING:  # Of the whole machine: whose are they?
        kinds += ["udp", "udp6", "udplite", "udplite6", "tcp", "tcp6"]
    for kind in kinds:
        for row in table_rows(kind):
            sent, _, received = row[4].partition(b":")
            total += int(sent, 16) + int(received, 16)
    return total


def table_rows(kind: str) -> Iterator[List[bytes]]:
    """The rows of one of the kernel's tables of sockets, in columns."""
    with contextlib.suppress(OSError), open("/proc/net/" + kind, "rb") as file:
        next(file, None)
        yield from (row for row in (line.split() for line in file) if len(row) > 4)


MOST_WAITING = 64 << 20


# ---------------------------------------------------------------------------- messages inside


class Line:
    """One-line JSON messages and descriptors between two of our processes."""

    LONGEST = 1 << 16

    def __init__(self, fd: int) -> None:
        self.sock = Socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fd)
        self.buffer = b""
        self.fds: List[int] = []

    def fileno(self) -> int:
        return self.sock.fileno()

    def send(self, message: Dict[str, Any], fds: Tuple[int, ...] = (), wait: bool = True) -> None:
        """Without ``wait`` raises BlockingIOError where the other side does not read."""
        data = json.dumps(message).encode() + b"\n"
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        flags = 0 if wait else socket.MSG_DONTWAIT
        sent = self.sock.sendmsg([data], rights, flags)
        if sent < len(data):
            self.sock.sendall(data[sent:])

    def receive(self) -> Optional[Dict[str, Any]]:
        """The next message; None when the other side is gone. Its descriptors lie in ``fds``."""
        while b"\n" not in self.buffer:
            if not self._more():
                return None
        return self._next()

    def ready(self) -> Tuple[List[Dict[str, Any]], bool]:
        """The messages that have come, without waiting, and whether the other side is there.

        The other side may be hostile: what is no message counts as its end.
        """
        there = True
        try:
            data = self.sock.recv(65536, socket.MSG_DONTWAIT)  # Takes no descriptors.
            self.buffer += data
            there = bool(data) and len(self.buffer) <= self.LONGEST
        except BlockingIOError:
            pass
        except OSError:
            there = False
        found = []
        try:
            while b"\n" in self.buffer:
                found.append(self._next())
        except (ValueError, RecursionError):
            there = False
        return found, there

    def _more(self) -> bool:
        flags = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
        try:
            data, ancillary, _, _ = self.sock.recvmsg(65536, socket.CMSG_SPACE(16), flags)
        except ConnectionError:
            return False
        for _, _, rights in ancillary:
            self.fds.extend(memoryview(rights).cast("i"))
        self.buffer += data
        return bool(data)

    def _next(self) -> Dict[str, Any]:
        line, _, self.buffer = self.buffer.partition(b"\n")
        try:
            message = SCAN(line.decode(), 0)[0]
        except StopIteration:
            message = None
        if not isinstance(message, dict):
            raise ValueError("not a message")
        return message

    def take_fds(self) -> List[int]:
        fds, self.fds = self.fds, []
        return fds

    def lift(self) -> None:
        """Out of the way of code that closes or reuses low descriptors."""
        fd = lifted(self.sock.detach())
        self.sock = Socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fd)

    def close(self) -> None:
        for fd in self.take_fds():
            os.close(fd)
        self.sock.close()


# ---------------------------------------------------------------------------- refused calls

# Seccomp (linux/filter.h, linux/seccomp.h). Jobs live under the engine's own filter besides this.
LOAD, EQUAL, ANY_BIT, ANSWER = 0x20, 0x15, 0x45, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000
CALL, MACHINE, ARGUMENTS = 0, 4, 16  # Offsets in struct seccomp_data.
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# io_uring: a large part of the kernel that no other filter sees into. The same everywhere.
REFUSED = (425, 426, 427)
# System V memory, semaphores and messages, POSIX queues: what is made by these outlives its maker.
LASTING = {"x86_64": (29, 64, 68, 240), "aarch64": (194, 190, 186, 180)}
# Calls that change another process's limits or its share of the processors: (number, argument that
# names the process). They must not reach process 1, which is of the same user.
PRLIMIT = {"x86_64": 302, "aarch64": 261}
SCHEDULING = {
    "x86_64": ((142, 0), (144, 0), (203, 0), (314, 0), (141, 1), (251, 1)),
    "aarch64": ((118, 0), (119, 0), (122, 0), (274, 0), (140, 1), (30, 1)),
}

# Space on a disk that is taken without being written: as much as there is, in the tenth of a second
# between two looks. C libraries then write instead, as on disks that know no such thing.
FALLOCATE = {"x86_64": 285, "aarch64": 47}
IOCTL = {"x86_64": 16, "aarch64": 29}
RESERVE = (0x40305828, 0x4030582A, 0x40305839)  # linux/falloc.h: the same by ioctl.


def missing(machine: str, calls: Tuple[int, ...]) -> List[Tuple[int, int, int, int]]:
    """The start of a filter: these calls, and those in other numberings, are as if unknown."""
    error = ERROR | errno.ENOSYS
    rules = [(LOAD, 0, 0, MACHINE), (EQUAL, 1, 0, MACHINES[machine]), (ANSWER, 0, 0, error)]
    rules.append((LOAD, 0, 0, CALL))
    if machine == "x86_64":  # The other numbering that this processor has.
        rules += [(ANY_BIT, 0, 1, 0x40000000), (ANSWER, 0, 0, error)]
    for number in calls:
        rules += [(EQUAL, 0, 1, number), (ANSWER, 0, 0, error)]
    return rules


def lasting_rules() -> List[Tuple[int, int, int, int]]:
    """For a job in a place that others use after it: nothing can be made that would be left."""
    machine = os.uname().machine
    if machine not in MACHINES:
        return []
    return [*missing(machine, LASTING[machine]), (ANSWER, 0, 0, ALLOW)]


def job_rules() -> List[Tuple[int, int, int, int]]:
    """For the forker and all that come of it."""
    machine = os.uname().machine
    if machine not in MACHINES:
        return []
    rules = missing(machine, REFUSED)
    error = ERROR | errno.EPERM
    for number, argument in SCHEDULING[machine]:
        where = ARGUMENTS + 8 * argument
        rules += [(EQUAL, 0, 4, number), (LOAD, 0, 0, where), (EQUAL, 0, 1, 1)]
        rules += [(ANSWER, 0, 0, error), (ANSWER, 0, 0, ALLOW)]
    # prlimit is allowed for oneself (0), or only to ask: where the pointer to new limits is null.
    rules += [(EQUAL, 0, 8, PRLIMIT[machine]), (LOAD, 0, 0, ARGUMENTS), (EQUAL, 4, 0, 0)]
    rules += [(LOAD, 0, 0, ARGUMENTS + 16), (EQUAL, 0, 3, 0), (LOAD, 0, 0, ARGUMENTS + 20)]
    rules += [(EQUAL, 0, 1, 0), (ANSWER, 0, 0, ALLOW), (ANSWER, 0, 0, error)]
    return [*rules, *unreserving_rules(machine), (ANSWER, 0, 0, ALLOW)]


def unreserving_rules(machine: str) -> List[Tuple[int, int, int, int]]:
    refused = (ANSWER, 0, 0, ERROR | errno.EOPNOTSUPP)
    rules = [(EQUAL, 0, 1, FALLOCATE[machine]), refused]
    rules += [(EQUAL, 0, 2 * len(RESERVE) + 1, IOCTL[machine]), (LOAD, 0, 0, ARGUMENTS + 8)]
    for command in RESERVE:
        rules += [(EQUAL, 0, 1, command), refused]
    return rules


class Filter:
    """Rules made ready for the kernel: ``install`` then costs a job next to nothing."""

    def __init__(self, rules: List[Tuple[int, int, int, int]]) -> None:
        self.rules = rules
        program = b"".join(struct.pack("HBBI", *rule) for rule in rules)
        self.memory = ctypes.create_string_buffer(program)
        self.told = ctypes.create_string_buffer(
            struct.pack("HxxxxxxP", len(rules), ctypes.addressof(self.memory))
        )
        self.where = ctypes.c_void_p(ctypes.addressof(self.told))

    def install(self) -> None:
        """From here on it holds for this process and all that come of it."""
        if self.rules:
            LIBC.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS, without which no filter is taken.
            LIBC.prctl(22, 2, self.where, 0, 0)  # PR_SET_SECCOMP


# ---------------------------------------------------------------------------- the forker


class Apart(BaseException):
    """Raised in the first forker, to unwind to the bottom of its stack before any job is forked."""

    def __init__(self, fd: int) -> None:
        super().__init__()
        self.fd = fd


def fork_jobs(line: Line) -> Line:
    """Forks a job whenever asked, and tells how each one ended. Ends with its line; returns in each
    job, with the line of that."""
    if os.getppid() == 1:  # In a container.
        Filter(job_rules()).install()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Until a job runs foreign code.
    gc.collect()
    gc.freeze()  # A job's own collections leave alone, and so share, what is here already.
    wake, woken = wake_at_ends()
    children: Set[int] = set()
    poller = select.poll()  # It holds no descriptor that a job would have to close.
    poller.register(line.fileno(), select.POLLIN)
    poller.register(wake, select.POLLIN)
    while True:
        for fd, _ in poller.poll():
            if fd == wake:
                os.read(wake, 4096)
                told_ends(line, children)
                continue
            mine = obeyed(line, children)
            while mine is None and b"\n" in line.buffer:  # Several orders may come at once.
                mine = obeyed(line, children)
            if mine is not None:
                os.close(wake)
                os.close(woken)
                return mine


def told_ends(line: Line, children: Set[int]) -> None:
    for pid, status in ended_children():
        children.discard(pid)
        line.sock.sendall(b'{"ended": %d, "status": %d}\n' % (pid, status))


def obeyed(line: Line, children: Set[int]) -> Optional[Line]:
    """Does what the runner asks next. In a job that comes of it: the job's line."""
    order = line.receive()
    if order is None:  # There is no runner any more.
        for pid in children:
            cast(pid, signal.SIGKILL)
        os._exit(0)
    if "fork" in order:
        return fork_one(line, line.fds.pop(), children)
    if "prepare" in order:
        prepare(line.fds.pop())
    else:
        settle(order)
    return None


def settle(told: Dict[str, Any]) -> None:
    """Takes on what is the same for all jobs, who inherit it."""
    SETTLED.update(told)
    if told["open_files"]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (told["open_files"],) * 2)
    if told["shared"]:
        Filter(lasting_rules()).install()
    os.environ.clear()
    os.environ.update(told["environment"])
    os.umask(0o022)
    sys.dont_write_bytecode = True
    sys.argv = [""]
    SETTLED["packages"] = os.path.expanduser("~/.local/" + site_packages())
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    gc.collect()
    gc.freeze()


def prepare(fd: int) -> None:
    """Loads the host's program. It is the same for all jobs and holds nothing of any."""
    PREPARED.clear()
    PREPARED["__name__"] = "__prepared__"
    try:
        exec(compile(whole(fd), "<prepared>", "exec"), PREPARED)
    except BaseException:  # noqa: BLE001 - each job that needs it says so
        PREPARED["fault"] = traceback.format_exc()
    gc.collect()
    gc.freeze()


def fork_one(line: Line, fd: int, children: Set[int]) -> Optional[Line]:
    try:
        pid = os.fork()
    except OSError as error:
        os.close(fd)
        line.send({"born": 0, "why": error.strerror})
        return None
    if pid == 0:
        signal.set_wakeup_fd(-1)
        SIGNAL(CHILD, DEFAULT)
        line.sock.close()
        return Line(fd)
    os.close(fd)
    children.add(pid)
    line.sock.sendall(b'{"born": %d}\n' % pid)
    return None


# ---------------------------------------------------------------------------- jobs


def become_job(line: Line) -> int:
    """A job's life, from its first order to its exit code."""
    os.setsid()
    null_input()  # Of its own: an open file has flags and locks, which the next job would find.
    order = line.receive()
    if order is None:
        os._exit(0)
    dumpable(True)
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        os.write(fd, b"1000")  # When memory runs out, this dies and not the runner.
        os.close(fd)
    except OSError:
        pass
    try:
        os.chdir(SETTLED["workspace"])
    except PermissionError:  # A job before has shut it; it is this user's own.
        mode = stat.S_IMODE(os.stat(SETTLED["workspace"]).st_mode)
        os.chmod(SETTLED["workspace"], mode | 0o700)
        os.chdir(SETTLED["workspace"])
    kind = order["kind"]
    if kind in ("once", "prepared"):  # These have nothing to say, and close their line.
        settle_python()
        return run_once(line, order) if kind == "once" else run_prepared(line)
    line.lift()
    if kind == "shell":
        return Shell(line).serve()
    if kind == "exec":
        return run_program(line, order)
    settle_python()
    return PythonSession(line).serve()


def settle_python() -> None:
    """Ordinary Python, as far as it can be had in a process that was started with -I."""
    sys.path.insert(0, "")
    if os.access(SETTLED["packages"], os.R_OK):
        sys.path.append(SETTLED["packages"])
    venv = SETTLED["environment"].get("VIRTUAL_ENV")
    if venv is not None:
        site.addsitedir(os.path.join(venv, site_packages()))


def point_output(fd: int) -> None:
    """Descriptors 1 and 2 become ``fd``, which is closed."""
    fd = lifted(fd)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)


def status_of(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    print(stop.code, file=sys.stderr)
    return 1


def show_error(error: BaseException) -> None:
    """The traceback as Python prints it, without the frames of this file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == HERE:
        trace = trace.tb_next
    if sys.excepthook is not sys.__excepthook__:
        sys.excepthook(type(error), error, trace)
    else:
        traceback.print_exception(type(error), error, trace)


def execute(code: str, name: str, names: Dict[str, Any], show: bool) -> int:
    """Run one block in ``names``; returns its exit code. ``show`` prints a last expression."""
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    try:
        tree: Any = code
        last = []
        if show and not code.rstrip().endswith(";"):
            tree = compile(code, name, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
            if tree.body and isinstance(tree.body[-1], ast.Expr):
                last = [tree.body.pop()]
        exec(compile(tree, name, "exec", dont_inherit=True), names)
        if last:
            exec(compile(ast.Interactive(last), name, "single", dont_inherit=True), names)
        return 0
    except SystemExit as stop:
        return status_of(stop)
    except KeyboardInterrupt as error:
        show_error(error)
        return 130
    except BaseException as error:  # noqa: BLE001 - whatever foreign code raises
        show_error(error)
        return 1


def keep_figures() -> None:
    """What a block has drawn with matplotlib and not saved becomes files."""
    plot: Any = sys.modules.get("matplotlib.pyplot")
    try:
        for number in plot.get_fignums() if plot else ():
            free = (f"figure-{n}.png" for n in itertools.count(1))
            name = next(name for name in free if not os.path.lexists(name))
            plot.figure(number).savefig(name)
            print(f"saved the figure as {name}")
        if plot:
            plot.close("all")
    except Exception as error:  # noqa: BLE001 - whatever matplotlib says of a figure
        print(f"the figure could not be saved: {error}", file=sys.stderr)


def flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()


def open_streams() -> None:
    """Standard streams for a block whose predecessor has closed them."""
    try:
        os.fstat(0)
    except OSError:
        null_input()
    if getattr(sys.stdin, "closed", True):  # As exit() leaves it.
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - the program reads it
    for name, fd, errors in (("stdout", 1, "surrogateescape"), ("stderr", 2, "backslashreplace")):
        stream = getattr(sys, name, None)
        if stream is None or getattr(stream, "closed", False) is True:
            raw = open(fd, "wb", 0, closefd=False)  # noqa: SIM115 - the program writes to it
            setattr(sys, name, io.TextIOWrapper(raw, "utf-8", errors, write_through=True))


def run_once(line: Line, order: Dict[str, Any]) -> int:
    """A Python block in a process of its own; the interpreter ends as after a script."""
    out, *source = line.fds
    line.sock.close()
    point_output(out)
    SIGNAL(INTERRUPT, signal.default_int_handler)
    code = whole(source[0]).decode("utf-8", "surrogatepass") if source else order["code"]
    names = sys.modules["__main__"].__dict__
    status = execute(code, order["name"], names, order["show"])
    if status == 0 and order["figures"] and "savefig" not in code:
        keep_figures()
    try:
        end_python(names)
    except AttributeError:  # An interpreter that is built otherwise.
        return status
    os._exit(status)


def end_python(names: Dict[str, Any]) -> None:
    """What the interpreter does at its end, but for taking itself apart, which takes longest."""
    threading._shutdown()  # type: ignore[attr-defined]  # Unknown to typeshed.
    atexit._run_exitfuncs()
    flush_files()  # In a cycle they would be closed before what they still hold is written.
    for name in [name for name in names if name != "__builtins__"]:
        names.pop(name, None)
    gc.collect()
    flush_files()


def flush_files() -> None:
    flush()
    for thing in gc.get_objects():  # Those that are not frozen: the job's own.
        if isinstance(thing, (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)):
            with contextlib.suppress(OSError, ValueError):
                thing.flush()


def run_prepared(line: Line) -> int:
    """What the host has prepared, with a descriptor of what it is asked."""
    out, question = line.take_fds()
    line.close()
    point_output(out)
    if "fault" in PREPARED:
        print(PREPARED["fault"], file=sys.stderr)
        return 1
    return int(PREPARED["main"](question))


class PythonSession:
    """An interpreter that keeps its names from block to block."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.pid = os.getpid()
        self.folder = SETTLED["workspace"].rstrip("/") + "/"
        self.names = sys.modules["__main__"].__dict__
        self.on_interrupt: Any = signal.default_int_handler
        self.modules: Dict[str, Tuple[int, int]] = {}
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.register_at_fork(after_in_child=line.sock.close)

    def serve(self) -> int:
        while True:
            order = self.wait()
            answer = {"done": order["token"], "exit": 130}
            with contextlib.suppress(KeyboardInterrupt):  # Should it come when the block is over.
                answer.update(self.run(order))
            self.shield()
            try:
                self.line.send(answer)
            except OSError:  # The block has closed every descriptor that it could find.
                os._exit(answer["exit"])

    def wait(self) -> Dict[str, Any]:
        """The next order, whatever timers or signal handlers of earlier blocks do meanwhile."""
        while True:
            try:
                order = self.line.receive()
            except BaseException as error:  # noqa: BLE001 - a signal handler's own may be any
                if getattr(error, "errno", None) not in (errno.EBADF, errno.ENOTSOCK):
                    continue
                order = None
            if order is None:
                os._exit(0)
            return order

    def shield(self) -> None:
        while True:
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                return
            except KeyboardInterrupt:
                continue

    def run(self, order: Dict[str, Any]) -> Dict[str, Any]:
        out, source = self.line.take_fds()
        code = whole(source).decode("utf-8", "surrogatepass")
        open_streams()
        changed = self.forget_changed()
        point_output(out)
        threads = set(threading.enumerate())
        signal.signal(signal.SIGINT, self.on_interrupt)
        status = execute(code, order["name"], self.names, order["show"])
        if status == 0 and order["figures"] and "savefig" not in code:
            keep_figures()
        self.on_interrupt = signal.getsignal(signal.SIGINT) or signal.SIG_DFL
        self.shield()
        flush()
        if os.getpid() != self.pid:  # The block forked, and its child came back to here.
            os._exit(status)
        point_output(os.open(os.devnull, os.O_RDWR))
        make_room()
        self.note_modules()
        busy = sum(thread not in threads for thread in threading.enumerate())
        return {"exit": status, "changed": changed, "threads": busy}

    def project_modules(self) -> Iterator[Tuple[str, Tuple[int, int]]]:
        """The loaded modules that come from the workspace, with their file's state now."""
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__dict__", {}).get("__file__")
            if type(file) is str and file.startswith(self.folder):
                try:
                    found = os.stat(file)
                except OSError:
                    continue
                yield name, (found.st_mtime_ns, found.st_size)

    def note_modules(self) -> None:
        for name, state in self.project_modules():
            self.modules.setdefault(name, state)

    def forget_changed(self) -> List[str]:
        """Modules of the workspace are imported anew once a file of theirs has changed."""
        found = dict(self.project_modules())
        changed = [n for n, state in found.items() if self.modules.get(n, state) != state]
        if changed:
            for name in found:
                sys.modules.pop(name, None)
            self.modules.clear()
        for path, finder in list(sys.path_importer_cache.items()):
            if path.startswith(self.folder) or path == self.folder[:-1]:
                getattr(finder, "invalidate_caches", int)()
        return sorted(changed)[:10]


# Fixed descriptors of the process that keeps the shell; the shell opens them by way of /proc.
CODE, OUT, STATE, RESTORE = 13, 14, 15, 16

# On one line each, so that line numbers in the shell's messages are those of the block. The block
# runs without our descriptors; what it does to 1 and 2 ends with it, and so do its options. If it
# has made a name of ours read-only, the shell ends rather than run one block's code for another's.
# The state is written down after each block, and in an EXIT trap however the block ends the shell.
BASH = r"""
__assistant_keep() { {
builtin declare -p; builtin declare -f; builtin shopt -p; builtin alias -p;
builtin printf 'cd -- %q\n# whole %s\n' "$PWD" "$__assistant_name";
} >"/proc/$PPID/fd/15" 2>/dev/null; };
shopt -s expand_aliases; . "/proc/$PPID/fd/16" 2>/dev/null;
trap __assistant_keep EXIT; __assistant_keep;
while IFS= builtin read -r __assistant_name <&8; do
builtin unset __assistant_code 2>/dev/null || {
builtin echo "__assistant_code is read-only: this shell has ended" >"/proc/$PPID/fd/14";
builtin exit 125; };
IFS= builtin read -r -d '' __assistant_code <"/proc/$PPID/fd/13";
BASH_ARGV0=$__assistant_name;
builtin eval "$__assistant_code" </dev/null >"/proc/$PPID/fd/14" 2>&1 8<&- 9>&-;
__assistant_status=$?; { builtin set +euxvf; builtin set +o pipefail; } 2>/dev/null;
if [[ $__assistant_code == *trap* ]]; then
builtin eval '__assistant_trap=$(trap -p EXIT); __assistant_trap=${__assistant_trap#trap -- };
__assistant_trap=${__assistant_trap% EXIT};
if [ "$__assistant_trap" != "'"'__assistant_keep'"'" ]; then builtin trap __assistant_keep EXIT;
builtin eval "builtin eval $__assistant_trap"; fi'
</dev/null >"/proc/$PPID/fd/14" 2>&1 8<&- 9>&-; fi;
builtin unset __assistant_code __assistant_trap;
builtin printf '%s\n' "$__assistant_status" >&9;
__assistant_keep; builtin printf 'kept\n' >&9; done;
builtin exit 125
"""

# The same for an image that has no bash: functions and aliases are not kept there.
PLAIN = r"""
__assistant_keep() { { set; export -p; printf 'cd "$PWD"\n# whole %s\n' "$__assistant_name";
} >"/proc/$PPID/fd/15" 2>/dev/null; };
. "/proc/$PPID/fd/16" 2>/dev/null; trap __assistant_keep EXIT; __assistant_keep;
while IFS= read -r __assistant_name <&8; do
. "/proc/$PPID/fd/13" </dev/null >"/proc/$PPID/fd/14" 2>&1 8<&- 9>&-;
__assistant_status=$?; set +euxvf; printf '%s\n' "$__assistant_status" >&9;
__assistant_keep; printf 'kept\n' >&9; done
"""


class Shell:
    """Keeps a shell that remembers folder, variables and functions from block to block.

    The shell itself may end at any time (``exit``, ``set -e``, a kill); a new one then takes up the
    state that the old one wrote down last: in its EXIT trap, or after the block before.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        if shutil.which("bash"):
            self.argv = ["bash", "--noprofile", "--norc", "-c", BASH.replace("\n", " "), "bash"]
        else:
            self.argv = ["sh", "-c", PLAIN.replace("\n", " "), "sh"]
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for number in (CODE, OUT):
            os.dup2(0, number, inheritable=False)
        for number in (STATE, RESTORE):
            fd = detached_file(b"")
            os.dup2(fd, number, inheritable=False)
            os.close(fd)
        self.start()

    def start(self) -> None:
        orders, self.to_shell = (lifted(fd) for fd in os.pipe())
        self.from_shell, answers = (lifted(fd) for fd in os.pipe())
        self.answers = b""
        self.pid = patient_fork()
        if self.pid == 0:
            ordinary_signals()
            os.dup2(orders, 8)
            os.dup2(answers, 9)
            try:
                os.execvp(self.argv[0], self.argv)
            finally:
                os._exit(127)
        os.close(orders)
        os.close(answers)

    def serve(self) -> int:
        while True:
            order = self.line.receive()
            if order is None:
                cast(self.pid, signal.SIGKILL)
                os._exit(0)
            out, source = self.line.take_fds()
            for fd, number in ((out, OUT), (source, CODE)):
                os.dup2(fd, number, inheritable=False)
                os.close(fd)
            answer = self.run(order["name"])
            os.dup2(0, OUT, inheritable=False)
            self.line.send({"done": order["token"], **answer})
            if "kept" in answer:
                self.revive()
            else:
                self.answer()  # That it has written its state down.

    def run(self, name: str) -> Dict[str, Any]:
        if os.waitpid(self.pid, os.WNOHANG)[0]:  # It has died between two blocks.
            self.leave()
            self.clear()
            self.revive()
        answer = b""
        with contextlib.suppress(BrokenPipeError):
            os.write(self.to_shell, name.encode() + b"\n")
            answer = self.answer()
        if answer.isdigit():
            return {"exit": int(answer), "plain": self.argv[0] == "sh"}
        self.leave()
        status = exit_code(os.waitpid(self.pid, 0)[1])
        self.clear()
        state = os.pread(STATE, os.fstat(STATE).st_size, 0)
        kept = "all" if state.endswith(b"# whole %s\n" % name.encode()) else "before"
        return {"exit": status, "kept": kept}

    def leave(self) -> None:
        os.close(self.to_shell)
        os.close(self.from_shell)

    def clear(self) -> None:
        """With the shell goes what a program in its place has made children of this process, as if
        they were shells."""
        for pid, row in processes().items():
            if row[0] == os.getpid():
                cast(pid, signal.SIGKILL)
                os.waitpid(pid, 0)

    def answer(self) -> bytes:
        """The shell's next line; empty once it has ended."""
        while b"\n" not in self.answers:
            data = os.read(self.from_shell, 256)
            if not data:
                return b""
            self.answers += data
        line, _, self.answers = self.answers.partition(b"\n")
        return line

    def revive(self) -> None:
        """A new shell with the old one's state; where that was cut, with the one before it."""
        state = os.pread(STATE, os.fstat(STATE).st_size, 0)
        if b"\n# whole " in state[-200:] and state.endswith(b"\n"):
            os.ftruncate(RESTORE, 0)
            os.pwrite(RESTORE, re.sub(rb"(?m)^declare -\w*r\w* __assistant_.*\n", b"", state), 0)
        self.start()


def run_program(line: Line, order: Dict[str, Any]) -> int:
    """Compile and run a file in this process, which becomes the program."""
    ordinary_signals()
    fds = line.take_fds()
    point_output(fds[0])
    file = order["file"]
    command: List[str] = order["compile"]
    try:
        if len(fds) > 1:
            file = written(SETTLED["scratch"], file, whole(fds[1]))
        out = os.path.join(SETTLED["scratch"], os.path.basename(file) + ".out")
        fill = {"{file}": "./" + file if file.startswith("-") else file, "{out}": out}
        if command:
            pid = os.fork()
            if pid == 0:
                become(line, [fill.get(word, word) for word in command])
            status = exit_code(os.waitpid(pid, 0)[1])
            if status:
                return status
        command = order["command"]
        if command[0] == "python3" and SETTLED["python"]:
            command[0] = SETTLED["python"]
        become(line, [fill.get(word, word) for word in command])
    except OSError as error:
        print("The block could not be written down:", error.strerror, flush=True)
    os._exit(126)


def become(line: Line, argv: List[str]) -> NoReturn:
    try:
        os.execvp(argv[0], argv)
    except FileNotFoundError:
        line.send({"missing": argv[0]})
        os._exit(127)
    except OSError as error:
        os.write(2, (f"{argv[0]}: {error.strerror}\n").encode())
    os._exit(126)


def written(folder: str, name: str, code: bytes) -> str:
    """The path of a new file in ``folder`` that holds ``code``."""
    path = os.path.join(folder, name)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        fd = os.open(path, flags, 0o755)
    except OSError:  # Something is in the way; only then the name is not the same every time.
        path = os.path.join(tempfile.mkdtemp(dir=folder), name)
        fd = os.open(path, flags, 0o755)
    with os.fdopen(fd, "wb") as file:
        file.write(code)
    return path


# ---------------------------------------------------------------------------- output


class Capture:
    """The end of an output pipe: first and last bytes kept, all counted, pieces to show live."""

    LIVE = 1 << 16
    PACE = 0.05

    def __init__(self, fd: int, keep: int) -> None:
        self.fd, self.keep = fd, keep
        os.set_blocking(fd, False)
        self.head = bytearray()
        self.tail = bytearray()
        self.total = 0
        self.pending = bytearray()
        self.shown_at = 0.0
        self.open = True

    def fileno(self) -> int:
        return self.fd

    def read(self) -> int:
        """Takes what is there, at most a pipe's worth; 0 when nothing came."""
        try:
            data = os.read(self.fd, 65536)
        except BlockingIOError:
            return 0
        if not data:
            self.open = False
            return 0
        self.total += len(data)
        room = self.keep - len(self.head)
        if room > 0:
            self.head += data[:room]
        if len(data) > room:
            self.tail += data[max(0, room) :]
            del self.tail[: -self.keep]
        self.pending += data[: self.LIVE - len(self.pending)]  # What is too quick to show is not.
        return len(data)

    def drain(self, limit: int = 1 << 21) -> None:
        while limit > 0:
            got = self.read()
            if not got:
                break
            limit -= got

    def piece(self) -> bytes:
        piece = bytes(self.pending)
        self.pending.clear()
        self.shown_at = time.monotonic()
        return piece


# ---------------------------------------------------------------------------- files

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Level:
    """An open folder of a walk: its descriptor, path, and the entries still to come."""

    def __init__(self, fd: int, path: str) -> None:
        self.fd, self.path = fd, path
        self.entries = os.scandir(fd)

    def close(self) -> None:
        self.entries.close()
        os.close(self.fd)


class Walk:
    """All entries below a folder, through descriptors, never through a link.

    Yields (folder's descriptor, name, path, stat). What cannot be read or is too deep is counted in
    ``unread``, as paths that end with "/". Skipped names are neither yielded nor entered.
    """

    def __init__(self, root: int, skip: Set[str], deepest: int) -> None:
        self.root, self.skip, self.deepest = root, skip, deepest
        self.unread: List[str] = []
        self.skipped: List[str] = []

    def __iter__(self) -> Iterator[Tuple[int, str, str, os.stat_result]]:
        levels = [Level(os.dup(self.root), "")]
        try:
            while levels:
                level = levels[-1]
                entry = next(level.entries, None)
                if entry is None:
                    levels.pop().close()
                    continue
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                path = level.path + entry.name
                if not stat.S_ISDIR(found.st_mode):
                    yield level.fd, entry.name, path, found
                elif entry.name in self.skip:
                    self.skipped.append(path + "/")
                else:
                    yield level.fd, entry.name, path, found
                    self.enter(levels, level.fd, entry.name, path + "/")
        finally:
            for level in levels:
                level.close()

    def enter(self, levels: List[Level], parent: int, name: str, path: str) -> None:
        if len(levels) >= self.deepest:
            self.unread.append(path)
            return
        try:
            fd = os.open(name, FOLDER, dir_fd=parent)
        except OSError:
            self.unread.append(path)
            return
        try:
            levels.append(Level(fd, path))
        except OSError:
            os.close(fd)
            self.unread.append(path)


KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link"}


def status(found: os.stat_result) -> Status:
    """What must be equal for an entry to count as unchanged."""
    mode = found.st_mode
    kind = KINDS.get(mode & 0o170000, "")
    if kind == "dir":
        return kind, mode & 0o777, 0, 0, 0, 0
    times = found.st_mtime_ns, found.st_ctime_ns
    return kind, mode & 0o777, found.st_size, times[0], times[1], found.st_ino


UNSURE: Status = ("?", 0, 0, 0, 0, 0)


class Files:
    """The workspace as host and sandbox last agreed on it, and both directions of change."""

    RACY = 50_000_000  # A file changed this shortly ago (ns) may change again in the same tick.

    def __init__(self, folder: str) -> None:
        self.root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.agreed: Dict[str, Status] = {}
        self.told: Tuple[int, Dict[str, Status]] = (0, {})  # By a pull, and not yet agreed on.
        self.awaited: List[Tuple[str, int, int]] = []  # path, mode, bytes still to come
        self.touched: List[str] = []
        self.writing = -1
        self.faults: List[str] = []
        self.near: Tuple[str, int] = ("", -1)
        self.serial = 0

    def close(self) -> None:
        self.leave_near()
        os.close(self.root)

    def settle(self, agreed: int) -> None:
        """The host has taken in all of the pull with this number, if it was the last one."""
        if agreed and agreed == self.told[0]:
            self.agreed = self.told[1]
        self.told = (0, {})

    # Into the sandbox.

    def put(self, head: Dict[str, Any], body: bytes) -> None:
        for path in head.get("removed", ()):
            self.touched.append(path)
            self.guarded(self.remove, path)
        for path, kind, mode, size, target in head.get("entries", ()):
            self.touched.append(path)
            if kind == "dir":
                self.guarded(self.make_folder, path, mode)
            elif kind == "link":
                self.guarded(self.make_link, path, target)
            else:
                self.awaited.append((path, mode, size))
        self.fill(memoryview(body))

    def end_put(self, whole: bool) -> List[str]:
        """What was put a moment ago, or by a put that was broken off, is in doubt: the next pull
        tells what it is."""
        if self.writing >= 0:
            self.guarded(self.discard, self.awaited[0][0])
        past = time.time_ns() - self.RACY
        for path in self.touched:
            if not whole or self.agreed.get(path, UNSURE)[4] > past:
                self.agreed[path] = UNSURE
        faults, self.faults, self.awaited, self.touched = self.faults, [], [], []
        self.leave_near()
        return faults[:20]

    def guarded(self, act: Callable[..., None], path: str, *more: Any) -> None:
        try:
            act(path, *more)
        except (OSError, ValueError) as error:
            self.faults.append(f"{path}: {getattr(error, 'strerror', error)}")

    def fill(self, data: memoryview) -> None:
        while self.awaited:
            path, mode, size = self.awaited[0]
            if self.writing < 0:
                self.guarded(self.begin_file, path)
            piece, data = data[:size], data[size:]
            if self.writing >= 0 and piece:
                self.guarded(self.append, path, piece)
            if size > len(piece):
                self.awaited[0] = (path, mode, size - len(piece))
                return
            if self.writing >= 0:
                self.guarded(self.finish_file, path, mode)
                self.drop_file()
            self.awaited.pop(0)

    def temporary(self) -> str:
        return f".assistant-new-{self.serial}"

    def begin_file(self, path: str) -> None:
        self.serial += 1
        folder, _ = self.place(path)
        try:
            self.writing = os.open(self.temporary(), CREATE, 0o600, dir_fd=folder)
        except FileExistsError:
            os.unlink(self.temporary(), dir_fd=folder)
            self.writing = os.open(self.temporary(), CREATE, 0o600, dir_fd=folder)

    def append(self, path: str, piece: memoryview) -> None:
        try:
            while piece:
                piece = piece[os.write(self.writing, piece) :]
        except OSError:
            self.discard(path)
            raise

    def finish_file(self, path: str, mode: int) -> None:
        os.fchmod(self.writing, mode & 0o777)
        folder, name = self.place(path)
        try:
            os.rename(self.temporary(), name, src_dir_fd=folder, dst_dir_fd=folder)
        except IsADirectoryError:
            self.clear(folder, name)
            os.rename(self.temporary(), name, src_dir_fd=folder, dst_dir_fd=folder)
        self.agree(path, os.fstat(self.writing))  # Whatever else has its name will be told.

    def discard(self, path: str) -> None:
        self.drop_file()
        folder, _ = self.place(path)
        os.unlink(self.temporary(), dir_fd=folder)

    def drop_file(self) -> None:
        if self.writing >= 0:
            os.close(self.writing)
        self.writing = -1

    def make_folder(self, path: str, mode: int) -> None:
        folder, name = self.place(path)
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISDIR(found.st_mode):
                os.unlink(name, dir_fd=folder)
                os.mkdir(name, dir_fd=folder)
        except FileNotFoundError:
            os.mkdir(name, dir_fd=folder)
        fd = os.open(name, FOLDER, dir_fd=folder)
        try:
            os.fchmod(fd, mode & 0o777)
            self.agree(path, os.fstat(fd))
        finally:
            os.close(fd)

    def make_link(self, path: str, target: str) -> None:
        folder, name = self.place(path)
        try:
            os.symlink(target, name, dir_fd=folder)
        except FileExistsError:
            self.clear(folder, name)
            os.symlink(target, name, dir_fd=folder)
        self.agree(path, os.stat(name, dir_fd=folder, follow_symlinks=False))

    def remove(self, path: str) -> None:
        try:
            folder, name = self.place(path, make=False)
            try:
                os.unlink(name, dir_fd=folder)
            except IsADirectoryError:
                os.rmdir(name, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ELOOP):
                raise
        self.leave_near()
        self.agreed.pop(path, None)

    def place(self, path: str, make: bool = True) -> Tuple[int, str]:
        """The descriptor of the folder that holds ``path``, made where it is missing; the name."""
        above, _, name = path.rpartition("/")
        if self.near[1] >= 0 and self.near[0] == above:
            return self.near[1], name
        self.leave_near()
        fd = os.dup(self.root)
        done = ""
        for part in above.split("/") if above else ():
            done = done + "/" + part if done else part
            try:
                below, made = self.step(fd, part, make)
            finally:
                os.close(fd)
            fd = below
            if made:
                self.agree(done, os.fstat(fd))
        self.near = (above, fd)
        return fd, name

    def step(self, fd: int, part: str, make: bool) -> Tuple[int, bool]:
        try:
            return os.open(part, FOLDER, dir_fd=fd), False
        except FileNotFoundError:
            if not make:
                raise
        except NotADirectoryError:
            if not make:
                raise
            os.unlink(part, dir_fd=fd)
        except OSError as error:
            if not make or error.errno != errno.ELOOP:
                raise
            os.unlink(part, dir_fd=fd)
        os.mkdir(part, dir_fd=fd)
        return os.open(part, FOLDER, dir_fd=fd), True

    def leave_near(self) -> None:
        if self.near[1] >= 0:
            os.close(self.near[1])
        self.near = ("", -1)

    def clear(self, folder: int, name: str) -> None:
        """Removes whatever has this name, folders with all they hold (to a sane depth)."""
        with contextlib.suppress(IsADirectoryError):
            os.unlink(name, dir_fd=folder)
            return
        fd = os.open(name, FOLDER, dir_fd=folder)
        try:
            folders: List[str] = []
            for parent, entry, path, found in Walk(fd, set(), 256):
                if stat.S_ISDIR(found.st_mode):
                    folders.append(path)
                else:
                    os.unlink(entry, dir_fd=parent)
            for path in reversed(folders):
                os.rmdir(path, dir_fd=fd)
        finally:
            os.close(fd)
        os.rmdir(name, dir_fd=folder)

    def agree(self, path: str, found: os.stat_result) -> None:
        self.agreed[path] = status(found)

    # Out of the sandbox.

    def pull(
        self,
        order: Dict[str, Any],
        send: Callable[[Dict[str, Any], bytes], None],
        mapped: Set[int],
    ) -> None:
        """Sends what has changed since host and sandbox agreed, within the order's caps; of files
        that are ``mapped`` (inodes) no time tells that."""
        load = Load(order, send)
        walk = Walk(self.root, set(order["skip"]), order["deepest"])
        seen: Dict[str, Status] = {}
        for folder, name, path, found in walk:
            if len(seen) >= order["count"] or time.monotonic() > load.until:
                load.left_out("(more)", "count")
                load.partial = True
                break
            now = status(found)
            old = self.agreed.get(path)
            if old == now and found.st_ino not in mapped:
                seen[path] = old  # Not ``now``: the less is kept of a walk, the faster it is.
            elif not now[0]:
                load.left_out(path, "special")
            elif load.add(folder, name, path, now):
                fresh = time.time_ns() - found.st_ctime_ns < self.RACY or found.st_ino in mapped
                seen[path] = UNSURE if fresh and now[0] != "dir" else now
            elif old is not None:
                seen[path] = old  # It could not be told; the host keeps what it has.
        for path in walk.unread:
            load.left_out(path, "unread")
        gone = set() if load.partial else self.gone(walk, seen)
        for path in self.agreed.keys() - seen.keys() - gone:
            seen[path] = self.agreed[path]
        self.told = (order["id"], seen)
        load.end(sorted(gone, reverse=True))

    def gone(self, walk: Walk, seen: Dict[str, Status]) -> Set[str]:
        """What host and sandbox agreed on and a whole walk has not met, where it could look."""
        hidden = tuple(walk.unread + walk.skipped)  # They end with a slash.
        unmet = self.agreed.keys() - seen.keys()
        return {path for path in unmet if not (path + "/").startswith(hidden)}


class Load:
    """Files on their way to the host: packed into frames, held to the caps."""

    def __init__(
        self, order: Dict[str, Any], send: Callable[[Dict[str, Any], bytes], None]
    ) -> None:
        self.order, self.send = order, send
        self.until = time.monotonic() + order["seconds"]
        self.left = order["bytes"]
        self.entries: List[List[Any]] = []
        self.body = bytearray()
        self.out: Dict[str, int] = {}
        self.names: List[List[str]] = []
        self.partial = False

    def left_out(self, path: str, why: str) -> None:
        self.out[why] = self.out.get(why, 0) + 1
        if len(self.names) < 20:
            self.names.append([path, why])

    def add(self, folder: int, name: str, path: str, now: Status) -> bool:
        kind, mode, size = now[:3]
        if len(os.fsencode(path)) > self.order["longest"]:
            self.left_out(path[:200], "name")
            return False
        data, target = b"", ""
        try:
            if kind == "link":
                target = os.readlink(name, dir_fd=folder)
            elif kind == "file":
                if size > min(self.order["largest"], self.left):
                    self.left_out(path, "size")
                    return False
                data = self.read(folder, name, min(self.order["largest"], self.left))
        except OverflowError:
            self.left_out(path, "size")
            return False
        except OSError:
            self.left_out(path, "unread")
            return False
        self.left -= len(data)
        self.entries.append([path, kind, mode, len(data), target])
        self.body += data
        if len(self.body) >= PIECE or len(self.entries) >= 500:
            self.flush()
        return True

    @staticmethod
    def read(folder: int, name: str, most: int) -> bytes:
        fd = os.open(name, READ, dir_fd=folder)
        with os.fdopen(fd, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError(errno.EINVAL, "not a file any more")
            pieces: List[bytes] = []
            size = 0
            while True:
                piece = file.read(1 << 20)
                if not piece:
                    return b"".join(pieces)
                size += len(piece)
                if size > most:
                    raise OverflowError
                pieces.append(piece)

    def flush(self) -> None:
        entries, self.entries = self.entries, []
        body, self.body = memoryview(bytes(self.body)), bytearray()
        self.send({"is": "files", "entries": entries}, bytes(body[:PIECE]))
        for start in range(PIECE, len(body), PIECE):
            self.send({"is": "files", "entries": []}, bytes(body[start : start + PIECE]))

    def end(self, removed: List[str]) -> None:
        self.flush()
        for start in range(0, len(removed), 500):
            part = removed[start : start + 500]
            self.send({"is": "files", "entries": [], "removed": part}, b"")
        told = {"out": self.out, "names": self.names, "partial": self.partial}
        self.send({"is": "pulled", **told}, b"")


def emptied(folder: str) -> bool:
    """Removes all that is in a folder, whatever its modes and depth; whether it worked."""
    try:
        root = os.open(folder, FOLDER)
    except OSError:
        return not os.path.lexists(folder)
    try:
        for _ in range(3):  # What was too deep for one walk is not for the next.
            with os.scandir(root) as left:
                if next(left, None) is None:
                    return True
            sweep(root)
        return not os.listdir(root)
    except OSError:
        return False
    finally:
        os.close(root)


def sweep(root: int) -> None:
    """Deletes what can be reached, deepest first; a chain of folders is moved up as it is met."""
    stack: List[Tuple[int, str, int]] = []  # parent's descriptor, name, own descriptor
    fd, serial = root, 0
    while True:
        below = None
        with os.scandir(fd) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    below = entry.name
                    break
                with contextlib.suppress(OSError):
                    os.unlink(entry.name, dir_fd=fd)
        if below is not None and len(stack) >= 200:
            serial += 1
            os.rename(below, f".assistant-deep-{serial}", src_dir_fd=fd, dst_dir_fd=root)
        elif below is not None:
            os.chmod(below, 0o700, dir_fd=fd)
            stack.append((fd, below, os.open(below, FOLDER, dir_fd=fd)))
            fd = stack[-1][2]
        elif not stack:
            return
        else:
            parent, name, own = stack.pop()
            os.close(own)
            os.rmdir(name, dir_fd=parent)
            fd = parent


def unharmed(pid: int) -> bool:
    """Whether a process of ours runs as ever: not stopped, slowed, or kept from processors."""
    row = process(pid)
    try:
        slowed = os.getpriority(os.PRIO_PROCESS, pid) or os.sched_getscheduler(pid)
        slowed = slowed or disk_priority(pid) != USUAL_DISK_PRIORITY
        kept = os.sched_getaffinity(pid) != os.sched_getaffinity(0)
    except (OSError, AttributeError):  # It is gone; or there is no such thing here.
        return row is not None or not os.path.isdir("/proc")
    return row is not None and row[2] not in "TtZX" and not slowed and not kept


GET_FLAGS = 0x80086601  # linux/fs.h: FS_IOC_GETFLAGS


class Folder:
    """What a folder itself is like, apart from what is in it, to be made so again."""

    def __init__(self, path: str) -> None:
        self.path = path
        found = os.stat(path)
        self.mode, self.times = stat.S_IMODE(found.st_mode), (found.st_atime_ns, found.st_mtime_ns)
        self.own = found.st_uid == os.getuid()  # Else no job can change any of it.
        self.flags = self.flags_now() if self.own else b""

    def flags_now(self) -> bytes:
        try:
            fd = os.open(self.path, FOLDER)
        except OSError:
            return b""
        try:
            return fcntl.ioctl(fd, GET_FLAGS, b"\0" * 8)
        except OSError:  # The file system has none.
            return b""
        finally:
            os.close(fd)

    def open_up(self) -> None:
        if self.own:
            with contextlib.suppress(OSError):
                os.chmod(self.path, self.mode)

    def restored(self) -> bool:
        """Whether it is as it was: no access list or other attribute, nor a flag that new files
        would inherit."""
        if not self.own:
            return True
        try:
            for name in os.listxattr(self.path) if hasattr(os, "listxattr") else ():
                os.removexattr(self.path, name)
            os.chmod(self.path, self.mode)
            os.utime(self.path, ns=self.times)
        except OSError as error:
            return error.errno == errno.ENOTSUP
        return self.flags_now() == self.flags


class Watch:
    """The disk and file count that code may use, looked at in slices so that nothing waits."""

    def __init__(self, folders: List[str], disk: int, files: int) -> None:
        self.folders, self.disk, self.files = folders, disk, files
        self.walk: Optional[Iterator[None]] = None
        self.used = self.found = self.used_before = self.found_before = 0
        self.began = self.due = 0.0
        self.looked = self.room()
        self.free, self.used_then = self.looked[0], 0
        self.keeps = False
        """Processes outlive their block, and so does what they hide."""
        self.unseen = False
        """What passed the limit last is held by processes: it has no name to be found by."""
        self.trusted: Callable[[], Set[int]] = set
        self.lines: Callable[[], Set[int]] = set
        self.jobs: Callable[[], Set[int]] = set
        self.held: Callable[[], ContextManager[None]] = contextlib.nullcontext
        """A crowd of processes stands still in it."""

    def room(self) -> Tuple[int, int]:
        """Bytes and file slots that are free on the workspace's disk, whoever uses them."""
        try:
            found = os.statvfs(self.folders[0])
        except OSError:
            return 0, 0
        return found.f_bavail * found.f_frsize, found.f_ffree

    def job_starts(self) -> None:
        self.used_before, self.found_before = self.used, self.found
        room = self.room()
        if self.unseen or not self.keeps:
            self.free, self.used_then, self.unseen = room[0], self.used, False
        # What earlier jobs have taken since the last look counts; what was given back does not.
        self.looked = max(self.looked[0], room[0]), max(self.looked[1], room[1])

    def emptied(self) -> None:
        """Nothing is in the folders any more."""
        self.used = self.found = 0

    def sudden(self) -> bool:
        """Whether so much has gone since the last look that a limit may be passed, or soon will."""
        left, slots = self.room()
        space = min(self.disk // 2, max(self.disk - self.used, 1 << 20))
        files = min(self.files // 2, max(self.files - self.found, 100))
        return self.looked[0] - left > space or self.looked[1] - slots > files

    def whole(self) -> Optional[str]:
        """The limit that is passed, looked at in one go, where there is reason to look."""
        if self.walk is None and not self.sudden():
            return None
        self.began = time.monotonic()
        for _ in self.census():
            pass
        return self.seen()

    def tick(self, now: float, idle: bool = False) -> Optional[str]:
        """The limit that is passed, or None."""
        if self.walk is None:
            if (idle or now < self.due) and not self.sudden():
                return None
            self.began = now
            self.walk = self.census()
        try:
            while time.monotonic() < now + 0.005:
                next(self.walk)
            return None
        except StopIteration:
            return self.seen()

    def seen(self) -> Optional[str]:
        """All has been looked at; the next look is due when this one's time is little beside it."""
        self.walk = None
        self.looked = self.room()
        passed = self.verdict()
        took = time.monotonic() - self.began
        self.due = time.monotonic() + max(0.2, 20 * took)
        return passed

    def verdict(self) -> Optional[str]:
        if self.found > max(self.files, self.found_before + 100):
            return "files"
        if self.used > max(self.disk, self.used_before + (1 << 20)):
            return "disk"
        lost = self.free - self.looked[0] - (self.used - self.used_then)
        if lost < 0:  # Others have given some back.
            self.free, self.used_then = self.looked[0], self.used
        self.unseen = lost > self.disk // 2 and self.hides(lost)
        return "disk" if self.unseen else None

    def hides(self, lost: int) -> bool:
        """Whether processes hold what is missing on the disk, which others may use as well. None
        can be looked into while it forks, and in a crowd that forks that takes its turn each time.
        """
        with self.held():
            holders = Holders(self.folders, self.lines(), self.jobs())
            trusted = self.trusted()
            for pid, row in processes().items():
                if pid not in trusted and row[2] not in "ZX":
                    holders.look(pid)
                if holders.size + self.used > self.disk:
                    return True
            return lost > self.disk and holders.more

    def census(self) -> Iterator[None]:
        used = found = 0
        linked: Set[Tuple[int, int]] = set()
        for folder in self.folders:
            try:
                root = os.open(folder, FOLDER)
            except OSError:
                continue
            try:
                walk = Walk(root, set(), 200)
                for number, (_, _, _, entry) in enumerate(walk):
                    if number % 200 == 0:
                        yield
                    if entry.st_nlink > 1 and not stat.S_ISDIR(entry.st_mode):
                        if (entry.st_dev, entry.st_ino) in linked:
                            continue
                        linked.add((entry.st_dev, entry.st_ino))
                    found += 1
                    used += entry.st_blocks * 512
                    if found > 2 * self.files + self.found_before + 100:
                        break
                if any(path.count("/") >= 200 for path in walk.unread):
                    found += 2 * self.files + self.found_before  # A tree deeper than any use.
            finally:
                os.close(root)
        self.used, self.found = used, found


class Holders:
    """What processes hold of files that have no name any more: ``size`` bytes, each file once;
    ``more``: also files whose size cannot be known. Looks no longer than is good for the deadlines
    of others; who has more to look at has too much."""

    WORK, WAIT = 0.3, 2.0
    """Seconds of processor time, and in all."""

    def __init__(self, folders: List[str], lines: Set[int], jobs: Set[int]) -> None:
        self.folders = tuple(folder.rstrip("/").encode() + b"/" for folder in folders)
        self.lines, self.jobs = lines, jobs
        self.work_until = time.process_time() + self.WORK
        self.wait_until = time.monotonic() + self.WAIT
        self.size = 0
        self.more = False
        self.met: Set[int] = set()

    def late(self) -> bool:
        late = time.process_time() > self.work_until or time.monotonic() > self.wait_until
        self.more = self.more or late
        return late

    def look(self, pid: int) -> None:
        """Threads may have descriptors of their own. One that has ended, or is about to, hides
        what it had, and so does a process that wants to."""
        tasks = f"/proc/{pid}/task/"
        try:
            names = os.listdir(tasks)
        except OSError:  # It has ended.
            return
        for name in names:
            if self.late():
                return
            try:
                self.descriptors(tasks + name)
            except PermissionError:
                if has_memory(tasks + name):
                    self.suspect(pid)
                    return
        self.mappings(f"/proc/{pid}/maps")

    def suspect(self, pid: int) -> None:
        """Who lets nobody look has too much; but nobody can look into a job in its first moment,
        in which it can have been handed no more than others wrote."""
        if pid in self.jobs and not has_worked(pid):
            self.more = True
        else:
            self.size = 1 << 62

    def descriptors(self, task: str) -> None:
        try:
            for name in os.listdir(task + "/fd"):
                if self.late():
                    return
                with contextlib.suppress(FileNotFoundError):  # Closed meanwhile.
                    found = os.stat(task + "/fd/" + name)
                    if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
                        self.meet(found)
                    elif stat.S_ISSOCK(found.st_mode) and found.st_ino not in self.lines:
                        # Files may be on their way in it.
                        told = slurp(task + "/fdinfo/" + name).partition(b"scm_fds:")[2].split()
                        self.more = self.more or (bool(told) and told[0] != b"0")
        except PermissionError:
            raise
        except OSError:  # It has ended.
            pass

    def meet(self, found: os.stat_result) -> None:
        if found.st_ino not in self.met:
            self.met.add(found.st_ino)
            self.size += found.st_blocks * 512

    def mappings(self, path: str) -> None:
        """A mapping holds its file as well, and tells its number but not its size."""
        try:
            with open(path, "rb") as file:
                for line in file:
                    words = line.rstrip(b"\n").split(None, 5)
                    deleted = len(words) > 5 and words[5].endswith(b" (deleted)")
                    if deleted and words[5].startswith(self.folders):
                        self.more = self.more or int(words[4]) not in self.met
                    if self.late():
                        return
        except OSError:  # It has ended.
            pass


def has_memory(task: str) -> bool:
    """Whether a thread still runs its program. One that ends gives its memory back before its
    files, and what is known of it belongs to root from then on, as if it hid it."""
    size = slurp(task + "/statm")
    return bool(size) and not size.startswith(b"0 ")


# ---------------------------------------------------------------------------- the runner


class Port:
    """Frames to and from the host; never waits for a host that does not read, but for files."""

    def __init__(self) -> None:
        os.set_blocking(0, False)
        os.set_blocking(1, False)
        self.incoming = bytearray()
        self.outgoing = bytearray()

    def send(self, head: Dict[str, Any], body: bytes = b"", now: bool = True) -> None:
        """Not ``now`` is with the next one, in one piece."""
        text = json.dumps(head).encode()
        self.outgoing += FRAME.pack(len(text), len(body)) + text
        self.outgoing += body
        if now:
            self.push()

    def push(self) -> bool:
        """Writes what the pipe takes; True when nothing is left."""
        while self.outgoing:
            try:
                sent = os.write(1, memoryview(self.outgoing)[:PIECE].tobytes())
            except BlockingIOError:
                return False
            del self.outgoing[:sent]
        return True

    def send_all(self, head: Dict[str, Any], body: bytes = b"") -> None:
        self.send(head, body)
        with selectors.DefaultSelector() as selector:
            selector.register(1, selectors.EVENT_WRITE)
            while not self.push():
                selector.select()

    def frames(self) -> Iterator[Tuple[Dict[str, Any], bytes]]:
        """The frames that have come; EOFError once the host is gone."""
        try:
            data = os.read(0, PIECE)
        except BlockingIOError:
            return
        if not data:
            raise EOFError
        self.incoming += data
        while len(self.incoming) >= FRAME.size:
            heading, size = FRAME.unpack_from(self.incoming)
            end = FRAME.size + heading + size
            if len(self.incoming) < end:
                return
            head = json.loads(bytes(self.incoming[FRAME.size : FRAME.size + heading]))
            body = bytes(self.incoming[FRAME.size + heading : end])
            del self.incoming[:end]
            yield head, body


class Way:
    """One connection from a program to the relay's port: what waits, and what may be sent."""

    def __init__(self, sock: socket.socket, credit: int) -> None:
        self.sock, self.credit = sock, credit
        self.waiting = bytearray()
        self.ended = self.done = False  # The host will send no more; the program has no more.


class Relay:
    """A port on the container's loopback whose connections the host serves, by frames."""

    def __init__(self, port: Port, selector: selectors.BaseSelector, order: Dict[str, Any]) -> None:
        self.port, self.selector = port, selector
        self.most, self.window = order["most"], order["window"]
        self.ways: Dict[int, Way] = {}
        self.count = 0
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(self.most)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)

    def tell(self, number: int, what: str, body: bytes = b"", **more: int) -> None:
        self.port.send({"is": "net", "conn": number, "what": what, **more}, body)

    def accept(self) -> None:
        try:
            sock, _ = self.listener.accept()
        except OSError:
            return
        if len(self.ways) >= self.most:
            sock.close()
            return
        sock.setblocking(False)
        self.count += 1
        self.ways[self.count] = Way(sock, self.window)
        self.tell(self.count, "open")
        self.heed(self.count)

    def heed(self, number: int) -> None:
        """Listen to what a connection can do now, and to nothing else."""
        way = self.ways[number]
        events = selectors.EVENT_WRITE if way.waiting else 0
        events |= selectors.EVENT_READ if way.credit > 0 and not way.done else 0
        with contextlib.suppress(KeyError):
            self.selector.unregister(way.sock)
        if events:
            self.selector.register(way.sock, events, lambda: self.act(number))

    def act(self, number: int) -> None:
        way = self.ways[number]
        try:
            self.write(number, way)
            if way.credit > 0 and not way.done:
                self.read(number, way)
        except OSError:
            self.drop(number)
            return
        self.heed(number)

    def read(self, number: int, way: Way) -> None:
        try:
            data = way.sock.recv(min(way.credit, 1 << 16))
        except BlockingIOError:
            return
        way.credit -= len(data)
        way.done = not data
        self.tell(number, "data" if data else "end", data)

    def write(self, number: int, way: Way) -> None:
        if way.waiting:
            with contextlib.suppress(BlockingIOError):
                sent = way.sock.send(way.waiting)
                del way.waiting[:sent]
                self.tell(number, "took", bytes=sent)
        if way.ended and not way.waiting:
            raise OSError

    def drop(self, number: int) -> None:
        way = self.ways.pop(number)
        with contextlib.suppress(KeyError):
            self.selector.unregister(way.sock)
        way.sock.close()
        self.tell(number, "gone")

    def take(self, head: Dict[str, Any], body: bytes) -> None:
        way = self.ways.get(head["conn"])
        if way is None:
            return
        if head["what"] == "data":
            way.waiting += body
        elif head["what"] == "took":
            way.credit += head["bytes"]
        else:
            way.ended = True
        self.act(head["conn"])

    def environment(self, order: Dict[str, Any], home: str, path: str) -> Dict[str, str]:
        """The variables for package clients; makes the place on the session's disk that they
        install to. No program has run yet, so nobody can have put anything in the way."""
        venv = os.path.join(home, "venv")
        python = os.path.realpath(sys.executable)
        made = os.path.join(venv, site_packages())
        for folder in (os.path.join(venv, "bin"), made):
            os.makedirs(folder, exist_ok=True)
        for name in ("python3", "python"):
            os.symlink(python, os.path.join(venv, "bin", name))
        settings = "home = %s\ninclude-system-site-packages = true\nversion = %d.%d.%d\n"
        values = (os.path.dirname(python), *sys.version_info[:3])
        pip = (
            "#!%s/bin/python3\nfrom pip._internal.cli.main import main\nraise SystemExit(main())\n"
        )
        texts = {"pyvenv.cfg": settings % values, "bin/pip": pip % venv, "bin/pip3": pip % venv}
        if order["certificates"]:
            texts["certificates.pem"] = order["certificates"]
        for name, text in texts.items():
            with open(os.path.join(venv, name), "w") as file:
                file.write(text)
            os.chmod(file.name, 0o755 if name.startswith("bin/") else 0o644)
        proxy = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        variables = {"HTTPS_PROXY": proxy, "https_proxy": proxy, "VIRTUAL_ENV": venv}
        if order["certificates"]:
            trusted = os.path.join(venv, "certificates.pem")
            names = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
            variables.update(dict.fromkeys(names, trusted))
        return {**variables, **order["variables"], "PATH": venv + "/bin:" + path}


def site_packages() -> str:
    return "lib/python{}.{}/site-packages".format(*sys.version_info)


class Process:
    """A job that the forker has made: a session's interpreter or shell, or a single program."""

    def __init__(self, pid: int, line: Line, end: int) -> None:
        self.pid, self.line = pid, line
        self.end = end
        """The inode of its own end of the line, in which descriptors of ours may wait."""
        self.awake = False
        """Of a forker: whether it has answered since it was started, or given a program to load."""


class Job:
    """The block that runs now."""

    def __init__(self, order: Dict[str, Any], process: Process, capture: Capture) -> None:
        self.id, self.kind = order["id"], order["kind"]
        self.token = os.urandom(8).hex()  # No block before this one can have known it.
        self.process, self.capture = process, capture
        self.started = time.monotonic()
        self.deadline = self.started + order["seconds"]
        self.kill_at: Optional[float] = None
        self.give_up_at: Optional[float] = None
        self.reason: Optional[str] = None
        self.before: Set[Tuple[int, int]] = set()
        self.killings = self.refusals = 0
        self.missing: Optional[str] = None
        # What an interpreter or shell says besides its exit code.
        self.changed: List[str] = []
        self.threads = self.plain = False
        self.kept = ""

    def older(self) -> Set[int]:
        """The processes that were there before."""
        return {pid for pid, _ in self.before}


class Runner:
    """Process 1: one block at a time, each ended on time and with all that belongs to it."""

    def __init__(self) -> None:
        self.port = Port()
        self.settings: Dict[str, Any] = {}
        self.session = self.pooled = False
        self.contained = os.getpid() == 1
        self.me = os.getpid()
        self.selector = selectors.DefaultSelector()
        self.forker: Optional[Process] = None
        self.first = True
        self.program = b""  # What the forker is to have ready, and a new one again.
        self.standing: Dict[str, Process] = {}
        self.spare: Optional[Process] = None  # Made while no job runs, so that none waits for it.
        self.job: Optional[Job] = None
        self.watch: Optional[Watch] = None
        self.relay: Optional[Relay] = None
        self.background: List[Capture] = []
        self.listed: Set[int] = set()
        self.unheard = 0
        self.counted = 0.0
        self.news: List[Dict[str, Any]] = []

    # Beginning and end.

    def main(self) -> NoReturn:
        dumpable(False)
        prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: orphans come to us, also where we are not process 1.
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Process 1 is deaf to what has no handler.
        self.start_forker()
        wake, _ = wake_at_ends()
        self.listen(0, self.hear)
        self.listen(wake, lambda: self.reap(os.read(wake, 4096)))
        try:
            while True:
                for key, _ in self.selector.select(self.patience()):
                    if self.selector.get_map().get(key.fd) is key:  # Not closed meanwhile.
                        key.data()
                self.tick()
        except (EOFError, BrokenPipeError):
            self.job = None  # Nobody is there to hear how it ended.
            self.end_all()
            if self.settings.get("temporary"):
                emptied(self.settings["temporary"])
                os.rmdir(self.settings["temporary"])
            os._exit(0)

    def listen(self, source: Any, act: Callable[[], Any]) -> None:
        self.selector.register(source, selectors.EVENT_READ, act)

    def deaf(self, source: Any) -> None:
        with contextlib.suppress(KeyError, ValueError):
            self.selector.unregister(source)

    def hear(self) -> None:
        for head, body in self.port.frames():
            act = getattr(self, "on_" + head["is"])
            act(head, body)

    def on_setup(self, head: Dict[str, Any], _: bytes) -> None:
        self.settings = {**head, "shared": self.contained and head["life"] == "pooled"}
        self.session, self.pooled = head["life"] == "session", head["life"] == "pooled"
        self.files = Files(head["workspace"])
        self.killings, self.refusals = Tally(*KILLED_FOR_MEMORY), Tally(*REFUSED_FOR_NUMBER)
        self.running = Gauge(next(filter(os.path.exists, NUMBER_RUNNING), ""))
        self.lasting = Lasting()
        self.folders = [Folder(folder) for folder in head["wiped"] if os.path.isdir(folder)]
        if head["watched"]:
            self.watch = Watch(head["watched"], head["disk"], head["files"])
            self.watch.trusted, self.watch.lines = self.trusted, self.ends_of_lines
            self.watch.jobs = lambda: {process.pid for process in self.jobs()}
            self.watch.held = lambda: self.crowd_held(numbers()[:MANY])
            self.watch.keeps = self.session
        if head.get("relay"):
            self.relay = Relay(self.port, self.selector, head["relay"])
            known = head["environment"]
            more = self.relay.environment(head["relay"], known["HOME"], known["PATH"])
            self.settings["environment"] = {**known, **more}
        if self.forker is not None:
            self.settle(self.forker)
        self.port.send({"is": "ready", "id": head["id"]})
        self.stand_ready()

    def trusted(self) -> Set[int]:
        """Processes that run nothing foreign, and let nobody look into them."""
        ours = [self.forker, self.spare]
        if self.job is not None and self.job.kind == "prepared":
            ours.append(self.job.process)
        return {self.me} | {process.pid for process in ours if process is not None}

    def jobs(self) -> List[Process]:
        return [*self.standing.values(), *([self.job.process] if self.job is not None else [])]

    def ends_of_lines(self) -> Set[int]:
        return {process.end for process in self.jobs()}

    def stand_ready(self) -> None:
        """What the next block needs, made before it is there."""
        for kind in self.settings["kept"]:
            if kind not in self.standing:
                process = self.bear()
                if process is not None:
                    self.standing[kind] = process
                    self.begin(process, {"kind": kind}, ())
        if not self.session and self.spare is None:
            self.spare = self.bear()

    def newborn(self) -> Optional[Process]:
        process, self.spare = self.spare, None
        return process or self.bear()

    # Processes.

    def start_forker(self) -> Process:
        """The first one is a fork of this process, which knows nothing yet; later ones are not."""
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            if self.first:
                null_input()
                for number in (1, 2):
                    os.dup2(0, number)
                ours.close()
                raise Apart(theirs.detach())
            # What Python finds at its start is what jobs believe of their streams: pipes, as ever.
            nothing, nowhere = os.pipe()
            for number, given in ((0, nothing), (1, nowhere), (2, nowhere)):
                os.dup2(given, number)
            source = detached_file(globals()["SOURCE"])
            for fd in (theirs.fileno(), source):
                os.set_inheritable(fd, True)
            ends = [str(theirs.fileno()), str(source)]
            argv = [sys.executable, "-I", "-u", "-X", "utf8", "-c", AGAIN, *ends]
            try:
                os.execve(sys.executable, argv, {"PATH": os.environ.get("PATH", os.defpath)})
            finally:
                os._exit(127)
        theirs.close()
        self.first = False
        forker = self.forker = Process(pid, Line(ours.detach()), 0)
        self.listen(forker.line, self.hear_forker)
        if self.settings:
            self.settle(forker)
        if self.program:
            self.pass_on(forker)
        return forker

    def new_forker(self) -> Process:
        """Until it has closed itself others could write into it, and so into every job to come:
        nothing foreign is alive meanwhile."""
        if self.contained and self.others(processes()):
            self.end_all()
            self.news.append({"note": "lost", "what": "all"})
        return self.start_forker()

    def settle(self, forker: Process) -> None:
        names = ("environment", "workspace", "scratch", "python", "open_files", "shared")
        with contextlib.suppress(OSError):  # A forker that does not listen is replaced when asked.
            forker.line.send({name: self.settings[name] for name in names}, wait=False)

    def on_prepare(self, _: Dict[str, Any], body: bytes) -> None:
        self.program = body
        spare, self.spare = self.spare, None
        if spare is not None:  # It was made without.
            spare.line.close()
            cast(spare.pid, signal.SIGKILL)
        if self.forker is None:
            self.new_forker()
        else:
            self.pass_on(self.forker)
        self.stand_ready()

    def pass_on(self, forker: Process) -> None:
        fd, forker.awake = detached_file(self.program), False
        with contextlib.suppress(OSError):  # A forker that does not listen is replaced when asked.
            forker.line.send({"prepare": 1}, (fd,), wait=False)
        os.close(fd)

    def bear(self) -> Optional[Process]:
        """A new process from the forker; a forker that does not answer is replaced, once."""
        for _ in range(2):
            try:
                forker = self.forker or self.new_forker()
            except OSError:  # There are too many processes already.
                return None
            ours, theirs = socket.socketpair()
            end = os.fstat(theirs.fileno()).st_ino
            try:
                forker.line.send({"fork": 1}, (theirs.fileno(),), wait=False)
                pid = self.birth(forker)
            except OSError:
                pid = -1
            theirs.close()
            if pid > 0:
                return Process(pid, Line(ours.detach()), end)
            ours.close()
            if pid == 0:
                return None
            self.lose_forker()
        return None

    def birth(self, forker: Process) -> int:
        """The pid that the forker tells; 0 when it cannot fork, -1 when it does not answer."""
        until = time.monotonic() + (2 if forker.awake else 8)
        poller = select.poll()
        poller.register(forker.line, select.POLLIN)
        while time.monotonic() < until:
            poller.poll(1000 * (until - time.monotonic()))
            messages, there = forker.line.ready()
            born = None
            for message in messages:
                if "born" in message:
                    born = int(message["born"])
                else:
                    self.ended(message["ended"], message["status"])
            if born is not None:
                forker.awake = True
                return born
            if not there:
                break
        return -1

    def lose_forker(self) -> None:
        forker, self.forker = self.forker, None
        if forker is None:
            return
        self.deaf(forker.line)
        messages, _ = forker.line.ready()  # What it had still to tell.
        forker.line.close()
        cast(forker.pid, signal.SIGKILL)
        self.told_ends(messages)

    def hear_forker(self) -> None:
        forker = self.forker
        if forker is None:
            return
        messages, there = forker.line.ready()
        self.told_ends(messages)
        if not there and self.forker is forker:
            self.lose_forker()

    def told_ends(self, messages: List[Dict[str, Any]]) -> None:
        for message in messages:
            if "ended" in message:
                self.ended(message["ended"], message["status"])

    def reap(self, _: bytes = b"") -> None:
        self.note_ends(ended_children())

    def note_ends(self, ends: Iterable[Tuple[int, int]]) -> None:
        for pid, status in ends:
            if self.forker is not None and pid == self.forker.pid:
                self.lose_forker()
            else:
                self.ended(pid, status)

    def ended(self, pid: int, status: int) -> None:
        """A job's process is gone: note how, and finish the job that it was."""
        for kind, process in list(self.standing.items()):
            if process.pid == pid:
                del self.standing[kind]
                if self.job is None or self.job.process is not process:
                    self.news.append({"note": "lost", "what": kind})
        if self.spare is not None and self.spare.pid == pid:
            self.spare = None
        job = self.job
        if job is not None and job.process.pid == pid:
            if job.kind not in SILENT:
                self.hear_process(job.process)
            if self.job is job:
                self.finish(exit_code(status), lost=job.kind in ("python", "shell"))

    def hear_process(self, process: Process) -> None:
        """Messages of a job; what runs in an interpreter can send them too, about itself only."""
        messages, there = process.line.ready()
        if not there:
            self.deaf(process.line)
        job = self.job
        for message in messages:
            if job is None or job.process is not process:
                continue
            if job.kind == "exec" and type(message.get("missing")) is str:
                job.missing = message["missing"][:100]
            done = job.kind in self.settings["kept"] and message.get("done") == job.token
            if done and type(message.get("exit")) is int:
                changed = message.get("changed")
                job.changed = [str(n)[:100] for n in changed] if type(changed) is list else []
                job.threads, job.plain = bool(message.get("threads")), bool(message.get("plain"))
                job.kept = {"all": "all", "before": "before"}.get(str(message.get("kept")), "")
                self.finish(message["exit"] & 0xFF)
                return

    def begin(self, process: Process, order: Dict[str, Any], fds: Tuple[int, ...]) -> bool:
        """Gives a new process its first order; one that has nothing to say is not listened to."""
        try:
            process.line.send(order, fds, wait=False)
        except OSError:
            return False
        if order["kind"] in SILENT:
            process.line.close()
        else:
            self.listen(process.line, lambda: self.hear_process(process))
        return True

    # A block.

    def on_run(self, head: Dict[str, Any], body: bytes) -> None:
        process = self.standing.get(head["kind"]) or self.newborn()
        if process is None:  # What runs in the background has taken every process there may be.
            self.end_all()
            self.news.append({"note": "lost", "what": "all"})
            process = self.bear()
        if process is None or self.job is not None:
            self.port.send({"is": "fault", "id": head["id"], "why": "no process can be made"})
            return
        ours, theirs = os.pipe()
        job = self.job = Job(head, process, Capture(ours, self.settings["keep"]))
        if self.session:
            job.before = {(pid, row[1]) for pid, row in processes().items()}
        job.killings, job.refusals = self.killings.count(), self.refusals.count()
        if self.watch is not None:
            self.watch.job_starts()
        self.listen(job.capture, self.hear_output)
        fds: Tuple[int, ...] = (theirs,)
        if head["kind"] == "once" and len(body) <= INLINE:
            head = {**head, "code": body.decode("utf-8", "surrogatepass")}
        elif not head["saved"]:
            fds += (detached_file(body),)
        began = self.order(process, head, fds, job.token)
        for fd in fds:
            os.close(fd)
        if not began:
            cast(process.pid, signal.SIGKILL)

    def order(
        self, process: Process, head: Dict[str, Any], fds: Tuple[int, ...], token: str
    ) -> bool:
        kind = head["kind"]
        if kind not in self.settings["kept"]:
            return self.begin(process, head, fds)
        if kind not in self.standing:
            self.standing[kind] = process
            if not self.begin(process, {"kind": kind}, ()):
                return False
        try:
            process.line.send({**head, "token": token}, fds, wait=False)
        except OSError:
            return False
        return True

    def on_cancel(self, head: Dict[str, Any], _: bytes) -> None:
        if self.job is not None and self.job.id == head["id"] and self.job.reason is None:
            self.stop("cancelled")

    def hear_output(self) -> None:
        job = self.job
        if job is None:
            return
        job.capture.read()
        if not job.capture.open:
            self.deaf(job.capture)
        if job.capture.total > self.settings["flood"] and job.give_up_at is None:
            self.stop("output", now=True)

    def show_output(self, job: Job, now: bool = True) -> None:
        if job.capture.pending and len(self.port.outgoing) < 1 << 20:
            self.port.send({"is": "output", "id": job.id}, job.capture.piece(), now)

    def stop(self, reason: str, now: bool = False) -> None:
        """End the job: ask it first where there is a session to save, else kill at once."""
        job = self.job
        assert job is not None
        job.reason = job.reason or reason
        moment = time.monotonic()
        if now or not self.session:
            self.kill(job)
        else:
            job.kill_at = moment + self.settings["grace"]
            with self.crowd_held(job.older()):
                table = processes()
                kin = self.kin(job, table)
                if len(kin) > MANY:  # How each of them takes it would last beyond the grace.
                    self.kill_tree(job, roots=False)
                for pid in self.roots(job, table) | kin:
                    cast(pid, signal.SIGINT)

    def kill(self, job: Job) -> None:
        job.give_up_at = time.monotonic() + 1.0
        if self.session and not (self.watch is not None and self.watch.unseen):
            self.end_tree(job, roots=True)
        elif self.pooled:
            self.end_others()
        else:
            self.end_all()

    def roots(self, job: Job, table: Table) -> Set[int]:
        """The process that runs the block: the interpreter, the shell behind its keeper."""
        if job.kind != "shell":
            return {job.process.pid}
        shells = {pid for pid, row in table.items() if row[0] == job.process.pid}
        return {pid for pid in shells if (pid, table[pid][1]) in job.before} or shells

    def kin(self, job: Job, table: Table) -> Set[int]:
        """What the block has started: all that is new and does not come from older processes."""
        own = {self.me, job.process.pid, self.forker.pid if self.forker else 0}
        own |= {process.pid for process in self.standing.values()}
        roots = self.roots(job, table)
        return {
            pid
            for pid, (_, start, state) in table.items()
            if state not in "ZX"
            and pid not in own
            and pid not in roots
            and (pid, start) not in job.before
            and self.belongs(pid, table, roots, job)
        }

    def belongs(self, pid: int, table: Table, roots: Set[int], job: Job) -> bool:
        """What has no parent of its own any more, or has given itself the forker or the shell's
        keeper for one (CLONE_PARENT), can only be the block's."""
        ours = {self.me, job.process.pid, self.forker.pid if self.forker else 0}
        parent = table[pid][0]
        while parent in table and parent not in ours:
            if parent in roots:
                return True
            if (parent, table[parent][1]) in job.before:
                return False
            parent = table[parent][0]
        return parent in ours

    def crowded(self) -> bool:
        """Whether so many run that this process gets its turn too seldom to look at each."""
        return self.contained and int(self.running.read() or 0) > CROWD

    @contextlib.contextmanager
    def crowd_held(self, pids: Iterable[int]) -> Iterator[None]:
        """A crowd stands still meanwhile, all of it by one call; what of ``pids`` did before, also
        after."""
        if not self.crowded():
            yield
            return
        asleep = {pid for pid in pids if (process(pid) or (0, 0, "X"))[2] == "T"}
        cast(-1, signal.SIGSTOP)
        try:
            yield
        finally:
            # Children first: their parents must not see them stopped.
            for pid in sorted(set(numbers()) - asleep - {self.me}, reverse=True):
                cast(pid, signal.SIGCONT)

    def end_tree(self, job: Job, roots: bool) -> None:
        """Kill what the block has started; stop it all first, so that nothing can breed meanwhile.

        ``roots``: also the interpreter or shell that runs the block.
        """
        until = time.monotonic() + 2
        while time.monotonic() < until:
            with self.crowd_held(job.older()):
                found = self.kill_tree(job, roots)
            if not found:
                return
            roots = False
            time.sleep(0.005)
        self.end_all()

    def kill_tree(self, job: Job, roots: bool) -> Set[int]:
        """As ``end_tree``, once and without waiting; what it found besides the roots."""
        stopped: Set[int] = set()
        table = processes()
        trunk = self.roots(job, table) if roots else set()
        for pid in trunk:
            cast(pid, signal.SIGSTOP)
        until = time.monotonic() + 2
        while time.monotonic() < until:
            fresh = self.kin(job, table) - stopped
            if not fresh:
                break
            for pid in fresh:
                cast(pid, signal.SIGSTOP)
            stopped |= fresh
            table = processes()
        for pid in (*trunk, *stopped):
            cast(pid, signal.SIGKILL)
        return stopped

    def end_all(self) -> None:
        """Kill every process but this one. In a container one call does it, and nothing escapes;
        whoever looks first waits among all that run for each turn to look."""
        ends: List[Tuple[int, int]] = []
        for _ in range(200):
            mine = set() if self.contained else self.others(processes())
            if self.contained:
                cast(-1, signal.SIGKILL)
            for pid in sorted(mine):  # Parents first, who would tell.
                cast(pid, signal.SIGKILL)
            ends.extend(ended_children())
            if not mine and not (self.contained and set(numbers()) - {self.me}):
                break
            time.sleep(0.002)
        self.note_ends(ends)

    def end_others(self) -> None:
        """As ``end_all``, but for the forker, where what has to go does not breed too fast."""
        until = time.monotonic() + 1
        while time.monotonic() < until:
            if not self.crowded() and not self.strangers():
                return
            if self.contained:
                cast(-1, signal.SIGSTOP)
            rest = self.strangers()
            for pid in sorted(rest):
                cast(pid, signal.SIGKILL)
            if self.contained and self.forker is not None:
                cast(self.forker.pid, signal.SIGCONT)
            if not rest:
                return
            time.sleep(0.002)
        self.end_all()

    def strangers(self) -> Set[int]:
        """Every living process of this sandbox but this one and the forker."""
        known = {self.me, self.forker.pid if self.forker else 0}
        if not self.contained:
            return self.others(processes()) - known
        return {
            pid
            for pid in numbers()
            if pid not in known and (process(pid) or (0, 0, "X"))[2] not in "ZX"
        }

    def others(self, table: Table) -> Set[int]:
        """Every living process of this sandbox but this one."""
        return {
            pid
            for pid, row in table.items()
            if row[2] not in "ZX"
            and pid != self.me
            and (self.contained or self.descends(pid, table))
        }

    def descends(self, pid: int, table: Table) -> bool:
        for _ in range(1000):
            if pid not in table:
                return False
            pid = table[pid][0]
            if pid == self.me:
                return True
        return False

    def finish(self, code: int, lost: bool = False) -> None:
        """The block is over: end what must not stay, collect its output, and tell the host."""
        job = self.job
        assert job is not None
        self.job = None
        job.capture.drain()
        if self.pooled:
            self.end_others()
        elif not self.session:
            self.end_all()
        elif job.reason is not None:
            self.end_tree(job, roots=False)
            if job.threads:
                lost = True  # The interrupt reached its main thread only.
                cast(job.process.pid, signal.SIGKILL)
                self.standing.pop(job.kind, None)
        job.capture.drain()
        if job.capture.total > self.settings["flood"]:
            job.reason = job.reason or "output"
        if self.watch is not None:
            job.reason = job.reason or self.watch.whole()
            if self.session and self.watch.unseen:  # Whoever holds it, only so is it given back.
                self.end_all()
                self.news.append({"note": "lost", "what": "all"})
        if code != 0 and self.killings.count() > job.killings:
            job.reason = job.reason or "memory"
        self.tell(job, code, lost)
        self.leave(job.capture)
        if job.kind not in SILENT and job.process not in self.standing.values():
            self.deaf(job.process.line)
            job.process.line.close()
        if self.session or self.pooled:
            self.stand_ready()

    def reset(self) -> bool:
        """Make it as it was before the first job; whether nothing of the last one is left."""
        for folder in self.folders:
            folder.open_up()
        left = [path for path in self.settings["wiped"] if not emptied(path)]
        left += [folder.path for folder in self.folders if not folder.restored()]
        if self.watch is not None:
            self.watch.emptied()
        self.files.close()
        self.files = Files(self.settings["workspace"])
        rest = self.strangers()
        if self.forker is not None and not unharmed(self.forker.pid):
            self.lose_forker()
            self.end_others()  # One that was slowed takes its time to go.
            self.reap()
            rest |= self.strangers()
        if self.contained and self.lasting.connections():
            return False
        return not left and not rest and not self.lasting.objects() and unharmed(self.me)

    def tell(self, job: Job, code: int, lost: bool) -> None:
        if job.reason is not None:
            code = {"timeout": 124, "cancelled": 130}.get(job.reason, 137)
        self.show_output(job, now=False)
        head, tail = bytes(job.capture.head), bytes(job.capture.tail)
        answer = {
            "is": "done",
            "id": job.id,
            "exit": code,
            "reason": job.reason,
            "seconds": round(time.monotonic() - job.started, 4),
            "head": len(head),
            "cut": job.capture.total - len(head) - len(tail),
            "notes": self.notes(job, lost),
            "clean": self.pooled and self.reset(),
        }
        self.port.send(answer, head + tail)

    def notes(self, job: Job, lost: bool) -> List[Dict[str, Any]]:
        """What the host should say besides, as codes; the words are the host's."""
        notes, self.news = self.news, []
        if any(note["what"] == "all" for note in notes):
            notes, lost = [{"note": "lost", "what": "all"}], False
        if job.missing is not None:
            notes.append({"note": "missing", "command": job.missing})
        if job.changed:
            notes.append({"note": "reloaded", "names": job.changed[:10]})
        if job.plain:
            notes.append({"note": "plain"})
        if self.contained:
            notes.extend({"note": "limit", "what": what} for what in self.limits_met(job))
        if job.kind in self.settings["kept"]:
            if lost:
                notes.append({"note": "lost", "what": job.kind})
            elif job.kept and (job.reason or job.kept != "all"):
                notes.append({"note": "shell", "kept": job.kept})
            elif job.reason in ("timeout", "cancelled"):
                notes.append({"note": "interrupted"})
        if self.session:
            notes.extend(self.background_notes())
        return notes

    def limits_met(self, job: Job) -> List[str]:
        """The limits that end no block: what asked for more was refused it."""
        met = ["processes"] if self.refusals.count() > job.refusals else []
        return [*met, "tmp"] if full("/tmp") else met

    def background_notes(self) -> List[Dict[str, Any]]:
        notes: List[Dict[str, Any]] = []
        table = processes()
        shell = self.standing.get("shell")
        ours = {process.pid for process in self.standing.values()}
        ours.add(self.forker.pid if self.forker else 0)
        found = sorted(
            pid
            for pid in self.others(table)
            if pid not in ours and (shell is None or table[pid][0] != shell.pid)
        )
        if found and set(found) - self.listed:
            names = [[pid, command_line(pid)] for pid in found[:5]]
            notes.append({"note": "background", "count": len(found), "names": names})
        self.listed = set(found)
        if self.unheard:
            notes.append({"note": "unheard", "bytes": self.unheard})
            self.unheard = 0
        return notes

    def leave(self, capture: Capture) -> None:
        """Whoever still holds the pipe may go on writing; nobody reads it any more but us."""
        self.deaf(capture)
        if capture.open and self.session:
            capture.read()
        if not capture.open or not self.session:
            os.close(capture.fd)
            return
        capture.pending.clear()
        self.background.append(capture)
        self.listen(capture, lambda: self.hear_background(capture))
        if len(self.background) > 64:
            self.forget(self.background[0])

    def hear_background(self, capture: Capture) -> None:
        before = capture.total
        capture.read()
        capture.pending.clear()
        self.unheard += capture.total - before
        if not capture.open:
            self.forget(capture)

    def forget(self, capture: Capture) -> None:
        self.background.remove(capture)
        self.deaf(capture)
        os.close(capture.fd)

    # Time.

    def patience(self) -> Optional[float]:
        if self.port.outgoing:
            return 0.02
        if self.job is None:
            return 1.0 if self.watch is not None and self.session else None
        now = time.monotonic()
        ends = (self.job.give_up_at, self.job.kill_at, self.job.deadline)
        moments: List[float] = [now + TICK, next(when for when in ends if when is not None)]
        if self.job.capture.pending:
            moments.append(self.job.capture.shown_at + Capture.PACE)
        if self.watch is not None and self.watch.walk is not None:
            moments.append(now)
        return max(0.0, min(moments) - now)

    def tick(self) -> None:
        if self.port.outgoing:
            self.port.push()
        now = time.monotonic()
        job = self.job
        if job is None:
            self.look_after_background(now)
            return
        if job.capture.pending and now >= job.capture.shown_at + Capture.PACE:
            self.show_output(job)
        if job.give_up_at is not None:
            if now >= job.give_up_at:
                self.end_all()
                if self.job is job:
                    self.finish(137, lost=True)
            return
        if job.kill_at is not None and now >= job.kill_at:
            self.kill(job)
        if job.kill_at is not None:
            return
        if now >= job.deadline:
            self.stop("timeout")
        elif self.hoarded(now):
            self.stop("memory", now=True)
        elif self.watch is not None:
            passed = self.watch.tick(now)
            if passed is not None:
                self.stop(passed, now=True)

    def look_after_background(self, now: float) -> None:
        """What goes on between jobs, in threads of an interpreter too, may use up memory and the
        disk."""
        if not self.session or self.watch is None:
            return
        if self.hoarded(now) or self.watch.tick(now, idle=True):
            self.end_all()
            self.news.append({"note": "lost", "what": "all"})
            self.stand_ready()

    def hoarded(self, now: float) -> bool:
        """Whether memory of the kernel is used up that no limit of a container covers."""
        if not self.contained or now < self.counted + TICK:
            return False
        self.counted = now
        return waiting_messages() > MOST_WAITING

    # Files.

    def on_net(self, head: Dict[str, Any], body: bytes) -> None:
        if self.relay is not None:
            self.relay.take(head, body)

    def on_put(self, head: Dict[str, Any], body: bytes) -> None:
        self.files.settle(head["agreed"])
        self.files.put(head, body)
        if head["last"]:
            faults = self.files.end_put(whole=not head.get("broken"))
            self.port.send({"is": "placed", "id": head["id"], "faults": faults})

    def on_pull(self, head: Dict[str, Any], _: bytes) -> None:
        def send(told: Dict[str, Any], body: bytes) -> None:
            self.port.send_all({**told, "id": head["id"]}, body)

        self.files.settle(head["agreed"])
        self.files.pull(head, send, shared_files(self.others(processes())))


def live() -> None:
    if __name__ == "__runner__":
        try:
            Runner().main()
        except Apart as apart:
            fd = apart.fd
    else:
        dumpable(False)  # A new program begins as an open book.
        null_input()
        fd = int(sys.argv[1])
    line = fork_jobs(Line(fd))
    sys.exit(become_job(line))  # An ordinary end, with threads joined and exit handlers run.


if __name__ in ("__runner__", "__forker__"):
    live()
