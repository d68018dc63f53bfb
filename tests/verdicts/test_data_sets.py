"""The published answers of the public data sets pass their own tests."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from assistant.sandbox.docker_sandbox import DockerSandbox
from assistant.sandbox.engine import Engine
from assistant.sandbox.image import BuiltImage
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.sandbox.options import SAMPLE, SandboxOptions
from assistant.verdicts import rows
from assistant.verdicts.pool import OpenExecutor, judge_many
from assistant.verdicts.task import Candidate, Task, TaskLimits

LIMITS = TaskLimits(seconds=60)
SLOWLY = TaskLimits(seconds=120)
pytestmark = pytest.mark.timeout(600)


def lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def local() -> LocalSandbox:
    return LocalSandbox(LocalOptions(dict(os.environ), "pooled"))


def failed(jobs: list[tuple[Task, str]], place: OpenExecutor = local) -> dict[int, str]:
    """What did not pass, by its place."""
    given = [(task, Candidate(code)) for task, code in jobs]
    found = judge_many(place, given)
    return {i: str(verdict)[:300] for i, verdict in enumerate(found) if not verdict.passed}


def test_humaneval(data_folder: Path) -> None:
    found = lines(data_folder / "humaneval" / "HumanEval.jsonl.gz")
    assert len(found) == 164
    right = [(rows.humaneval(r, LIMITS), r["prompt"] + r["canonical_solution"]) for r in found]
    assert failed(right) == {}


@pytest.mark.slow
@pytest.mark.docker
def test_humaneval_in_containers(
    data_folder: Path, engine: Engine, sandbox_image: BuiltImage
) -> None:
    """With the limits of evaluation samples in force."""
    options = SandboxOptions(sandbox_image.tag, "pooled", SAMPLE)
    found = lines(data_folder / "humaneval" / "HumanEval.jsonl.gz")
    right = [(rows.humaneval(r, LIMITS), r["prompt"] + r["canonical_solution"]) for r in found]
    assert failed(right, lambda: DockerSandbox(engine, options)) == {}


def test_humaneval_without_an_answer(data_folder: Path) -> None:
    """The same with a body that gives nothing: none passes, in the class that it belongs to."""
    found = lines(data_folder / "humaneval" / "HumanEval.jsonl.gz")[::8]
    empty = [(rows.humaneval(row, LIMITS), row["prompt"] + "    return None\n") for row in found]
    verdicts = failed(empty)
    assert len(verdicts) == len(found)
    assert all("'wrong_answer'" in verdict for verdict in verdicts.values()), verdicts


def test_mbpp(data_folder: Path) -> None:
    text = (data_folder / "mbpp-sanitized" / "sanitized-mbpp.json").read_text("utf-8")
    found = json.loads(text)
    assert len(found) == 427
    assert failed([(rows.mbpp(row, LIMITS), row["code"]) for row in found]) == {}


@pytest.mark.slow
def test_humaneval_plus(data_folder: Path) -> None:
    found = lines(data_folder / "humaneval-plus" / "HumanEvalPlus.jsonl.gz")
    assert len(found) == 164
    own = [(rows.humaneval_plus(r, LIMITS), r["prompt"] + r["canonical_solution"]) for r in found]
    assert failed(own) == {}


def test_humaneval_plus_in_short(data_folder: Path) -> None:
    """The small edition, which leaves out what is slow and most of what says the same twice."""
    found = lines(data_folder / "humaneval-plus" / "HumanEvalPlus-Mini.jsonl.gz")
    full = lines(data_folder / "humaneval-plus" / "HumanEvalPlus.jsonl.gz")
    answers = {row["task_id"]: row["prompt"] + row["canonical_solution"] for row in full}
    own = [(rows.humaneval_plus(row, LIMITS), answers[row["task_id"]]) for row in found]
    assert failed(own) == {}


@pytest.mark.slow
def test_mbpp_plus(data_folder: Path) -> None:
    found = lines(data_folder / "mbpp-plus" / "MbppPlus-NoExtreme.jsonl.gz")
    assert len(found) == 378
    own = [(rows.mbpp_plus(r, SLOWLY), r["prompt"] + r["canonical_solution"]) for r in found]
    # One input makes an answer of over a million tuples: more than a message may hold.
    (too_large,) = [at for at, row in enumerate(found) if row["task_id"] == "Mbpp/255"]
    assert failed(own).keys() <= {too_large}
