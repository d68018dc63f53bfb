"""The errors of the house: what went wrong and where, and what the user can do about it."""

import errno
from typing import Literal

__all__ = [
    "AssistantError",
    "ModelError",
    "ModelErrorKind",
    "RecordError",
    "SandboxError",
    "SandboxKilled",
    "UsageError",
]


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DISK = (errno.EIO, errno.EROFS)


def _usual(cause: BaseException | None) -> str:
    """What helps against a fault of files, whatever they were wanted for."""
    if isinstance(cause, FileNotFoundError | NotADirectoryError):
        return "Check the name: relative ones are seen from the current folder."
    if isinstance(cause, PermissionError):
        return "Give yourself the right to it, or name another."
    if isinstance(cause, IsADirectoryError):
        return "It is a folder: name a file."
    if isinstance(cause, UnicodeError):
        return "Save it as UTF-8, or leave it out: other files cannot be read as text."
    if isinstance(cause, OSError) and cause.errno in _FULL:
        return "Make room there, or name another place."
    if isinstance(cause, OSError) and cause.errno in _DISK:
        return "Look at that disk, or name another place."
    return ""


class AssistantError(Exception):
    """An error of ours: what went wrong and where, and what the user can do about it.

    One that comes of a fault of files and has no remedy of its own has the usual one.
    """

    exit_code = 2

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self._remedy = remedy

    @property
    def remedy(self) -> str:
        return self._remedy or _usual(self.__cause__)

    @remedy.setter
    def remedy(self, remedy: str) -> None:
        self._remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n{self.remedy}" if self.remedy else self.message


class UsageError(AssistantError):
    """The user asked for something that cannot be meant: a wrong flag, key, file or value."""


ModelErrorKind = Literal[
    "unavailable", "auth", "quota", "context", "not-found", "bad-request", "unsupported", "replay"
]


class ModelError(AssistantError):
    """The model cannot answer; ``kind`` says whether another try could help."""

    exit_code = 4

    def __init__(
        self, message: str, remedy: str = "", kind: ModelErrorKind = "unavailable"
    ) -> None:
        super().__init__(message, remedy)
        self.kind: ModelErrorKind = kind


class SandboxError(AssistantError):
    """The sandbox itself failed: no engine, no image, a container found dead."""

    exit_code = 5


class SandboxKilled(SandboxError):
    """Its container was ended by force while code ran: memory ran out, or somebody ended it."""


class RecordError(AssistantError):
    """A record cannot be read or written: damaged, of another version, held by another process."""
