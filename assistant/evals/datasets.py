"""Data sets: where they are found, whether they are what they claim, and their tasks.

A file is JSON lines or one JSON array, plain or gzipped. Its rows have the fields of HumanEval
(``task_id``, ``prompt``, ``entry_point``, ``test``, and if known ``canonical_solution``), of
HumanEval+ or MBPP+ (``base_input`` and ``plus_input``), or of MBPP (``test_list``). Any row may
name the day its task was published, ``released``, and the ``family`` of tasks it belongs to.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assistant.evals.exercises import completed
from assistant.evals.in_files import Files
from assistant.evals.problems import Problem, problem_of
from assistant.evals.rows_file import rows_of
from assistant.evals.runs import JudgingMode
from assistant.events import UsageError

_ENDINGS = (".jsonl", ".jsonl.gz", ".json", ".json.gz")


@dataclass(frozen=True, slots=True)
class Published:
    """A public set as its authors published it."""

    file: str
    sha256: str
    tasks: int
    released: str
    """The day the tasks were published: a stricter edition has the tasks of its first one."""
    address: str = ""
    """Its official place."""


_HUB = "https://github.com/"
_X = _HUB + "THUDM/CodeGeeX/raw/main/codegeex/benchmark/humaneval-x/"


def _humaneval_x(name: str, sha256: str) -> Published:
    file = f"humaneval_{name}.jsonl.gz"
    return Published(file, sha256, 164, "2021-07-07", f"{_X}{name}/data/{file}")


PUBLISHED = {
    "humaneval": Published(
        "HumanEval.jsonl.gz",
        "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
        164,
        "2021-07-07",
        _HUB + "openai/human-eval/raw/master/data/HumanEval.jsonl.gz",
    ),
    "humaneval-plus": Published(
        "HumanEvalPlus.jsonl.gz",
        "272720b90ac375502c8ed23cd791c2a93dfb22a911641a494da74a426c09f101",
        164,
        "2021-07-07",
        _HUB + "evalplus/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus.jsonl.gz",
    ),
    "mbpp": Published(
        "sanitized-mbpp.json",
        "ca95deaa9a01ef0a6f439f88bcf0dd3db3563d22f22aad6cae04ebb9a8d8c8e9",
        427,
        "2021-08-16",
        _HUB + "google-research/google-research/raw/master/mbpp/sanitized-mbpp.json",
    ),
    "mbpp-plus": Published(
        "MbppPlus.jsonl.gz",
        "af43697e8791c4c149bdfd6b489d8b5412507551ac20e28a439f650b8225db63",
        378,
        "2021-08-16",
        _HUB + "evalplus/mbppplus_release/releases/download/v0.2.0/MbppPlus.jsonl.gz",
    ),
    "humaneval-x-python": _humaneval_x(
        "python", "5752fb122efddb0e9b47c77907ae6ce9a15aac4dea14e44c46032c831e6b987a"
    ),
    "humaneval-x-cpp": _humaneval_x(
        "cpp", "dcf2e280a1e91bbc3c5f90edb41397e8a9ac1ccc9f5d2b70082f0b0fbfb6dbb0"
    ),
    "humaneval-x-go": _humaneval_x(
        "go", "09126ef64ac68f87296c5f3781186aedc5dec799b114d9df99d6de4a715a7830"
    ),
    "humaneval-x-java": _humaneval_x(
        "java", "276f36db2eb7aeb864f36a19a2f4e1bb2460fb6e22ff100f0b5bedabe3799967"
    ),
    "humaneval-x-js": _humaneval_x(
        "js", "fe5d467f2c1a027b3f6f18d3729aca01f6458c1de2e2d1292a019c5aa9bed424"
    ),
    "humaneval-x-rust": _humaneval_x(
        "rust", "ae5cabbbfc8fe25244a608b04f09ac3b324c645ac969dfc033756c12f0f9924c"
    ),
    "polyglot": Published(
        "polyglot_py_js.jsonl.gz",
        "d91909e0ad127fcb121b5ec85e5909c09fd27beeead74515f9866a1f6a76f611",
        83,
        "2024-12-22",
    ),
}
_FOLDERS = {
    "mbpp": "mbpp-sanitized",
    **dict.fromkeys((name for name in PUBLISHED if name.startswith("humaneval-x")), "humaneval-x"),
    "polyglot": "exercism-polyglot",
}

LEFT_OUT = {
    "mbpp-plus": {
        "Mbpp/255": "its published answer to one input fills the memory that a sample may use",
    },
    "humaneval-x-js": {
        "JavaScript/112": "its published answer fails its own tests",
        "JavaScript/155": "its published answer fails its own tests",
        "JavaScript/162": "it needs the module js-md5",
    },
    "humaneval-x-rust": {
        "Rust/32": "its test is commented out",
        "Rust/50": "its test is written for rand 0.7, whose calls rand 0.8 does not have",
    },
}
"""Tasks that cannot be judged whatever the answer is, with the reason."""
SLOW = {
    "mbpp-plus": {
        "Mbpp/599": "its published answer alone takes half a minute; a busy machine may need"
        " --task-seconds 120",
    },
}
"""Tasks whose verdict depends on the machine."""

STARTER = Path(__file__).parent / "starter.jsonl"
"""Thirty tasks of this project's own, from easy to hard, which ship with it."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """The tasks of one file, in its order; ``sha256`` is that of the file as it lies there."""

    name: str
    path: Path
    sha256: str
    problems: tuple[Problem, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Tasks that cannot be judged, with the reason; they are asked only by name."""
    slow: Mapping[str, str] = field(default_factory=dict)
    """Tasks whose verdict may depend on the machine, with the reason."""
    verdict: JudgingMode = "isolated"

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.problems)

    def __len__(self) -> int:
        return len(self.problems)


def load(name_or_path: str, folders: Sequence[Path] = ()) -> DataSet:
    """The data set of that name in the first of ``folders`` that has it, or at that path.

    What ends in .jsonl or .json (or with .gz), or has a slash in it, is a path. A published set
    that is asked for by its name must be the published file.

    Raises:
        UsageError: there is none, it cannot be read, it is not the published one, or a row makes
            no sense: the message names file, line and field.
    """
    by_path = os.sep in name_or_path or name_or_path.endswith(_ENDINGS)
    path = Path(name_or_path) if by_path else find(name_or_path, folders)
    data = _bytes(path)
    sha256 = hashlib.sha256(data).hexdigest()
    known = next((name for name, p in PUBLISHED.items() if p.sha256 == sha256), "")
    if not by_path and name_or_path in PUBLISHED and known != name_or_path:
        wanted = PUBLISHED[name_or_path].sha256
        raise UsageError(
            f"{path} is not the published {name_or_path}: its sha256 is {sha256}, not {wanted}",
            "Put the published file there, or give the path of yours",
        )
    problems = _problems(data, path, known)
    name = known or path.name.removesuffix(".gz").rpartition(".")[0] or path.name
    left_out, slow = LEFT_OUT.get(known, {}), SLOW.get(known, {})
    in_files = any(isinstance(problem.tests, Files) for problem in problems)
    verdict: JudgingMode = "in-process" if in_files else "isolated"
    return DataSet(name, path, sha256, problems, left_out, slow, verdict)


def _problems(data: bytes, path: Path, known: str) -> tuple[Problem, ...]:
    """The tasks of a file, at least one; ``known``: the published set that it is, or ""."""
    released = PUBLISHED[known].released if known else ""
    problems: dict[str, Problem] = {}
    places: dict[str, str] = {}
    rows = rows_of(data, path)
    for place, row in completed(rows) if known == "polyglot" else rows:
        problem = problem_of(row, place, released)
        if problem.task_id in problems:
            first = places[problem.task_id]
            raise UsageError(
                f"{place}: the task_id {problem.task_id!r} was used in {first}",
                "Give each task an id of its own.",
            )
        problems[problem.task_id], places[problem.task_id] = problem, place
    if not problems:
        raise UsageError(f"{path} has no task in it", "Each line is a task, as JSON.")
    return tuple(problems.values())


def fetchable(name: str) -> bool:
    """Whether a set has an official place to be fetched from."""
    return name in PUBLISHED and bool(PUBLISHED[name].address)


def find(name: str, folders: Sequence[Path]) -> Path:
    """The file of a data set's name.

    Raises:
        UsageError: no folder has it.
    """
    if name == "starter":
        return STARTER
    files = [f"{name}{ending}" for ending in _ENDINGS]
    if name in PUBLISHED:
        file = PUBLISHED[name].file
        folder = _FOLDERS.get(name, name)
        files = [f"{folder}/{file}", f"{name}/{file}", file, *files]
    for path in (folder / file for folder in folders for file in files):
        if path.is_file():
            return path
    names = ", ".join(["starter", *PUBLISHED])
    looked = " and ".join(map(str, folders)) or "no folder"
    raise UsageError(
        f"There is no data set {name!r} (looked in {looked})",
        f"Fetch it: assistant eval fetch {name}"
        if fetchable(name)
        else f"Known names: {names}. A set of your own is given by its path.",
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"The data set {path} cannot be read: {error.strerror}") from error
