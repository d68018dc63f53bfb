"""The store of evaluation runs: what is written is read back, whatever ends the writer."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from assistant.evals import run_writer
from assistant.evals.run_reader import Listed, Runs, count, load_run
from assistant.evals.run_writer import RunWriter, encoded
from assistant.evals.runs import (
    FAULTS,
    Attempt,
    Call,
    DataStamp,
    Generated,
    Judged,
    Manifest,
    PipelineStamp,
    Sample,
    Scored,
    Span,
)
from assistant.events import Finish, RecordError, Usage, UsageError
from assistant.record_file import write
from assistant.record_reader import Damage
from assistant.redact import Redactor
from assistant.verdicts.task import Verdict

TASKS = ("t/0", "t/1", "t/2")
MANIFEST = Manifest(
    "run-a",
    "2025-06-01T12:00:00.000Z",
    DataStamp("small", "small.jsonl", "0" * 64, TASKS),
    PipelineStamp("fence", "0" * 16, "a-model", "fence", "$prompt", "1" * 64, ""),
    2,
    "image@sha256:2",
)
PASSED, WRONG = Verdict("passed"), Verdict("wrong_answer", "1 != 2")


def attempt(code: str | None = "x = 1\n", finish: Finish = "stop") -> Attempt:
    usage = Usage(10, 4, 5, 1, Decimal("0.25"))
    return Attempt("a reply", finish, "2" * 64, usage, 0.5, code)


def sample(task: str = "t/0", number: int = 1) -> tuple[Generated, Scored]:
    return (
        Generated(task, number, (attempt(),)),
        Scored(task, number, (Judged(PASSED),), 0.25),
    )


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = Runs(tmp_path).path("run-a")
    span = Span("2", "1", "model", "t/1", 2, 1.0, 0.5, {"prompt": "\ud800\udc00 é"}, {"reply": "x"})
    with RunWriter(path) as writer:
        assert writer.empty
        writer.begin(MANIFEST)
        writer.add(Call("t/1", 2, 10, 20, Decimal("0.5")), *sample("t/1", 2), span)
        writer.add(Call("t/0", 1, 10, 20), sample()[0])
        writer.add(Call("t/2", 1, 7, 8))
        writer.end("interrupted", "by the user")
    run = load_run(path)
    assert (run.manifest, run.wanted, run.damaged) == (MANIFEST, 6, ())
    assert [one.key for one in run.samples] == [("t/0", 1), ("t/1", 2)]
    assert run.samples[1] == Sample(*sample("t/1", 2))
    assert run.open_calls == (Call("t/2", 1, 7, 8),)
    assert run.ended
    assert run.ended.status == "interrupted"
    assert list(run.spans()) == [span]
    assert {task: len(found) for task, found in run.by_task().items()} == {
        "t/0": 1,
        "t/1": 1,
        "t/2": 0,
    }


def test_a_run_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = Runs(tmp_path / "data").path("run-a")
    with RunWriter(path) as writer:
        writer.begin(MANIFEST)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (path.parent, path.parent.parent, tmp_path / "data"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_later_lines_about_a_sample_replace_earlier_ones(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunWriter(path) as writer:
        writer.begin(MANIFEST)
        writer.add(Generated("t/0", 1, (), "the server is away"))
        assert load_run(path).samples[0].result == "model_error"
        writer.add(sample()[0])
        assert load_run(path).samples[0].result == "undecided"
        writer.add(sample()[1])
    assert [one.result for one in load_run(path).samples] == ["passed"]


def test_the_class_of_a_sample() -> None:
    def result(finish: Finish, code: str | None) -> str:
        return Sample(Generated("t/0", 1, (attempt(code, finish),))).result

    assert result("stop", None) == "no_code_in_reply"
    assert result("stop", "x") == "undecided"
    assert result("refused", None) == "refused"
    assert result("filtered", None) == "refused"
    assert result("length", None) == "reply_cut"
    assert result("broken", None) == "model_error"
    turns = (attempt("a"), attempt(None), attempt("b"))
    judged = (Judged(WRONG), None, Judged(WRONG, PASSED))
    chat = Sample(Generated("t/0", 1, turns), Scored("t/0", 1, judged))
    assert (chat.result, chat.passed_at, chat.code) == ("passed", 3, "b")
    assert chat.before == WRONG
    assert chat.usage == Usage(30, 12, 15, 3, Decimal("0.75"))
    fell = Sample(Generated("t/0", 1, turns), Scored("t/0", 1, (*judged[2:], None, judged[0])))
    assert (fell.result, fell.passed_at) == ("wrong_answer", None)
    unpriced = (attempt("a"), replace(attempt("b"), usage=Usage(1, 0, 1)))
    assert Sample(Generated("t/0", 1, unpriced)).usage.cost is None


def test_a_torn_last_line_was_never_written(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunWriter(path) as writer:
        writer.begin(MANIFEST)
        writer.add(*sample())
    whole = path.read_bytes()
    end = len(whole)
    for cut in (end - 1, end - 40, whole.index(b"\n") + 1):
        path.write_bytes(whole[:cut])
        before = load_run(path)
        with RunWriter(path) as writer:
            writer.add(*sample("t/1", 1))
        run = load_run(path)
        assert run.damaged == ()
        assert run.samples[: len(before.samples)] == tuple(before.samples)
        assert run.samples[-1] == Sample(*sample("t/1", 1))


def test_damage_costs_its_own_line_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunWriter(path) as writer:
        writer.begin(MANIFEST)
        writer.add(*sample(), *sample("t/1", 1))
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = b'{"v":1,"type":"Generated","task":7}\n'
    path.write_bytes(b"".join(lines))
    run = load_run(path)
    assert [one.line for one in run.damaged] == [2]
    assert [one.key for one in run.samples] == [("t/1", 1)]
    path.write_bytes(b'{"v":2,"type":"Manifest"}\n' + b"".join(lines[1:]))
    with pytest.raises(RecordError, match=r"version 2 of the format"):
        load_run(path)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunWriter(path) as writer:
        writer.begin(MANIFEST)
        with pytest.raises(RecordError, match=r"in use by process \d+"), RunWriter(path):
            pass
    with RunWriter(path) as writer:
        assert not writer.empty


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"

    def full(fd: int, data: bytes) -> None:
        os.write(fd, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with RunWriter(path) as writer:
        writer.begin(MANIFEST)
        with monkeypatch.context() as patch:
            patch.setattr(run_writer, "write", full)
            with pytest.raises(RecordError, match="No space left"):
                writer.add(*sample())
            assert len(load_run(path).samples) == 0
            with pytest.raises(RecordError, match="No space left"):
                writer.add(*sample("t/1", 1))
        assert path.read_bytes().endswith(b"\n")
    assert len(load_run(path).samples) == 2


def test_a_run_that_an_error_ends_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a disk that has room for a short line alone; one that was not added to stays."""
    path = tmp_path / "run.jsonl"

    def nearly_full(fd: int, data: bytes) -> None:
        if len(data) > 300:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(fd, data)

    def run() -> None:
        with RunWriter(path) as writer:
            writer.begin(MANIFEST)
            monkeypatch.setattr(run_writer, "write", nearly_full)
            writer.add(*sample())

    with pytest.raises(RecordError, match="No space left"):
        run()
    monkeypatch.undo()
    assert (len(load_run(path).samples), count(path).status) == (0, "failed")
    with RunWriter(path) as writer:
        writer.add(*sample())
        writer.end("done")
    with pytest.raises(ZeroDivisionError), RunWriter(path):
        raise ZeroDivisionError
    assert count(path).status == "done"


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunWriter(path) as writer:
        writer.begin(replace(MANIFEST, data=replace(MANIFEST.data, tasks=("t/0",)), samples=400))

        def work(first: int) -> None:
            for number in range(first, 401, 8):
                writer.add(*sample("t/0", number))

        threads = [threading.Thread(target=work, args=(one,)) for one in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    run = load_run(path)
    assert run.damaged == ()
    assert [one.key[1] for one in run.samples] == list(range(1, 401))
    assert all(one.passed for one in run.samples)


_WRITER = """
import sys
from pathlib import Path
from tests.evals.test_runs import MANIFEST, sample
from assistant.evals.run_writer import RunWriter
with RunWriter(Path(sys.argv[1])) as writer:
    writer.begin(MANIFEST)
    for number in range(1, 1_000_000):
        writer.add(*sample("t/0", number))
        print(number, flush=True)
"""


def test_a_killed_writer_loses_no_line_that_it_had_told(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    command = [sys.executable, "-c", _WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = [process.stdout.readline() for _ in range(50)][-1]
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().splitlines()
    run = load_run(path)
    assert len(run.samples) >= int(rest[-1] if rest else told)
    assert run.damaged == ()
    with RunWriter(path) as writer:  # The kernel has let go of the lock.
        writer.end("done")


def test_secrets_never_reach_the_disk(tmp_path: Path) -> None:
    key = "sk-0123456789abcdef0123456789abcdef"
    line = encoded(Generated("t/0", 1, (replace(attempt(), reply=f"key {key}"),)), Redactor([key]))
    assert key.encode() not in line


def test_runs_are_listed_and_found(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    assert list(runs.list()) == []
    for name in ("20250601-a", "20250602-b"):
        with RunWriter(runs.path(name)) as writer:
            writer.begin(replace(MANIFEST, run=name))
            assert [one.at_work for one in runs.list() if isinstance(one, Listed)][-1:] == [True]
    (tmp_path / "evals" / "20250603-c").mkdir()
    (tmp_path / "evals" / "20250603-c" / "run.jsonl").write_text("{}\n")
    listed = list(runs.list())
    assert isinstance(listed[2], Damage)
    assert [one.manifest.run for one in listed[:2] if isinstance(one, Listed)] == [
        "20250601-a",
        "20250602-b",
    ]
    assert runs.find("20250602") == runs.find("20250602-b") == runs.path("20250602-b")
    assert runs.find(str(tmp_path / "evals" / "20250601-a")) == runs.path("20250601-a")
    for wrong in ("2025060", "nothing", "../../etc", "a b"):
        with pytest.raises((UsageError, RecordError)):
            print(load_run(runs.find(wrong)))


def test_the_last_run_is_the_one_that_began_last_in_the_same_second_too(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    second = "20250601-120000"
    for name, at in (("c", "00.123"), ("a", "00.124"), ("b", "00.125")):
        with RunWriter(runs.path(f"{second}-{name}")) as writer:
            begun = replace(MANIFEST, run=f"{second}-{name}", at=f"2025-06-01T12:00:{at}Z")
            writer.begin(begun)
    assert runs.find("last") == runs.path(f"{second}-b")
    listed = [one.manifest.run for one in runs.list() if isinstance(one, Listed)]
    assert [run[-1] for run in listed] == ["c", "a", "b"]


def test_counts_at_a_glance_are_those_of_a_whole_reading(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    lie = Verdict("wrong_answer", '"outcome":"passed"', output='{"outcome":"passed"')
    odd = tuple(f'{mark}"outcome":"passed",\\"number":9,' for mark in ("t", "\\"))
    with RunWriter(path) as writer:
        writer.begin(replace(MANIFEST, data=replace(MANIFEST.data, tasks=(*TASKS, *odd))))
        judged = (Judged(PASSED), Judged(WRONG), Judged(PASSED, WRONG), Judged(WRONG, PASSED))
        for number, one in enumerate((*judged, Judged(lie), None), 1):
            for task in ("t/0", *odd):
                writer.add(sample(task, number)[0], Scored(task, number, (Judged(PASSED), one)))
        writer.add(*sample("t/1", 1), sample("t/1", 1)[0], Generated("t/2", 1, (), "away"))
        writer.add(Generated("t/2", 2, (Attempt('no "code":"x" here', "stop", ""),)))
        writer.add(sample("t/2", 3)[0], Scored("t/2", 3, (Judged(Verdict("harness_error")),)))
        writer.end("faults")
    run, counts = load_run(path), count(path)
    assert counts.samples == len(run.samples)
    assert counts.passed == sum(one.passed for one in run.samples) == 9
    standing = [one for one in run.samples if one.result not in FAULTS]
    assert counts.decided == len(standing) < counts.samples
    assert counts.status == "faults"
    with path.open("ab") as file:
        file.write(b'{"v":1,"type":"Ended","status":"do')
    assert count(path) == counts


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "1e999"])
def test_a_time_that_is_no_number_costs_its_line(tmp_path: Path, odd: str) -> None:
    path = tmp_path / "run.jsonl"
    with RunWriter(path) as writer:
        writer.begin(MANIFEST)
        writer.add(*sample("t/0"), *sample("t/1"))
        writer.end("done")
    text = path.read_text()
    path.write_text(text.replace('"seconds":0.5', f'"seconds":{odd}', 1))
    run = load_run(path)
    assert [one.key for one in run.samples] == [("t/1", 1)]
    assert "no number" in run.damaged[0].why


def test_a_span_is_cheap(tmp_path: Path) -> None:
    """Some tens of microseconds; the limit here is for a machine that has much else to do."""
    texts = {"prompt": "x" * 1500}
    span = Span("2", "1", "model", "t/1", 2, 1.0, 0.5, texts, {"reply": "y" * 500}, Usage(1, 0, 1))
    with RunWriter(tmp_path / "run.jsonl") as writer:
        writer.begin(MANIFEST)
        best = min(_seconds(writer, span) for _ in range(20))
    assert best < 0.005


def _seconds(writer: RunWriter, span: Span) -> float:
    began = time.perf_counter()
    writer.add(span)
    return time.perf_counter() - began
