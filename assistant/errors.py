"""The errors of the house: what went wrong and where, and what the user can do about it."""

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


class AssistantError(Exception):
    """An error of ours: what went wrong and where, and what the user can do about it."""

    exit_code = 2

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

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
