"""``assistant eval compare`` over stored runs: by id, by its beginning, by path."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from assistant.cli import main
from tests.evals.comparison.made import stored

pytestmark = pytest.mark.usefixtures("own_handlers")

FIRST, SECOND = "20260101-000000-aaaa", "20260102-000000-bbbb"


@pytest.fixture
def data() -> Path:
    folder = Path.home() / ".local/share/assistant"
    stored(folder, FIRST, "0011", "model-a")
    stored(folder, SECOND, "1111", "model-b")
    return folder


def test_runs_by_id_beginning_and_path(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(data / "evals" / SECOND / "run.jsonl")
    for second in (SECOND, "20260102", path, str(Path(path).parent), "last"):
        assert main(["eval", "compare", FIRST, second]) == 0
        told = capsys.readouterr().out
        assert re.search(r"A  20260101-000000-aaaa  model-a · fence  4 tasks × 1 +50.0 %", told)
        assert "B is better than A at 2 tasks: s/0, s/1" in told
        assert "$0.0080" in told


def test_json_and_page(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert main(["eval", "compare", FIRST, SECOND, "--json", "--html", str(page)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pairs"][0]["won"] == ["s/0", "s/1"]
    assert told["runs"][0]["latency"] == {"median": 1.5, "p95": 1.5}
    text = page.read_text("utf-8")
    assert text.count('class="entry"') == 2
    assert "add(1, 2) -&gt; -1" in text
    assert '<span class="h0">def</span>' in text
    assert '<th scope="row" class="d1">model</th>' in text
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]


def test_unequal_conditions_are_warned_of(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(
        data,
        "20260103-000000-cccc",
        "11?",
        "model-c",
        lambda m: replace(
            m, image="image@sha256:9", data=replace(m.data, verdict="in-process", sha256="77" * 32)
        ),
    )
    assert main(["eval", "compare", FIRST, "last"]) == 0
    told = capsys.readouterr().out
    for words in (
        "The runs differ in data: A: small abababababab; B: small 777777777777.",
        "The runs differ in image: A: image@sha256:2; B: image@sha256:9.",
        "B: 1 of 4 samples are missing (it ended: done).",
        "B: its tests ran in the solution's own process, which can forge a verdict.",
        "B: 1 sample has no verdict",
    ):
        assert f"Warning: {words}" in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([FIRST], "two runs or more"),
        ([FIRST, "nosuch"], "there is no run 'nosuch'"),
        ([FIRST, "2026"], "2 runs begin with '2026'"),
        ([FIRST, FIRST], "was named twice"),
        ([FIRST, SECOND, "--k", "2"], "pass@2 needs"),
        ([FIRST, SECOND, "--html", "no/such/folder/page.html"], "cannot write"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    data: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["eval", "compare", *words]) == 2
    assert said in capsys.readouterr().err


def test_k_must_be_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["eval", "compare", "a", "b", "--k", "1,x"])
    assert "expected numbers like 1,10" in capsys.readouterr().err
