"""Children that are killed, or meet an error, at their k-th system call."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from assistant.events import AssistantError

_CALLS = {
    "rename", "write", "fsync", "open", "unlink", "mkdir", "rmdir", "symlink", "fchmod", "chmod",
    "ftruncate", "pread",
}  # fmt: skip


def at_call(k: int, act: Callable[[], None]) -> Callable[[FrameType, str, object], None]:
    """A profile function that acts before the k-th call of ``os``, counting from 0."""
    count = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        if event == "c_call" and getattr(argument, "__name__", "") in _CALLS and (
            getattr(argument, "__module__", "") == "posix"
        ):  # fmt: skip
            if count == k:
                act()
            count += 1

    return profile


def in_child(body: Callable[[], None]) -> int:
    """Run in a forked child; 0 if it came to its end, 1 if it raised, -9 if it was killed."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            body()
            status = 0
        except (OSError, AssistantError):
            status = 1
        finally:
            sys.setprofile(None)
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
