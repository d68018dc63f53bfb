"""What may be done to a conversation besides going on: to its files, its terms, its history."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from assistant.budget import INFINITE, Budget
from assistant.compaction import Situation, compaction, room
from assistant.conversation import Conversation
from assistant.events import (
    AssistantError,
    CodeBlock,
    Compacted,
    Event,
    ExecResult,
    ModelError,
    Moved,
    Notice,
    Pictured,
    Reset,
    Restored,
    Rewound,
    SandboxError,
    UsageError,
)
from assistant.feedback import one_line
from assistant.files_in_use import reader
from assistant.prompts import prompt
from assistant.protocols import Check, Executor, Model, Terms, Workspace
from assistant.rewinding import where_the_files_are
from assistant.transcript import history


@dataclass(frozen=True, slots=True)
class Openers:
    """How a chat gets another model or check while it goes on."""

    model: Callable[[str], Model]
    check: Callable[[str], Check]


class Chat(Conversation):
    """A conversation with all that may be done to it between two messages: to the files that the
    code works on, to its terms, to what the model sees of it."""

    def __init__(
        self,
        model: Model,
        executor: Executor,
        terms: Terms,
        *,
        workspace: Workspace | None = None,
        openers: Openers | None = None,
        past: Sequence[Event] = (),
    ) -> None:
        super().__init__(model, executor, terms, past)
        self.workspace, self.openers = workspace, openers
        self.session = ""
        self.folder = ""

    # The workspace.

    def look(self) -> None:
        """See what changed outside since the last message; the user and the model are told."""
        try:
            sentences = self.executor.look()
        except SandboxError:  # It ended, say. What is known already can be seen and settled.
            sentences = ()
        if sentences:
            text = "\n".join(sentences)
            self.pour(Notice(text))
            self._tell(prompt("outside_changes", sentences=text))

    def run(self, block: CodeBlock) -> ExecResult:
        """Run a block of the user's own, on the folder as it is now."""
        self.look()
        return super().run(block)

    def diff(self, paths: Sequence[str] = ()) -> str:
        """What the code changed, all of it or at and below ``paths``."""
        self.look()
        return self._work().diff(paths)

    def apply(self, paths: Sequence[str] | None = None) -> str:
        """Write the workspace's changes to the user's folder; a sentence about what was done."""
        done = self._work().apply(paths)
        self.pour(Notice(done))
        return done

    def refusals(self) -> list[str]:
        """What of the changes apply would refuse, and why; a line each."""
        self.look()
        return self._work().refusals()

    def read(self, path: str, most: int) -> bytes:
        """A file as the code left it. Raises UsageError where there is none, or a larger one."""
        return self._work().read(path, most)

    def show(self, path: str, size: str, media: str, data: bytes) -> None:
        """Give the model a picture to see; it comes with the next message."""
        text = prompt("picture", path=one_line(path), size=size)
        self.pour(Pictured(text, "result", media, b64encode(data).decode()))

    def undo(self, count: int = 1) -> Restored:
        """Take back what the last ``count`` blocks changed. The conversation stays; see rewind."""
        detail = self._work().undo(count)
        self.pour(Moved(-count))
        return self._restored(detail)

    def redo(self, count: int = 1) -> Restored:
        detail = self._work().redo(count)
        self.pour(Moved(count))
        return self._restored(detail)

    @property
    def rewindable(self) -> bool:
        """Whether undo or redo left the conversation elsewhere than the files."""
        return where_the_files_are(self.events) is not None

    def rewind(self) -> Rewound:
        """Take the conversation to where the files are after undo or redo; the record keeps all.

        Raises UsageError where it is there already.
        """
        target = where_the_files_are(self.events)
        if target is None:
            raise UsageError(
                "the conversation is where the files are",
                "It follows /undo and /redo, once they have taken back all that a reply changed.",
            )
        rewound = Rewound(target)
        self.pour(rewound)
        return rewound

    def discard(self) -> Restored:
        """Throw away every change of the workspace."""
        return self._restored(self._work().discard())

    def conflicts(self) -> list[str]:
        """Files that both the code and the user changed: apply refuses them."""
        self.look()
        return self._work().conflicts()

    def resolve(self, path: str, side: str) -> None:
        """Settle a conflict: "copy" keeps what the code made, "folder" what the user has."""
        self.look()
        self._work().resolve(path, side)
        self._tell(prompt(f"resolved_{side}", path=one_line(path)))

    def _restored(self, detail: str) -> Restored:
        restored = Restored("", detail)
        self.pour(restored)
        self._tell(prompt("restored", detail=detail))
        return restored

    def _work(self) -> Workspace:
        if self.workspace is None:
            raise UsageError("this conversation has no workspace")
        return self.workspace

    # The terms.

    def set_model(self, name: str) -> None:
        self.model = self._open().model(name)
        self.pour(Notice(f"model: {self.model.name}"))

    def set_check(self, command: str) -> None:
        """Another check, or none where ``command`` is empty."""
        check = self._open().check(command) if command else None
        self.terms = replace(self.terms, check=check)
        self._tell(prompt("check_set", command=command) if command else prompt("check_unset"))

    def set_budget(self, **caps: float | Decimal | None) -> Budget:
        """Other caps for each message, by name: replies, tokens, dollars, seconds, blocks."""
        for name, value in caps.items():
            if value is not None and (value <= 0 or value == INFINITE):
                raise UsageError(f"a cap must be a number above 0: {name} {value}")
        changed: dict[str, Any] = dict(caps)
        if "dollars" in caps:
            changed["dollars_required"] = caps["dollars"] is not None
        self.terms = replace(self.terms, budget=replace(self.terms.budget, **changed))
        return self.terms.budget

    def _open(self) -> Openers:
        if self.openers is None:
            raise AssistantError("this conversation cannot open other parts")
        return self.openers

    def compact(self) -> Compacted | None:
        """Have old messages summed up now, where that makes the history smaller.

        Raises ModelError where what must stay does not fit the model's window.
        """
        check = self.terms.check.command if self.terms.check else ""
        now = Situation(self.model, self.left, check, reader(self.workspace))
        used = self.model.count(history(self.events))
        most = min(room(self.model) or used, used)
        try:
            for event in compaction(self.events, now, most, whole=True):
                self.pour(event)
                if isinstance(event, Compacted):
                    return event
        except ModelError:
            if room(self.model) is not None and used > most:
                raise
        return None

    def reset(self) -> None:
        """Forget the conversation; the workspace and what was spent stay."""
        self.pour(Reset())
