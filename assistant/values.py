"""The values of the house, which events carry: blocks, their results, usage, endings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

__all__ = [
    "EXIT_CODES",
    "STATUSES",
    "Action",
    "CodeBlock",
    "ExecResult",
    "Finish",
    "Reason",
    "Role",
    "Status",
    "Usage",
]

Action = Literal["run", "save", "edit", "show"]
Reason = Literal["timeout", "memory", "output", "disk", "files", "cancelled", "declined"]
Finish = Literal["stop", "length", "broken", "interrupted", "refused", "filtered", "failed"]
Role = Literal["system", "user", "result"]
Status = Literal[
    "done",
    "check-failed",
    "budget",
    "model-error",
    "sandbox-error",
    "stuck",
    "refused",
    "gave-up",
    "interrupted",
]

EXIT_CODES: Mapping[Status, int] = MappingProxyType(
    {
        "done": 0,
        "check-failed": 1,
        "budget": 3,
        "model-error": 4,
        "sandbox-error": 5,
        "stuck": 6,
        "refused": 6,
        "gave-up": 6,
        "interrupted": 130,
    }
)
STATUSES: tuple[Status, ...] = tuple(EXIT_CODES)


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One fenced block of a reply: what it says and what is to be done with it.

    ``run`` executes it (and saves it first where it has a path), ``save`` only writes it to
    ``path``, ``edit`` applies it as a change to ``path``, ``show`` does nothing.
    ``lang`` is a name of ``languages.TABLE``, "" when untagged and unsure, else the tag as written.
    """

    lang: str
    code: str
    path: str | None = None
    action: Action = "run"


@dataclass(frozen=True, slots=True)
class ExecResult:
    """What became of a block. Code that fails is a result; a sandbox that fails raises."""

    exit_code: int
    output: str
    seconds: float = 0.0
    reason: Reason | None = None
    image: str | None = None
    cut: int = 0
    """Bytes of output left out between the head and the tail that were kept."""
    notes: tuple[str, ...] = ()
    """What the user and the model should know besides: state lost, a missing module's remedy."""
    files: tuple[str, ...] = ()
    """Paths in the workspace that the block created, changed or deleted."""
    sizes: tuple[int, ...] = field(default=(), metadata={"later": True})
    """Bytes of each of ``files``, -1 for what is no file, or none any more."""

    @property
    def ok(self) -> bool:
        return self.exit_code == 0 and self.reason is None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. ``cost`` is dollars, None when the price is unknown: never 0 for that."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0
    cost: Decimal | None = None
    estimated: bool = False
    """The counts are ours, not the server's."""

    @property
    def total(self) -> int:
        return self.prompt + self.completion
