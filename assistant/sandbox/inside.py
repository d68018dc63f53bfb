"""Commands inside a container of an image that nobody vouches for, held to a time and an amount.

What runs there may be anything, also what the image calls ``timeout`` or ``python3``.
"""

import threading
from collections.abc import Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from assistant.events import SandboxError
from assistant.sandbox.engine import engine_errors
from assistant.sandbox.image_checks import check_name_lists

if TYPE_CHECKING:
    from docker.models.containers import Container

LARGEST = 32 << 20
"""Bytes that a command may print: the list of a whole Debian takes a few millions."""


def run_inside(
    container: "Container",
    command: Sequence[str],
    seconds: float,
    most: int = LARGEST,
    **options: Any,
) -> tuple[int, bytes]:
    """Exit code and output of a command; ``options`` as the engine's exec call takes them.

    An exec can be neither timed out nor killed, so what takes longer than ``seconds`` or prints
    more than ``most`` bytes costs the container, and raises SandboxError.
    """
    client, name = container.client, str(container.id)
    assert client is not None
    api, late = client.api, threading.Event()

    def end() -> None:
        with suppress(SandboxError), engine_errors("A container"):
            api.kill(name)

    def too_late() -> None:
        late.set()
        end()

    check_name_lists(client, name)  # What ran before may have put other ones there.
    started = str(api.exec_create(name, list(command), **options)["Id"])
    printed = bytearray()
    watch = threading.Timer(seconds, too_late)
    watch.daemon = True
    watch.start()
    try:
        pieces: Any = api.exec_start(started, stream=True)
        with closing(pieces._response):  # Else the library frees its socket when it sees fit.
            for piece in pieces:
                if len(printed) <= most:
                    printed += piece
                    if len(printed) > most:
                        end()
    finally:
        watch.cancel()
    if len(printed) > most:
        raise SandboxError(f"A command in the image printed more than {most} bytes")
    if late.is_set():
        raise SandboxError(f"A command in the image did not end within {seconds:.0f} s")
    code = api.exec_inspect(started)["ExitCode"]
    return (code if isinstance(code, int) else 255), bytes(printed)
