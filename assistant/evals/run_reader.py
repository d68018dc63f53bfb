"""Reads evaluation runs back, while they are written too; never changes them."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.evals.run_lines import REMEDY, read_lines, read_spans, whole_lines
from assistant.evals.runs import Call, Ended, Generated, Key, Manifest, Sample, Scored, Span
from assistant.evals.stored import StoredSamples
from assistant.events import RecordError, UsageError
from assistant.record_file import held
from assistant.record_reader import Damage

FILE = "run.jsonl"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,150}")
_SECOND = len("20250601-120000")
"""Characters of an id that tell when its run began."""


@dataclass(frozen=True, slots=True)
class Run:
    """All of a run but its spans, which ``spans`` reads one by one."""

    path: Path
    manifest: Manifest
    samples: Sequence[Sample]
    """Those whose replies are there, in the order of the tasks and of their numbers; each is read
    from the file when it is asked for."""
    open_calls: tuple[Call, ...] = ()
    """Calls of which nothing came back: of samples under way, or of a process that was killed."""
    ended: Ended | None = None
    """How the last process left it; None where one is at work, or was killed."""
    damaged: tuple[Damage, ...] = ()

    @property
    def id(self) -> str:
        return self.manifest.run

    @property
    def wanted(self) -> int:
        """Samples of a whole run."""
        return len(self.manifest.data.tasks) * self.manifest.samples

    def by_task(self) -> dict[str, list[Sample]]:
        """The samples of each task that was asked, also of those that have none yet."""
        found: dict[str, list[Sample]] = {task: [] for task in self.manifest.data.tasks}
        for sample in self.samples:
            found[sample.generated.task].append(sample)
        return found

    def spans(self) -> Iterator[Span]:
        """Every operation, in the order in which they ended."""
        return read_spans(self.path)


def load_run(path: Path) -> Run:
    """A run from its file.

    Raises:
        RecordError: there is none, it is of another version, or its first line is damaged. Damage
            further down costs only its line, and is told in ``damaged``; that inside a span,
            which no figure needs, only its span.
    """
    generated: dict[Key, int] = {}
    scored: dict[Key, int] = {}
    calls: dict[Key, list[Call]] = {}
    manifest: Manifest | None = None
    ended: Ended | None = None
    damaged: list[Damage] = []
    for number, place, line in read_lines(path):
        if isinstance(line, Damage):
            damaged.append(line)
        elif number == 1 and isinstance(line, Manifest):
            manifest = line
        elif isinstance(line, Call):
            calls.setdefault((line.task, line.number), []).append(line)
        elif isinstance(line, Generated):
            key = (line.task, line.number)
            generated[key] = place
            scored.pop(key, None)
            calls.pop(key, None)
        elif isinstance(line, Scored):
            scored[line.task, line.number] = place
        ended = line if isinstance(line, Ended) else None
    if manifest is None:
        why = damaged[0].why if damaged else "it does not begin with a manifest"
        raise RecordError(f"{path} is no evaluation run: {why}", REMEDY)
    order = {task: index for index, task in enumerate(manifest.data.tasks)}
    keys = sorted((k for k in generated if k[0] in order), key=lambda k: (order[k[0]], k[1]))
    samples = StoredSamples(path, ((generated[key], scored.get(key, -1)) for key in keys))
    open_calls = tuple(call for waiting in calls.values() for call in waiting)
    return Run(path, manifest, samples, open_calls, ended, tuple(damaged))


@dataclass(frozen=True, slots=True)
class Listed:
    """A run as the list shows it."""

    path: Path
    manifest: Manifest
    at_work: bool
    """Some process writes to it."""


_KEY = re.compile(
    rb'\{"v":1,"type":"(Generated|Scored)","task":("(?:[^"\\]|\\.)*"),"number":(\d+),'
)
_OUTCOME = b'"outcome":"'
_CODES = (b'"code":"', b'"code":{')
_STATUS = re.compile(rb'\{"v":1,"type":"Ended","status":"([a-z]+)"')


@dataclass(frozen=True, slots=True)
class Counts:
    """How far a run is, at a glance."""

    samples: int
    """Whose replies are there."""
    decided: int
    """Those with a result that stands: no fault, and scored where there is code."""
    passed: int
    status: str
    """How the last process left it; empty where one is at work, or was killed."""


def count(path: Path) -> Counts:
    """The same figures that ``load_run`` comes to, without reading what the lines hold.

    Raises:
        RecordError: it cannot be read.
    """
    decided: dict[tuple[bytes, bytes], bool] = {}
    passed: dict[tuple[bytes, bytes], bool] = {}
    status = ""
    for line in whole_lines(path):
        ended = _STATUS.match(line)
        status = ended[1].decode() if ended else ""
        found = _KEY.match(line)
        if found:
            scored, key = found[1] == b"Scored", (found[2], found[3])
            # The last verdict of the line counts. In a text these quotes are escaped.
            last = line.rfind(_OUTCOME) + len(_OUTCOME)
            passed[key] = scored and line.startswith(b'passed"', last)
            decided[key] = not line.startswith(b'harness_error"', last) if scored else _empty(line)
    return Counts(len(passed), sum(decided.values()), sum(passed.values()), status)


def _empty(generated: bytes) -> bool:
    """Whether such a line's replies are whole and have no code: there is nothing to score."""
    whole = generated.endswith(b'"fault":""}\n') and b'"attempts":[]' not in generated
    return whole and not any(mark in generated for mark in _CODES)


class Runs:
    """The runs below a data folder."""

    def __init__(self, data_folder: Path) -> None:
        self.root = data_folder / "evals"

    def path(self, run: str) -> Path:
        """Where the run of an id lies, or is going to."""
        if not _ID.fullmatch(run):
            raise UsageError(f"no run can have the id {run!r:.60}", REMEDY)
        return self.root / run / FILE

    def find(self, run: str) -> Path:
        """The file of a run: an id, the only id that begins so, ``last``, or a path.

        Raises:
            UsageError: there is none, or there are several.
        """
        if "/" in run or run.endswith(".jsonl"):
            path = Path(run)
            return path / FILE if path.is_dir() else path
        ids = self._ids()
        if run == "last" and ids:
            return self.path(ids[-1])
        found = [run] if run in ids else [one for one in ids if one.startswith(run)]
        if len(found) != 1:
            what = f"{len(found)} runs begin with" if found else "there is no run"
            raise UsageError(f"{what} {run!r:.100}", REMEDY)
        return self.path(found[0])

    def list(self) -> Iterator[Listed | Damage]:
        """Every run, the oldest first; what cannot be read says why."""
        for run in self._ids():
            yield _listed(self.path(run))

    def _ids(self) -> Sequence[str]:
        """In the order of their beginnings; what began in the same second tells more inside."""
        if not self.root.is_dir():
            return []
        found = (one.name for one in self.root.iterdir() if (one / FILE).is_file())
        ids = [name for name in found if _ID.fullmatch(name)]
        together = Counter(name[:_SECOND] for name in ids)

        def began(name: str) -> tuple[str, str, str]:
            second = name[:_SECOND]
            return second, self._began(name) if together[second] > 1 else "", name

        return sorted(ids, key=began)

    def _began(self, run: str) -> str:
        listed = _listed(self.path(run))
        return listed.manifest.at if isinstance(listed, Listed) else ""


def _listed(path: Path) -> Listed | Damage:
    try:
        first = next(read_lines(path), (0, 0, Damage(0, "it is empty")))[2]
    except RecordError as error:
        first = Damage(0, error.message)
    if isinstance(first, Manifest):
        return Listed(path, first, held(path))
    why = first.why if isinstance(first, Damage) else "it has no manifest"
    return Damage(1, f"{path.parent.name}: {why}")


def begun_together(run: Run) -> Sequence[Listed]:
    """The runs that one command line began, this one among them, in the order of its models; this
    one alone where it began no other, or was written before that was kept. What cannot be read,
    or lies in another folder, is not among them."""
    this, command = Listed(run.path, run.manifest, held(run.path)), run.manifest.command.id
    if not command:
        return [this]
    found = {run.id: this}
    for path in sorted(run.path.absolute().parent.parent.glob(f"*/{FILE}")):
        one = _listed(path)
        if isinstance(one, Listed) and one.manifest.command.id == command:
            found.setdefault(one.manifest.run, one)  # A copy of a run is no further one.
    return sorted(found.values(), key=lambda one: one.manifest.command.place)
