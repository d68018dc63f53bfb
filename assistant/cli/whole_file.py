"""Writes a file that the user named: whole or not at all."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from assistant.events import UsageError


@contextmanager
def whole_file(name: str) -> Iterator[BinaryIO]:
    """An open file to write; an older one of that name stays until the new one is finished.

    What is no regular file (a device, a pipe) is written as it is; ``-`` is standard output, where
    that is no terminal, which what models wrote could steer.

    Raises:
        UsageError: it cannot be written.
    """
    if name == "-":
        if sys.stdout.isatty():
            raise UsageError(
                "this is not for a terminal", "Send it on: ... - | less, or name a file"
            )
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(os.path.realpath(name))
    special = path.exists() and not path.is_file()
    part = Path(name) if special else path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            with part.open("wb") as file:
                yield file
            if not special:
                part.replace(path)
        except BaseException:
            if not special:
                with suppress(OSError):
                    part.unlink()
            raise
    except OSError as error:
        raise UsageError(f"cannot write {name}: {error.strerror or error}") from error
