"""The filter of system calls: what it says, and what the kernel was really given, next to what the
engine gives by itself."""

import ctypes
import json
import os
import re
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine, connect
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.options import Life, SandboxOptions
from assistant.sandbox.syscalls import filtered, own_filter, profile
from tests.attacks import kernel
from tests.attacks.attack import together, tries
from tests.sandbox.contract import go

BUILTIN = {"SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=rootless"]}


@pytest.mark.parametrize(
    "said",
    [
        ["name=seccomp,profile=default"],
        ["name=seccomp,profile=builtin"],
        ["name=seccomp,profile=unconfined"],
        ["name=cgroupns", "name=seccomp"],
    ],
)
def test_an_engine_with_its_own_filter_or_none_gets_ours(said: list[str]) -> None:
    given = own_filter({"SecurityOptions": said}, shared=False)
    assert given == f"seccomp={profile(shared=False)}"


@pytest.mark.parametrize(
    "about", [{}, {"SecurityOptions": None}, {"SecurityOptions": ["name=apparmor"]}]
)
def test_an_engine_without_filters_is_sent_none(about: dict[str, Any]) -> None:
    assert own_filter(about, shared=False) is None


def test_what_the_administrator_chose_stays() -> None:
    about = {"SecurityOptions": ["name=seccomp,profile=/etc/docker/ours.json"]}
    assert own_filter(about, shared=False) is None


def refusing(*, files: bool) -> tuple[list[list[str]], Callable[[list[str]], str]]:
    """An engine like Podman, which looks for the filter among its own files; and what it was
    asked."""
    asked: list[list[str]] = []

    def create(options: list[str]) -> str:
        asked.append(options)
        for option in options:
            path = Path(option.removeprefix("seccomp="))
            if len(option) > 4096 or not files:
                raise APIError("container create: opening seccomp profile failed: open: no such")
            assert path.read_text() == profile(shared=True)
        return "made"

    return asked, create


def test_an_engine_that_wants_a_file_is_given_one() -> None:
    asked, create = refusing(files=True)
    assert filtered(create, f"seccomp={profile(shared=True)}") == ("made", ())
    ((_,), (named,)) = asked
    assert not Path(named.removeprefix("seccomp=")).exists()


def test_an_engine_that_takes_no_filter_is_used_without_and_that_is_told() -> None:
    asked, create = refusing(files=False)
    made, (lost,) = filtered(create, f"seccomp={profile(shared=True)}")
    assert made == "made"
    assert "no system call filter" in lost
    assert asked[-1] == []


def test_what_else_an_engine_refuses_is_not_about_the_filter() -> None:
    def create(options: list[str]) -> str:
        raise APIError("no such image")

    with pytest.raises(APIError, match="no such image"):
        filtered(create, "seccomp={}")


def test_each_call_has_one_answer() -> None:
    for shared in (False, True):
        rules = json.loads(profile(shared=shared))["syscalls"]
        whole = [name for rule in rules if not rule.get("args") for name in rule["names"]]
        some = {name for rule in rules if rule.get("args") for name in rule["names"]}
        assert len(whole) == len(set(whole))
        assert not some & set(whole)
        assert some == {"socket", "personality", "clone"}


def test_a_shared_place_has_nothing_that_stays() -> None:
    def allowed(shared: bool) -> set[str]:
        rules = json.loads(profile(shared=shared))["syscalls"]
        answers = [rule for rule in rules if rule["action"] == "SCMP_ACT_ALLOW"]
        return {name for rule in answers for name in rule["names"]}

    gone = allowed(False) - allowed(True)
    assert gone >= {"shmget", "semget"}
    assert all(name.startswith(("sem", "shm")) for name in gone)
    assert not {name for name in allowed(False) if name.startswith(("io_uring", "mq_", "msg"))}


# In the kernel. The filter of a running program can be read by root on the same machine.

_SEIZE, _INTERRUPT, _DETACH, _GET_FILTER = 0x4206, 0x4207, 17, 0x420C
_ALL_CHILDREN = 0x40000000
_ALLOWED = 0x7FFF
Instruction = tuple[int, int, int, int]


def filters_of(pid: int) -> list[list[Instruction]]:
    """The programs that the kernel asks before each system call of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(_SEIZE, pid, None, None) < 0:
        pytest.skip(
            f"no process of an engine can be looked into: {os.strerror(ctypes.get_errno())}"
        )
    found: list[list[Instruction]] = []
    try:
        libc.ptrace(_INTERRUPT, pid, None, None)
        os.waitpid(pid, _ALL_CHILDREN)
        while (length := libc.ptrace(_GET_FILTER, pid, len(found), None)) > 0:
            held = ctypes.create_string_buffer(8 * length)
            libc.ptrace(_GET_FILTER, pid, len(found), ctypes.addressof(held))
            found.append(list(struct.iter_unpack("HBBI", held.raw)))
    finally:
        libc.ptrace(_DETACH, pid, None, None)
    return found


def answer(program: list[Instruction], data: bytes) -> int:
    """What a filter says to a call; the instructions are those that filters are made of."""
    at, value = 0, 0
    while True:
        code, yes, no, number = program[at]
        at += 1
        if code == 0x20:
            value = struct.unpack_from("I", data, number)[0]
        elif code == 0x06:
            return number
        elif code == 0x54:
            value &= number
        elif code == 0x05:
            at += number
        else:
            true = {0x15: value == number, 0x25: value > number, 0x35: value >= number}
            true[0x45] = bool(value & number)
            at += yes if true[code] else no


def passes(programs: list[list[Instruction]], machine: int, call: int, *given: int) -> bool:
    arguments = [*given, *[0] * (6 - len(given))]
    data = struct.pack("IIQ6Q", call, machine, 0, *arguments)
    return all(answer(program, data) >> 16 == _ALLOWED for program in programs)


VALUES = (
    *(0, 1, 2, 8, 10, 16, 17, 30, 38, 40, 0x80, 0x20000, 0x20008, 0x400000, 0x7E020000),
    *(0x10000000, 0x1200011, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF),
)
MACHINES = {"64 bits": (0xC000003E, 0), "other": (0xC000003E, 0x40000000), "32": (0x40000003, 0)}
NEW_AND_ALLOWED = {335, 449, 451, 452, 453, 454, 455, 456, 462, 463, 464, 465, 466}
"""Calls that came after an old engine's own list was made: they do what older ones do."""
BY_ARGUMENT = {41, 56, 102, 120, 135, 136, 359}
"""Those whose arguments filters look at: sockets, clones, personalities."""


def tried(call: int) -> tuple[int, ...]:
    return VALUES if call in BY_ARGUMENT else (0, VALUES[-1])


@pytest.fixture(scope="module")
def looked(engine: Engine, sandbox_image: BuiltImage) -> Iterator[dict[str, Any]]:
    """The filters of containers, by what they were made with."""
    if os.geteuid() != 0 or sys.platform != "linux" or os.uname().machine != "x86_64":
        pytest.skip("only root may look, and the numbers are those of one processor")
    if engine.name != "Docker":
        pytest.skip("Podman has a default of its own")
    with ExitStack() as stack:
        client = stack.enter_context(connect(engine.endpoint))

        def look(option: str | None) -> list[list[Instruction]]:
            container, lost = filtered(
                lambda given: client.containers.create(
                    sandbox_image.id,
                    ["60"],
                    entrypoint=["sleep"],
                    cap_drop=["ALL"],
                    network_mode="none",
                    security_opt=["no-new-privileges:true", *given],
                    working_dir="/",
                ),
                option,
            )
            assert not lost
            try:
                container.start()
                container.reload()
                return filters_of(container.attrs["State"]["Pid"])
            finally:
                container.remove(force=True)

        about = client.info()
        made = {f"ours {shared}": own_filter(about, shared=shared) for shared in (False, True)}
        if None in made.values():
            pytest.skip("the administrator of this engine chose a filter")
        filters = {name: look(option) for name, option in made.items()}
        yield {**filters, "engine": look(None)}


@pytest.mark.docker
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("numbering", MACHINES)
def test_nothing_passes_that_the_engine_refuses(
    looked: dict[str, Any], numbering: str, shared: bool
) -> None:
    """But for calls that are newer than the engine, in the place of older ones."""
    machine, base = MACHINES[numbering]
    ours, theirs = looked[f"ours {shared}"], looked["engine"]
    if numbering == "32" and not passes(theirs, machine, 4):
        pytest.skip("this engine runs no programs of 32 bits")
    loose = set()
    for call in range(480):
        for value in tried(call):
            for given in ((value,), (value,) * 6):
                if passes(ours, machine, base + call, *given) and not passes(
                    theirs, machine, base + call, *given
                ):
                    loose.add(call)
    assert loose <= NEW_AND_ALLOWED


@pytest.mark.docker
def test_what_is_refused_besides(looked: dict[str, Any]) -> None:
    machine = MACHINES["64 bits"][0]
    ours, theirs = looked["ours False"], looked["engine"]
    refused = {
        call
        for call in range(480)
        for value in tried(call)
        if passes(theirs, machine, call, value) and not passes(ours, machine, call, value)
    }
    queues = {68, 69, 70, 71, *range(240, 246)}
    rings = {425, 426, 427}
    sockets = {41}
    # Names of files by number, memory of other processes, keys of memory, tables of mounts; and
    # two that no kernel has.
    with_engines = {303, 310, 311, 329, 330, 331, 457, 458, 214, 215}
    assert queues | sockets <= refused <= queues | rings | sockets | with_engines
    for family in (1, 2, 10, 16):
        assert passes(ours, machine, 41, family)
    assert not passes(ours, machine, 41, 38)
    assert {29, 64} <= {call for call in range(480) if passes(ours, machine, call)}
    assert not any(passes(looked["ours True"], machine, call) for call in (29, 30, 31, 64, 65))


@pytest.mark.docker
def test_the_plain_way_withstands_what_is_tried_on_the_kernel(
    engine: Engine, sandbox_image: BuiltImage
) -> None:
    """There no runner adds a filter of its own."""
    # What a runner prevents, and what is tried on a runner.
    runners = {"namespace of the runner", "limits raised"}
    rows = {a.name: a for a in kernel.ATTACKS if a.action and a.name not in runners}
    assert len(rows) > 40
    with DockerSandbox(engine, SandboxOptions(sandbox_image.tag)) as sandbox:
        sandbox._plain = True
        result = go(sandbox, together(rows).code, seconds=60)
    assert result.output.endswith(f"all {len(rows)}\n")
    assert re.findall("(.*): BREACH", result.output) == []
    assert result.output.count("held") == len(rows)


ORDINARY = """
import asyncio, multiprocessing, os, socket, sqlite3, subprocess, tempfile, threading, mmap, select
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
def square(n): return n * n
if __name__ == "__main__":
    with ThreadPoolExecutor(8) as threads: assert sum(threads.map(square, range(50))) == 40425
    with multiprocessing.get_context("fork").Pool(2) as pool: assert pool.map(square, [3]) == [9]
    with ProcessPoolExecutor(2) as processes: assert list(processes.map(square, [4])) == [16]
    async def main():
        server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        process = await asyncio.create_subprocess_exec("true")
        assert await process.wait() == 0
    asyncio.run(main())
    here, there = socket.socketpair(); here.send(b"x"); assert there.recv(1) == b"x"
    assert socket.if_nameindex()
    base = sqlite3.connect(os.path.join(tempfile.mkdtemp(), "base"))
    base.execute("create table t(x)")
    page = mmap.mmap(-1, 4096); page[0] = 1
    queue = multiprocessing.Queue(); queue.put(5); assert queue.get() == 5
    lock = multiprocessing.Lock(); assert lock.acquire(timeout=5)
    os.mkfifo(tempfile.mktemp()); os.memfd_create("x"); os.getrandom(4); os.sched_getaffinity(0)
    select.epoll().close(); os.posix_spawnp("true", ["true"], {}); os.wait()
    assert subprocess.run("ulimit -a; ls -la /; sleep 0.01 & wait; date", shell=True,
                          capture_output=True).returncode == 0
    print("all well")
"""


@pytest.mark.docker
@pytest.mark.parametrize("plain", [False, True])
def test_ordinary_programs_run(engine: Engine, sandbox_image: BuiltImage, plain: bool) -> None:
    with DockerSandbox(engine, SandboxOptions(sandbox_image.tag)) as sandbox:
        sandbox._plain = plain
        result = go(sandbox, f"cat >all.py <<'END'\n{ORDINARY}END\npython3 all.py", "bash", 60)
    assert result.output == "all well\n"


@pytest.mark.docker
def test_memory_that_is_shared_by_number_is_there_for_who_is_alone(
    engine: Engine, sandbox_image: BuiltImage
) -> None:
    """Databases ask for it."""
    code = tries("call(29, 7, 4096, 0o1600)")
    answers: dict[Life, str] = {"session": "BREACH", "fresh": "BREACH", "pooled": "held"}
    for life, word in answers.items():
        with DockerSandbox(engine, SandboxOptions(sandbox_image.tag, life)) as sandbox:
            assert word in go(sandbox, code).output
