"""How the candidate's process is made: on its own, without privileges, within its limits.

Sent as text into a sandbox (Python 3.8 or newer, standard library only), after candidate.py.
"""

import ctypes
import io
import math
import os
import resource
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, Dict, NoReturn

if TYPE_CHECKING:
    from assistant.verdicts.candidate import Solution
    from assistant.verdicts.wire import Channel

STACK = 120 << 20
"""Bytes of stack, as much as a process can have that was started with the usual 8 MiB."""


def become_candidate(sock: socket.socket, out: int) -> NoReturn:
    """The life of the forked process, which ends here however the solution ends."""
    try:
        settle_down(sock, out)
        channel = Channel(sock)
        limits, workspace = channel.receive()
        os.chdir(workspace)
        confine(limits)
        Solution(channel).serve()
    except (EOFError, OSError):
        pass
    finally:
        os._exit(9)


def settle_down(sock: socket.socket, out: int) -> None:
    """Own session and signals; no descriptors but its own two and an empty input."""
    os.setsid()
    give_up_privileges(ctypes.CDLL(None, use_errno=True))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDONLY)
    for number, given in ((0, null), (1, out), (2, out)):
        os.dup2(given, number)
    keep = sock.fileno()
    os.closerange(3, keep)
    os.closerange(keep + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    os.register_at_fork(after_in_child=sock.close)


def give_up_privileges(libc: Any) -> None:
    """No capability, also where the sandbox's user is root: the supervisor must not be read."""
    if sys.platform != "linux":
        return
    libc.prctl(1, int(signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    libc.capset(header, (ctypes.c_uint32 * 6)())


def confine(limits: Dict[str, Any]) -> None:
    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_DATA, limits["memory"])
    lower(resource.RLIMIT_AS, 4 * limits["memory"])
    lower(resource.RLIMIT_CPU, math.ceil(limits["seconds"]) * 4 + 10)
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    stack = STACK if hard == resource.RLIM_INFINITY else min(STACK, hard)
    resource.setrlimit(resource.RLIMIT_STACK, (stack, hard))


def lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))
