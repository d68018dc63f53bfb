"""The disk is full, or fails: the program says so, and no file is left half written."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.evals.datasets import STARTER
from assistant.evals.datasets import load as load_set
from assistant.evals.run_reader import load_run
from assistant.record import load
from tests.cli.conftest import Program, records
from tests.faults.runs import (
    KNOWN_CODES,
    NEW,
    OLD,
    REPLIES,
    TASK,
    all_or_none,
    begin,
    contents,
    each_whole,
    prepare,
    recorded,
)

pytestmark = pytest.mark.timeout(600)
Replies = Callable[..., None]
ENDING = 90.0
RENAMES, SYNCS = "rename,renameat,renameat2", "fsync,fdatasync"


# A disk that is full.


def _own_mounts() -> list[str]:
    """A command that runs another one with mounts of its own; [] where that may not be."""
    for words in (["unshare", "-m"], ["unshare", "-Urm"]):
        command = [*words, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
        if (
            shutil.which("unshare")
            and not subprocess.run(command, check=False, capture_output=True).returncode
        ):
            return words
    return []


@pytest.mark.parametrize("room", [24, 64, 160])
def test_a_disk_that_fills_up(
    program: Program, replies: Replies, tmp_path: Path, room: int
) -> None:
    """The sessions lie on a disk of so many KiB: the run comes to a true end, what the record
    holds is whole, and nothing of the user's is half done."""
    own = _own_mounts()
    if not own:
        pytest.skip("needs mounts of its own: root, or user namespaces")
    data, copy = tmp_path / "data", tmp_path / "copy"
    data.mkdir()
    replies(*REPLIES)
    prepare(program.folder)
    script = (
        f"mount -t tmpfs -o size={room}k tmpfs {data} && {sys.executable} -m assistant "
        '"$@"; code=$?; cp -r '
        f"{data} {copy}; exit $code"
    )
    done = subprocess.run(
        [*own, "sh", "-c", script, "sh", *TASK, "--data-folder", str(data)],
        cwd=program.folder,
        env={**os.environ, **program.variables, "PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
        capture_output=True,
        timeout=ENDING,
        check=False,
    )
    assert done.returncode in KNOWN_CODES, done.stderr
    assert "Traceback" not in done.stderr
    all_or_none(program.folder)
    found = sorted(copy.rglob("record.jsonl"))
    for record in found:
        assert not load(record).damaged
    if room == 24:
        assert "space" in (done.stdout + done.stderr).lower()
    assert (done.returncode == 0) == (contents(program.folder) == NEW), done.stdout + done.stderr


def test_scoring_goes_on_where_a_disk_that_filled_up_has_room_again(
    program: Program, tmp_path: Path
) -> None:
    """The command that it names then is the one that goes on, and nothing is scored twice."""
    own = _own_mounts()
    if not own:
        pytest.skip("needs mounts of its own: root, or user namespaces")
    data, file = tmp_path / "data", tmp_path / "samples.jsonl"
    data.mkdir()
    rows = [
        {"task_id": p.task_id, "solution": f"# {'x' * 20_000}\n{p.reference}"}
        for p in load_set(str(STARTER)).problems[:12]
    ]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    score = (
        f'{sys.executable} -m assistant eval score "$0" starter --workers 1 --data-folder {data}'
    )
    script = (
        f"mount -t tmpfs -o size=300k tmpfs {data} && {score}; first=$?; "
        f"cp {data}/evals/*/run.jsonl {tmp_path}/before.jsonl; "
        f"mount -o remount,size=4m {data} && {score} --resume last >{tmp_path}/told; second=$?; "
        f"cp {data}/evals/*/run.jsonl {tmp_path}/after.jsonl; echo $first $second"
    )
    done = subprocess.run(
        [*own, "sh", "-c", script, str(file)],
        cwd=program.folder,
        env={**os.environ, **program.variables, "PYTHONPATH": str(Path(__file__).parents[2])},
        text=True,
        capture_output=True,
        timeout=2 * ENDING,
        check=False,
    )
    assert done.stdout.split() == ["2", "0"], done.stderr
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    before, after = (load_run(tmp_path / f"{name}.jsonl") for name in ("before", "after"))
    assert f"assistant eval score {file} starter --resume {before.id}" in done.stderr
    assert before.damaged == after.damaged == ()
    assert 0 < len(before.samples) < 12
    assert [sample.result for sample in after.samples] == ["passed"] * 12
    text = (tmp_path / "after.jsonl").read_text()
    assert text.count('"type":"Generated"') == text.count('"type":"Scored"') == 12


# System calls that kill, or fail.


@pytest.fixture
def pending(
    program: Program, llmock: Any, replies: Replies, home: Path, tmp_path: Path
) -> Callable[[], Program]:
    """A session with changes that wait to be applied; made once, copied for each use."""
    replies(*REPLIES)
    prepare(program.folder)
    assert begin(program, *(word for word in TASK if word != "--apply")).wait(ENDING) == 0
    assert contents(program.folder) == OLD
    kept = tmp_path / "kept"
    shutil.copytree(home, kept)

    def again() -> Program:
        shutil.rmtree(home)
        shutil.copytree(kept, home)
        prepare(program.folder)
        return program

    return again


def under(
    strace: str, program: Program, calls: str, inject: str, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    command = [strace, "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}"]
    command += ["-e", f"inject={calls}:{inject}", sys.executable, "-m", "assistant"]
    return subprocess.run(
        [*command, *arguments],
        cwd=program.folder,
        env={**os.environ, **program.variables},
        stdin=subprocess.DEVNULL,
        text=True,
        capture_output=True,
        timeout=ENDING,
        check=False,
    )


def killed_at(
    strace: str, pending: Callable[[], Program], calls: str, k: int
) -> "subprocess.CompletedProcess[str]":
    program = pending()
    done = under(strace, program, calls, f"signal=KILL:when={k}", "apply", "--yes")
    each_whole(program.folder)
    applied = program("apply", "--yes")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert contents(program.folder) == NEW, applied.stdout + applied.stderr
    return done


@pytest.mark.parametrize(("calls", "k"), [(RENAMES, 1), (RENAMES, 2), (SYNCS, 2), (SYNCS, 6)])
def test_killed_in_an_apply(
    strace: str, pending: Callable[[], Program], calls: str, k: int
) -> None:
    """Each file is whole at once; the next apply takes up, or begins anew, and ends with all."""
    assert killed_at(strace, pending, calls, k).returncode != 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("calls", [RENAMES, SYNCS, "unlink,unlinkat", "write,pwrite64"])
def test_killed_at_every_call_of_an_apply(
    strace: str, pending: Callable[[], Program], calls: str
) -> None:
    for k in range(1, 200):
        if killed_at(strace, pending, calls, k).returncode == 0:
            return
    assert calls.startswith("write")


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
@pytest.mark.parametrize(("calls", "k"), [(SYNCS, "3+"), (RENAMES, "2")])
def test_an_apply_on_a_disk_that_fails(
    strace: str, pending: Callable[[], Program], calls: str, k: str, error: str
) -> None:
    """All or none at once, told in a sentence; once the disk is well again, it is all."""
    program = pending()
    done = under(strace, program, calls, f"error={error}:when={k}", "apply", "--yes")
    assert "Traceback" not in done.stderr, done.stderr
    all_or_none(program.folder)
    if contents(program.folder) == OLD:
        assert done.returncode != 0
    assert program("apply", "--yes").returncode in (0, 1, 2)
    assert contents(program.folder) == NEW


@pytest.mark.parametrize("k", [4, 9])
def test_a_run_killed_at_a_sync_of_its_record(
    strace: str, program: Program, replies: Replies, llmock: Any, home: Path, k: int
) -> None:
    replies(*REPLIES)
    prepare(program.folder)
    done = under(strace, program, SYNCS, f"signal=KILL:when={k}", *TASK)
    assert done.returncode != 0
    each_whole(program.folder)
    (record,) = records(home)
    assert not load(record).damaged
    kept = [event["type"] for event in recorded(record)]
    said = [line for line in done.stdout.splitlines() if '"type":"Ran"' in line]
    assert kept.count("Ran") >= len(said)
    llmock.reset()
    replies("We go on.")
    resumed = program("--resume", given="And now?\n")
    assert "We go on." in resumed.stdout, resumed.stdout + resumed.stderr
