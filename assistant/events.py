"""The words of the house: the values, events and errors that all parts share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from assistant.errors import *  # noqa: F403 - words of the house, too, as their __all__ says
from assistant.values import *  # noqa: F403 - likewise
from assistant.values import CodeBlock, ExecResult, Finish, Role, Status, Usage

# Events. Time, ids and sequence numbers belong to the record's envelope, so events compare equal.


@dataclass(frozen=True, slots=True)
class Started:
    """The first event of a record: what the run was made of.

    ``task`` is "" for a conversation, else what kind of task: improve, suggest, implement.
    """

    version: str
    model: str
    folder: str = ""
    image: str = ""
    check: str = ""
    budget: Mapping[str, str] = field(default_factory=dict)
    task: str = field(default="", metadata={"later": True})


@dataclass(frozen=True, slots=True)
class Said:
    """A message to the model: the user's own, the system's, or a result that was fed back."""

    text: str
    role: Role = "user"


@dataclass(frozen=True, slots=True)
class Pictured(Said):
    """A picture for the model, ``data`` in base64; ``text`` says what it is, for those without."""

    media: str = "image/png"
    data: str = ""


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a call may cost at most, written down before it is made."""

    prompt: int
    completion: int
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a reply as it comes; shown, not stored."""

    text: str
    kind: Literal["text", "reasoning"] = "text"


@dataclass(frozen=True, slots=True)
class Retrying:
    """The model part waits before it tries the same call again."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know that changes nothing: a file loaded, a parameter dropped."""

    text: str


@dataclass(frozen=True, slots=True)
class Replied:
    """A whole reply, or what came of it: only ``finish == "stop"`` may run.

    "broken" is a stream that began and did not end well; "failed" a call that brought nothing.
    """

    text: str
    usage: Usage = field(default_factory=Usage)
    finish: Finish = "stop"
    reasoning: str = ""
    detail: str = ""
    """Why the reply ended, where ``finish`` is not "stop"."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Running:
    block: CodeBlock


@dataclass(frozen=True, slots=True)
class Asked:
    """The user was asked whether the block that has begun may run.

    Written twice: with ``answer`` "" before the question, so that a record that ends there tells
    that nothing ran, and with "yes" or "no" after it.
    """

    answer: Literal["", "yes", "no"] = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of a program's output as it comes; shown, not stored."""

    text: str


@dataclass(frozen=True, slots=True)
class Ran:
    block: CodeBlock
    result: ExecResult


@dataclass(frozen=True, slots=True)
class Checking:
    """The acceptance check starts."""

    command: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict of the acceptance check; ``detail`` says why, ``output`` is what it printed."""

    passed: bool
    command: str
    exit_code: int
    output: str = ""
    detail: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    """What was restored, removed or is shown apart, one sentence each."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The workspace went back (or forward) to the state after a block."""

    point: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Moved:
    """So many blocks that changed files were undone (below 0) or done again; Restored follows."""

    blocks: int


# What the model sees of the conversation. Messages (Said and Replied, whatever became of them) are
# numbered from 1 on as they stand in the record.


@dataclass(frozen=True, slots=True)
class Summarised:
    """What the model wrote when it was asked to sum up old messages; itself no message."""

    text: str
    usage: Usage = field(default_factory=Usage)
    finish: Finish = "stop"
    detail: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Compacted:
    """From here on the model sees less of what came before; the record keeps all of it.

    ``note`` stands for the first ``dropped`` messages (the system's stay as they are). In the first
    ``cut`` messages each output keeps ``ends`` characters at its head and at its tail.
    """

    note: str = ""
    dropped: int = 0
    cut: int = 0
    ends: int = 0
    detail: str = ""
    """What was done, for the user."""


@dataclass(frozen=True, slots=True)
class Rewound:
    """The conversation goes on from where it was after its first ``messages`` messages."""

    messages: int


@dataclass(frozen=True, slots=True)
class Reset:
    """The conversation starts anew: the model sees nothing from before but the system message."""


@dataclass(frozen=True, slots=True)
class Finished:
    status: Status
    detail: str = ""


Event = (
    Started
    | Said
    | Pictured
    | Reserved
    | Chunk
    | Retrying
    | Notice
    | Replied
    | Running
    | Asked
    | Output
    | Ran
    | Checking
    | Checked
    | Restored
    | Moved
    | Summarised
    | Compacted
    | Rewound
    | Reset
    | Finished
)
