"""How a run begins: its manifest and id, or what an earlier process left of it."""

import platform
import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from itertools import zip_longest

from assistant import __version__
from assistant.evals.datasets import DataSet
from assistant.evals.in_files import Files
from assistant.evals.problems import Problem
from assistant.evals.run_reader import Run
from assistant.evals.run_writer import now
from assistant.evals.runs import DataStamp, Manifest, PipelineStamp
from assistant.events import UsageError
from assistant.purse import Purse
from assistant.verdicts.task import TaskLimits

_LIBRARIES = ("openai", "tiktoken", "autoflake", "isort", "autopep8", "pyflakes", "ruff")


def new_id(data: str, model: str) -> str:
    """``20250601-120000-humaneval-gpt-4o-1f2e``: recognised, and found by its beginning."""
    words = [re.sub(r"[^A-Za-z0-9.+]+", "-", word)[:40].strip("-.") for word in (data, model)]
    at = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return "-".join([at, *filter(None, words), secrets.token_hex(2)])


def data_stamp(data: DataSet, problems: Sequence[Problem]) -> DataStamp:
    days = [problem.released for problem in problems]
    sizes = Counter(problem.family for problem in problems)
    return DataStamp(
        data.name,
        str(data.path),
        data.sha256,
        tuple(problem.task_id for problem in problems),
        max(days) if all(days) else "",
        data.verdict,
        {p.task_id: p.family for p in problems if sizes[p.family] > 1},
        dict(data.left_out),
        language=(usual := Counter(p.language for p in problems).most_common(1)[0][0]),
        languages={p.task_id: p.language for p in problems if p.language != usual},
    )


def manifest(
    stamps: tuple[DataStamp, PipelineStamp],
    samples: int,
    image: str,
    limits: TaskLimits,
    budget: Mapping[str, str],
) -> Manifest:
    """The first line of a new run."""
    data, pipeline = stamps
    return Manifest(
        new_id(data.name, pipeline.model),
        now(),
        data,
        pipeline,
        samples,
        image,
        {"seconds": f"{limits.seconds:g}", "memory": str(limits.memory)},
        budget,
        versions(),
    )


def versions() -> dict[str, str]:
    found = {"assistant": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def check_same(run: Run, wanted: Manifest) -> None:
    """A run is only gone on with as it was begun.

    Raises:
        UsageError: data, tasks, pipeline, samples or limits are not those of the run; it names
            the first that is not, as it was begun and as it is asked for.
    """
    was, asked = _begun(run.manifest), _begun(wanted)
    names = dict.fromkeys([*was, *asked])
    for name in sorted(names, key="pipeline".__eq__):  # That one depends on most of the others.
        before, after = was.get(name, "none"), asked.get(name, "none")
        if before != after:
            raise UsageError(
                f"run {run.id} was made with {name} {_text(before)}, not {_text(after)}",
                "Go on with what it was begun with, or begin a new run.",
            )
    old, new = run.manifest.data.tasks, wanted.data.tasks
    if old != new:
        first = next((a, b) for a, b in zip_longest(old, new, fillvalue="none") if a != b)
        raise UsageError(
            f"run {run.id} was made with other tasks: {len(old):,}, not {len(new):,};"
            f" the first that differs is {first[0]}, not {first[1]}",
            "Go on with what it was begun with, or begin a new run.",
        )


def _begun(first: Manifest) -> dict[str, object]:
    """What has to be the same, by the words that the flags have for it."""
    data, stamp = first.data, first.pipeline
    return {
        "data set": f"{data.name} (SHA-256 {data.sha256[:16]})",
        "model": stamp.model,
        "strategy": stamp.strategy,
        "prompt": f"of SHA-256 {stamp.prompt_sha256[:16]}",
        "formatter": stamp.formatter or "none",
        **stamp.parameters,
        "seed": "none" if stamp.seed is None else stamp.seed,
        "pipeline": f"{stamp.name} (version {stamp.version})",
        "samples": first.samples,
        **{f"limit of {name}": value for name, value in first.limits.items()},
        "image": first.image,
    }


def _text(value: object) -> str:
    return str(value).replace("\n", " ")[:200]


def already_spent(run: Run, purse: Purse) -> None:
    """Count what earlier processes used; calls of which nothing came back count in full."""
    free = run.manifest.pipeline.model.startswith("replay:")
    for sample in run.samples:
        for attempt in sample.generated.attempts:
            if attempt.finish != "failed":
                purse.add(1, attempt.usage.total, Decimal(0) if free else attempt.usage.cost)
    for call in run.open_calls:
        purse.add(1, call.prompt + call.completion, call.cost)


def narrowed(data: DataSet, tasks: Sequence[str], limit: int | None) -> tuple[Problem, ...]:
    """The tasks that are asked: those named, or the first ones, without what cannot be judged.

    Raises:
        UsageError: the data set has no such task, or nothing is left.
    """
    known = {problem.task_id: problem for problem in data}
    for name in tasks:
        if name not in known:
            raise UsageError(f"{data.name} has no task {name!r}{_near(name, list(known))}")
    chosen = [p for p in data if not tasks or p.task_id in tasks]
    chosen = [p for p in chosen if p.task_id not in data.left_out or p.task_id in tasks]
    chosen = chosen[:limit] if limit is not None else chosen
    if not chosen:
        raise UsageError(f"nothing is left of {data.name} to ask")
    return tuple(chosen)


def _near(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches  # Only when something is wrong.

    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def editable(problem: Problem) -> bool:
    """Whether its answer is a file that there is a beginning of."""
    return isinstance(problem.tests, Files) and bool(problem.tests.beginning)


def not_for(problems: Sequence[Problem]) -> frozenset[str]:
    """The strategies that such tasks cannot be asked with."""
    refused: set[str] = set()
    for problem in problems:
        if isinstance(problem.tests, Files):
            refused |= {"structured"} if editable(problem) else {"structured", "chat"}
    return frozenset(refused)
