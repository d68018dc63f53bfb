"""The words of an evaluation run: what was asked, what came back, and what became of it.

A run is one pipeline (model, prompt, parameters, formatter) over one data set. It lies in
``<data folder>/evals/<id>/run.jsonl`` (0600, in folders of 0700): JSON lines that are only ever
added to, each ``{"v":1,"type":NAME, ...}`` with the fields of the class of that name below:

- ``Manifest``, the first line and only there;
- ``Call``, before each call of the model: what it may use at most;
- ``Generated``, a sample's replies and the code made of them, once the last reply is there;
- ``Scored``, the verdicts about that sample, one for each of its attempts;
- ``Span``, one operation, written when it ends: parents follow their children;
- ``Ended``, each time that a process lets go of the run; a run may be resumed after it.

A sample is done when it is scored, or when its replies left nothing to score. A later line about
the same sample replaces the earlier one: model errors and harness errors are tried again when a
run is resumed. The last line may be torn, of a writer that was killed; it counts as never written.
Decimals are strings; a text that JSON cannot carry is ``{"base64": ...}`` (see ``shapes``). Readers
pass over fields that they do not know: what must not be passed over needs a new version.

``run_reader`` reads it, ``run_writer`` writes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, get_args

from assistant.evals.commands import Command
from assistant.events import Finish, Usage
from assistant.verdicts.task import Outcome, Verdict

VERSION = 1

Result = Literal[Outcome, "refused", "reply_cut", "model_error", "undecided"]
"""The class of a sample: a verdict's, or why there is none. ``undecided``: not scored yet."""
FAULTS: tuple[Result, ...] = ("model_error", "harness_error", "undecided")
"""Not the solution's: they leave the rate open, to both sides."""
JudgingMode = Literal["isolated", "in-process"]
"""Where tests ran: beside the solution, or in its own process, which could forge a verdict."""
SAMPLES = "samples"
"""The name of the pipeline of samples that were made elsewhere."""
RunStatus = Literal["done", "budget", "faults", "interrupted", "failed"]


@dataclass(frozen=True, slots=True)
class DataStamp:
    """The data set of a run."""

    name: str
    path: str
    sha256: str
    """Of the whole file."""
    tasks: tuple[str, ...]
    """The ids of those that were asked, in the data set's order."""
    released: str = ""
    """The day of the last of them, where all are known."""
    verdict: JudgingMode = "isolated"
    families: Mapping[str, str] = field(default_factory=dict)
    """Of tasks that depend on others: their family. The others are their own."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Tasks that cannot be judged, with the reason."""
    without_sample: tuple[str, ...] = ()
    """Tasks that a file of samples made elsewhere has none of; they count for nothing."""
    language: str = ""
    """What most tasks are to be solved in; empty: written before that was kept."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """That of the tasks which are to be solved in another one."""


@dataclass(frozen=True, slots=True)
class PipelineStamp:
    """What makes a pipeline the same or another one."""

    name: str
    version: str
    """Sixteen hex digits of the SHA-256 of all that follows."""
    model: str
    strategy: str
    prompt: str
    """The text that the model gets, with ``$prompt`` where the task's own stands."""
    prompt_sha256: str
    formatter: str
    """The formatter's name; empty: none."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """The first line of a run: all that its figures depend on."""

    run: str
    at: str
    """When it began: ISO 8601, UTC."""
    data: DataStamp
    pipeline: PipelineStamp
    samples: int
    """Per task, numbered from 1."""
    image: str
    """The sandbox's image, with its digest."""
    limits: Mapping[str, str] = field(default_factory=dict)
    budget: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of this program, Python, and the libraries that take part."""
    command: Command = field(default_factory=Command, metadata={"later": True})


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is about to be made, with the most that it can use."""

    task: str
    number: int
    prompt: int
    completion: int
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One reply of a sample and the code that it came to."""

    reply: str
    finish: Finish
    asked: str
    """SHA-256 of the messages that it answers."""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    code: str | None = None
    """Before formatting; None: the reply has none."""
    formatted: str | None = None
    """After formatting; None: no formatter, or no code."""
    detail: str = ""
    """Why the reply ended, where ``finish`` is not "stop"."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A sample, before it is scored. Most strategies have one attempt; a chat has one per turn."""

    task: str
    number: int
    attempts: tuple[Attempt, ...]
    fault: str = ""
    """The model error that ended it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdicts about one attempt; ``after`` formatting only where there was a formatter."""

    before: Verdict
    after: Verdict | None = None

    @property
    def final(self) -> Verdict:
        return self.after or self.before


@dataclass(frozen=True, slots=True)
class Scored:
    """The verdicts about a sample's attempts, in their order; None where one was not judged."""

    task: str
    number: int
    verdicts: tuple[Judged | None, ...]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Span:
    """One operation: ``predict``, ``model``, ``format``, ``execute`` or ``score``."""

    id: str
    parent: str
    """Empty: none."""
    operation: str
    task: str
    number: int
    start: float
    """Seconds since the epoch."""
    seconds: float
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    usage: Usage | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """A process is through with the run."""

    status: RunStatus
    at: str
    detail: str = ""


Line = Manifest | Call | Generated | Scored | Span | Ended
LINES: Mapping[str, type[Line]] = {kind.__name__: kind for kind in get_args(Line)}
Key = tuple[str, int]
"""A sample: its task and its number."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample with all that is known of it."""

    generated: Generated
    scored: Scored | None = None

    @property
    def key(self) -> Key:
        return self.generated.task, self.generated.number

    @property
    def result(self) -> Result:
        """Its class, of the last attempt that has code."""
        verdict = self.verdict
        if verdict is not None:
            return verdict.outcome
        if self.generated.fault or not self.generated.attempts:
            return "model_error"
        if self.code is not None:
            return "undecided"
        last = self.generated.attempts[-1]
        if last.finish in ("refused", "filtered"):
            return "refused"
        if last.finish == "length":
            return "reply_cut"
        return "no_code_in_reply" if last.finish == "stop" else "model_error"

    @property
    def verdict(self) -> Verdict | None:
        """The one that counts: of the last attempt that was judged, after formatting."""
        judged = self._last
        return (judged.after or judged.before) if judged else None

    @property
    def before(self) -> Verdict | None:
        """The same, before formatting."""
        judged = self._last
        return judged.before if judged else None

    @property
    def _last(self) -> Judged | None:
        for judged in reversed(self.scored.verdicts if self.scored else ()):
            if judged is not None:
                return judged
        return None

    @property
    def passed(self) -> bool:
        return self.result == "passed"

    @property
    def passed_at(self) -> int | None:
        """The first turn, from 1, whose code passed and was passed by all later code."""
        turn = None
        for number, judged in enumerate(self.scored.verdicts if self.scored else (), 1):
            if judged is not None:
                turn = (turn or number) if judged.final.passed else None
        return turn

    @property
    def attempt(self) -> Attempt | None:
        """The last attempt with code, else the last one."""
        attempts = self.generated.attempts
        coded = [one for one in attempts if one.code is not None] or attempts
        return coded[-1] if coded else None

    @property
    def code(self) -> str | None:
        """What was scored in the end."""
        attempt = self.attempt
        if attempt is None:
            return None
        return attempt.code if attempt.formatted is None else attempt.formatted

    @property
    def usage(self) -> Usage:
        """The sum over all replies; a cost is unknown where that of one is."""
        used = [one.usage for one in self.generated.attempts]
        if len(used) == 1:
            return used[0]
        costs = [one.cost for one in used]
        known = [cost for cost in costs if cost is not None]
        return Usage(
            sum(one.prompt for one in used),
            sum(one.cached for one in used),
            sum(one.completion for one in used),
            sum(one.reasoning for one in used),
            sum(known, Decimal(0)) if len(known) == len(costs) else None,
            any(one.estimated for one in used),
        )

    @property
    def seconds(self) -> float:
        """That the model took."""
        return sum(one.seconds for one in self.generated.attempts)
