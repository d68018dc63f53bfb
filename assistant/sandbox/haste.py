"""All processors for a container whose block is overdue, until that has ended.

A crowd of processes can use up its container's share of processor time seconds ahead (since Linux
6.18 what is inside a system call runs on unchecked), and the runner, which has to end it, waits
with it for the next one.
"""

from typing import TYPE_CHECKING, Protocol

from assistant.events import SandboxError
from assistant.sandbox.engine import engine_errors
from assistant.sandbox.pulse import EngineSilent, Pulse

if TYPE_CHECKING:
    from docker import DockerClient

PERIOD = 100_000
"""Microseconds over which the engine counts processor time."""
_UNLIMITED = -1


def quota(cpus: float) -> int:
    """Microseconds of each period that so many processors are."""
    return int(cpus * PERIOD)


class Haste(Protocol):
    """``begin`` may do nothing; ``end`` after it raises SandboxError where limits cannot be put
    back. Both can be called again."""

    def begin(self) -> None: ...
    def end(self) -> None: ...


class NoHaste:
    """Where no limit of processors is."""

    def begin(self) -> None:
        pass

    def end(self) -> None:
        pass


class EngineHaste:
    """The engine lifts a container's limit of processors and puts it back."""

    def __init__(self, client: "DockerClient", name: str, cpus: float, pulse: Pulse) -> None:
        self._client, self._name, self._cpus, self._pulse = client, name, cpus, pulse
        self._begun = False

    def begin(self) -> None:
        if not self._begun:
            self._begun = True
            try:
                self._set(_UNLIMITED)
            except EngineSilent:
                pass  # It may have been done.
            except SandboxError:  # Not every engine can.
                self._begun = False

    def end(self) -> None:
        if self._begun:
            self._set(quota(self._cpus))
            self._begun = False

    def _set(self, microseconds: int) -> None:
        with engine_errors(f"The container {self._name}"):
            self._pulse.asked(
                lambda: self._client.api.update_container(
                    self._name, cpu_period=PERIOD, cpu_quota=microseconds
                )
            )
