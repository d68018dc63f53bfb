"""Why a container ended, as the engine and the runner's own last words tell."""

from types import SimpleNamespace
from typing import Any

import pytest

from assistant.sandbox.container import Container
from assistant.sandbox.places import KILLED


def obituary(code: int, out_of_memory: bool) -> str:
    container: Any = object.__new__(Container)
    container._linked, container._pulse = True, SimpleNamespace(beats=lambda: True)
    container._attached = SimpleNamespace(complaint=b"Traceback\nOSError: why\n")
    state = {"Running": False, "OOMKilled": out_of_memory, "ExitCode": code}
    container._last_state = lambda: state
    return str(container.obituary())


@pytest.mark.parametrize(
    ("code", "out_of_memory", "told"),
    [
        (137, True, KILLED[0]),
        (137, False, KILLED[1]),
        (1, True, "its container was found dead (exit 1): OSError: why"),
        (1, False, "its container was found dead (exit 1): OSError: why"),
    ],
)
def test_a_runner_that_failed_is_not_blamed_on_memory(
    code: int, out_of_memory: bool, told: str
) -> None:
    """The engine says of a container that memory ran out in it, whichever program that ended."""
    assert obituary(code, out_of_memory) == told
