"""Files that the user asked for by name, written whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from assistant.events import UsageError


def written(path: Path, text: str) -> str:
    """Write ``text`` to ``path`` and say so. UsageError if it cannot be written."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    data = text.encode("utf-8", "replace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):  # A file system that can only be read takes no deletion either.
            part.unlink(missing_ok=True)
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    return f"wrote {path} ({len(data):,} bytes)"
