"""Exports: the same rows in each format, no formula in a spreadsheet, whole files only."""

import csv
import io
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from assistant.cli import main
from assistant.evals.export import COLUMNS, FORMATS, harmless, rows, write_csv, write_parquet
from assistant.evals.run_reader import Run, Runs, load_run
from assistant.evals.run_writer import RunWriter
from assistant.evals.runs import Attempt, Generated, Judged, Scored
from assistant.events import Usage, UsageError
from assistant.verdicts.task import Verdict
from tests.evals.comparison.made import MANIFEST, stored

pytestmark = pytest.mark.usefixtures("own_handlers")

RUN = "20260101-000000-aaaa"
ODD = "=1+1\r\n\ud800\x00\"';,\t<é>"


@pytest.fixture
def data() -> Path:
    return Path.home() / ".local/share/assistant"


@pytest.fixture
def odd(tmp_path: Path) -> Run:
    """One sample of texts that are hard to carry, one that no model answered."""
    path = Runs(tmp_path).path("odd")
    usage = Usage(7, 3, 5, 2, Decimal("0.000123456789"))
    attempt = Attempt(ODD, "stop", "0" * 64, usage, 1.25, ODD, "formatted")
    before, after = Verdict("runtime_error", ODD, "ValueError", input=ODD), Verdict("passed")
    with RunWriter(path) as writer:
        writer.begin(replace(MANIFEST, run="odd"))
        writer.add(Generated("s/0", 1, (attempt,)), Scored("s/0", 1, (Judged(before, after),), 0.5))
        writer.add(Generated("s/1", 1, (), ODD))
    return load_run(path)


def test_a_row_has_all_that_is_known(odd: Run) -> None:
    first, second = rows(odd)
    assert list(first) == list(COLUMNS)
    assert first == {
        "run": "odd",
        "data": "small",
        "model": "model-a",
        "strategy": "fence",
        "task": "s/0",
        "sample": 1,
        "result": "passed",
        "label": "passed",
        "passed": True,
        "decided": True,
        "passed_before_formatting": False,
        "turns": 1,
        "passed_at": 1,
        "finish": "stop",
        "detail": "",
        "input": "",
        "output": "",
        "fault": None,
        "prompt_tokens": 7,
        "cached_tokens": 3,
        "completion_tokens": 5,
        "reasoning_tokens": 2,
        "cost": Decimal("0.000123456789"),
        "model_seconds": 1.25,
        "scoring_seconds": 0.5,
        "code": "formatted",
        "code_before_formatting": ODD,
        "reply": ODD,
    }
    assert (second["result"], second["decided"], second["fault"]) == ("model_error", False, ODD)
    assert (second["code"], second["cost"], second["finish"]) == (None, None, None)


def test_all_formats_say_the_same(odd: Run) -> None:
    from pyarrow import parquet

    written = {}
    for name, write in FORMATS.items():
        file = io.BytesIO()
        assert write(odd, file) == 2
        assert not file.closed
        written[name] = file.getvalue()
    lines = [json.loads(line) for line in written["jsonl"].splitlines()]
    wanted = [{**row, "cost": row["cost"] and str(row["cost"])} for row in rows(odd)]
    assert lines == wanted
    table = parquet.read_table(io.BytesIO(written["parquet"])).to_pylist()
    clean = [
        {k: v.encode("utf-8", "backslashreplace").decode() if isinstance(v, str) else v
         for k, v in row.items()}
        for row in rows(odd)
    ]  # fmt: skip
    assert table == clean
    sheet = list(csv.DictReader(io.StringIO(written["csv"].decode(), newline="")))
    assert [row["task"] for row in sheet] == ["s/0", "s/1"]
    assert sheet[0]["reply"] == "'=1+1\r\n\\ud800\ufffd\"';,\t<é>"
    assert sheet[0]["cost"] == "0.000123456789"
    assert sheet[1]["cost"] == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", " =", "\u3000-"])
def test_no_formula_gets_into_a_sheet(start: str) -> None:
    assert harmless(f"{start}cmd|' /C calc'!A0").startswith("'")


def test_harmless_values_stay() -> None:
    for value in ("def f(): ...", "a=b", "", "'x", 1, -2.5, None, True):
        assert harmless(value) == value


def test_by_command(capsys: pytest.CaptureFixture[str], tmp_path: Path, data: Path) -> None:
    stored(data, RUN, "011?", "model-a")
    target = tmp_path / "run.csv"
    target.write_text("older")
    os.symlink(target, tmp_path / "link.csv")
    assert main(["eval", "export", "last", "--csv", str(tmp_path / "link.csv")]) == 0
    assert "4 samples of 20260101-000000-aaaa" in capsys.readouterr().err
    text = target.read_bytes().decode()
    assert len(list(csv.reader(io.StringIO(text, newline="")))) == 5
    assert (tmp_path / "link.csv").is_symlink()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link.csv", "run.csv"]


def test_into_a_pipe(tmp_path: Path, data: Path) -> None:
    stored(data, RUN, "01", "model-a")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    thread = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    thread.start()
    assert main(["eval", "export", RUN, "--jsonl", str(pipe)]) == 0
    thread.join(30)
    assert len(read[0].splitlines()) == 2
    assert pipe.is_fifo()


def test_what_cannot_be_written_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, data: Path
) -> None:
    stored(data, RUN, "01", "model-a")
    for target in ("/dev/full", str(tmp_path), str(tmp_path / "no/run.csv")):
        assert main(["eval", "export", RUN, "--jsonl", target]) == 2
        assert f"cannot write {target}" in capsys.readouterr().err


def test_a_failure_leaves_the_older_file(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    data: Path,
) -> None:
    stored(data, RUN, "01", "model-a")
    target = tmp_path / "run.parquet"
    target.write_text("older")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["eval", "export", RUN, "--parquet", str(target)]) == 2
    assert 'pip install "assistant[eval]"' in capsys.readouterr().err
    assert [one.read_text() for one in tmp_path.iterdir()] == ["older"]
    with pytest.raises(UsageError, match="pyarrow"):
        write_parquet(load_run(Runs(data).find(RUN)), io.BytesIO())


def test_a_file_that_is_full_is_no_success(odd: Run) -> None:
    with pytest.raises(OSError, match="No space"), open("/dev/full", "wb", buffering=0) as full:
        write_csv(odd, full)


def test_to_standard_output(data: Path) -> None:
    stored(data, RUN, "01", "model-a")
    command = [sys.executable, "-m", "assistant", "eval", "export", RUN, "--jsonl", "-"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert [json.loads(line)["task"] for line in done.stdout.splitlines()] == ["s/0", "s/1"]


def test_not_to_a_terminal(data: Path) -> None:
    stored(data, RUN, "01", "model-a")
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "assistant", "eval", "export", RUN, "--jsonl", "-"]
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, timeout=60)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 2
    assert b"not for a terminal" in done.stderr
