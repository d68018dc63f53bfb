"""Gets a public data set from its official place, and keeps it only if it is the published one."""

import hashlib
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from assistant.evals.datasets import PUBLISHED
from assistant.events import UsageError
from assistant.record_file import make_folders

LARGEST = 64 << 20
_PIECE = 1 << 16
SECONDS = 60.0


def fetch(
    name: str, folder: Path, address: str = "", told: Callable[[int], None] = lambda size: None
) -> Path:
    """The file of a published set, fetched into ``folder`` (0700) unless it is there already.

    ``address`` is another place that has the same file; ``told`` hears how many bytes are here.

    Raises:
        UsageError: there is no such set, the place cannot be reached, what came is not the
            published file (nothing is kept then), or it cannot be written.
    """
    if name not in PUBLISHED:
        raise UsageError(
            f"there is no public data set {name!r}", f"Known names: {', '.join(PUBLISHED)}"
        )
    published = PUBLISHED[name]
    if not (address or published.address):
        raise UsageError(
            f"{name} has no official place in this form", "Name one that has it: --from URL"
        )
    path = folder / name / published.file
    if path.is_file() and _sha256(path.read_bytes()) == published.sha256:
        return path
    data = _get(address or published.address, told)
    found = _sha256(data)
    if found != published.sha256:
        raise UsageError(
            f"what {address or published.address} has is not the published {name}: its sha256 is"
            f" {found}, not {published.sha256}",
            "Nothing was kept. Put the published file there by hand, or give its path.",
        )
    _keep(path, data)
    return path


def _get(address: str, told: Callable[[int], None]) -> bytes:
    if not address.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise UsageError(f"{address} is no https address")
    pieces: list[bytes] = []
    size = 0
    try:
        with urlopen(address, timeout=SECONDS) as answer:
            while piece := answer.read(_PIECE):
                pieces.append(piece)
                size += len(piece)
                told(size)
                if size > LARGEST:
                    raise UsageError(f"{address} has more than {LARGEST >> 20} MiB")
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()
        why = getattr(error, "reason", None) or error
        raise UsageError(
            f"{address} cannot be fetched: {why}",
            "Fetch it another way and name its folder by ASSISTANT_DATA, or give its path.",
        ) from error
    return b"".join(pieces)


def _keep(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        make_folders(path.parent)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):  # A file system that can only be read takes no deletion either.
            part.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
