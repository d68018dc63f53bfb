"""A conversation: its events so far, the parts that answer and run, and what may be done to it."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal

from assistant.asking import Run
from assistant.budget import INFINITE, Budget, Left, Spent, left, narrower, spent
from assistant.compaction import Situation, compaction, room
from assistant.events import (
    AssistantError,
    Checked,
    Chunk,
    CodeBlock,
    Compacted,
    Event,
    ExecResult,
    Finished,
    ModelError,
    Moved,
    Notice,
    Output,
    Pictured,
    Ran,
    Reset,
    Restored,
    Retrying,
    Rewound,
    Running,
    Said,
    SandboxError,
    UsageError,
)
from assistant.feedback import one_line
from assistant.files_in_use import reader
from assistant.following import followed
from assistant.loop import MakeTurn, Turn, converse, deliver, drive, said
from assistant.prompts import prompt
from assistant.protocols import Check, Executor, Model, Terms, Workspace
from assistant.rewinding import where_the_files_are
from assistant.transcript import history, this_turn, under_way

Sink = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Openers:
    """How a chat gets another model or check while it goes on."""

    model: Callable[[str], Model]
    check: Callable[[str], Check]


class Chat:
    """One conversation. Every event goes to the sinks, in order; the first should be the record.

    ``redacted`` is applied to each event before any sink or the model sees it.
    """

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
        self.model, self.executor, self.terms = model, executor, terms
        self.workspace, self.openers = workspace, openers
        self.events: list[Event] = list(past)
        self.opened = len(self.events)  # So many are from before.
        self.sinks: list[Sink] = []
        self.session = ""
        self.folder = ""
        self.redacted: Callable[[Event], Event] = lambda event: event
        self.turn: MakeTurn = Turn
        """What makes a turn of this conversation."""

    def say(self, text: str) -> Finished:
        """One turn: the user's message, and all that follows, to its ending."""

        def turn() -> Run:
            return converse(self.events, self.model, self.executor, self.terms, self.turn)

        try:
            return drive(said(text, turn), self.pour)
        except KeyboardInterrupt as landed:  # Between two steps: what began has an ending.
            if under_way(self.events):
                self.pour(Finished("interrupted", str(landed)))
            raise

    def attend(self, sink: Sink) -> None:
        """Give the sink what has happened since the chat was opened, and all that follows."""
        for event in self.events[self.opened :]:
            sink(event)
        self.sinks.append(sink)

    def pour(self, event: Event) -> None:
        """Keep an event and hand it to every sink."""
        event = self.redacted(event)
        if not isinstance(event, Chunk | Output | Retrying):
            self.events.append(event)
        if interrupt := deliver(event, self.sinks):
            raise interrupt

    def run(self, block: CodeBlock) -> ExecResult:
        """Run a block of the user's own; the model does not hear of it."""
        result = ExecResult(130, "", reason="cancelled")
        try:  # What is written down as running is written down as ended.
            with suppress(KeyboardInterrupt):
                self.pour(Running(block))
                result = followed(self.executor.run(block, self.terms.block_seconds), self.pour)
        finally:
            self.pour(Ran(block, result))
        return result

    def run_check(self) -> Checked:
        """Run the acceptance check now, whatever the model says."""
        if self.terms.check is None:
            raise UsageError("there is no check to run", "Set one: /check COMMAND")
        checked = followed(self.terms.check.run(self.terms.check_seconds), self.pour)
        self.pour(checked)
        return checked

    def _tell(self, text: str) -> None:
        self.pour(Said(text, "result"))

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

    def diff(self) -> str:
        self.look()
        return self._work().diff()

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
                "Undo first; of a reply with several blocks, all that changed files.",
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

    def left(self) -> Left:
        """What remains for the message under way, and of the session where that is capped."""
        remaining = left(self.terms.budget, spent(this_turn(self.events)))
        if self.terms.session:
            remaining = narrower(remaining, left(self.terms.session, self.spent()))
        return remaining

    def spent(self) -> Spent:
        """What the whole conversation used."""
        return spent(self.events)

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
        if "dollars" in caps:
            caps["dollars_required"] = caps["dollars"] is not None
        self.terms = replace(self.terms, budget=replace(self.terms.budget, **caps))  # type: ignore[arg-type]
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
