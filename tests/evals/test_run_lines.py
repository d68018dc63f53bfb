"""A run read back: quickly or plainly it comes to the same, and samples stay in the file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.evals import run_lines
from assistant.evals.run_lines import decoded
from assistant.evals.run_reader import load_run
from assistant.evals.run_writer import RunWriter, encoded
from assistant.evals.runs import LINES, Call, Generated, Line, Sample, Scored, Span
from assistant.events import RecordError
from assistant.redact import Redactor
from tests.evals.test_runs import MANIFEST, sample

ODD = ("\ud800\udc00", "\ud800 alone", "\U0001f600", "\0\x1b\u2028", '"}],"fault":"')


@pytest.fixture(params=["quick", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "plain":
        monkeypatch.setattr(run_lines, "_decoders", dict)
    else:
        pytest.importorskip("msgspec")
        assert set(run_lines._decoders()) == {name.encode() for name in LINES}
    return str(request.param)


def lines() -> list[Line]:
    first: list[Line] = [MANIFEST, Call("t/1", 2, 10, 20), *sample()]
    spans = [
        Span("1", "", "model", "t/0", 1, 1.0, float(number), {"prompt": text}, {"reply": text})
        for number, text in enumerate(ODD)
    ]
    faults = [Generated("t/0", 1, (), text) for text in ODD]
    return [*first, *spans, Span("2", "", "score", "t/0", 1, float("inf"), 0.0), *faults]


@pytest.mark.usefixtures("way")
def test_every_line_comes_back_as_it_was() -> None:
    for line in lines():
        assert decoded(encoded(line, Redactor())) == line


def changed(line: Line, change: Callable[[dict[str, object]], None]) -> bytes:
    value = json.loads(encoded(line, Redactor()))
    change(value)
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("line", "change", "says"),
    [
        (Call("t/0", 1, 2, 3), {"cost": "NaN"}, "expected Decimal"),
        (Call("t/0", 1, 2, 3), {"cost": "Infinity"}, "expected Decimal"),
        (Call("t/0", 1, 2, 3), {"number": 1.5}, "expected int"),
        (Call("t/0", 1, 2, 3), {"number": True}, "expected int"),
        (Call("t/0", 1, 2, 3), {"task": 7}, "expected str"),
        (Call("t/0", 1, 2, 3), {"v": 2}, "version 2 of the format"),
        (Call("t/0", 1, 2, 3), {"type": "Cull"}, "unknown line 'Cull'"),
        (sample()[1], {"verdicts": {}}, "expected a list"),
        (sample()[1], {"verdicts": [{"before": {"outcome": "won"}}]}, "expected one of passed"),
        (sample()[1], {"verdicts": [{}]}, "Judged lacks its field 'before'"),
    ],
)
def test_what_makes_no_sense_is_refused(line: Line, change: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decoded(changed(line, lambda value: value.update(change)))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    "text", [b"", b"7\n", b"[" * 100_000, b"\xff\n", b'{"v":1,"type":"Call",\n']
)
def test_what_is_no_line_is_refused(text: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        decoded(text)


@pytest.mark.usefixtures("way")
def test_what_a_later_version_adds_is_passed_over() -> None:
    generated, scored = sample()
    for line in (generated, scored):
        assert decoded(changed(line, lambda value: value.update(mood="good"))) == line


@pytest.mark.usefixtures("way")
def test_samples_are_read_where_they_lie_also_while_the_run_grows(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunWriter(path) as writer:
        writer.begin(MANIFEST)
        writer.add(*sample("t/2", 1), *sample("t/0", 2), sample("t/0", 1)[0])
        samples = load_run(path).samples
        writer.add(Generated("t/2", 1, (), "later"), *sample("t/1", 1))
    assert [one.key for one in samples] == [("t/0", 1), ("t/0", 2), ("t/2", 1)]
    assert samples[0] == Sample(sample("t/0", 1)[0])
    assert samples[-1] == Sample(*sample("t/2", 1))
    assert samples[1:] == (samples[1], samples[2])
    with pytest.raises(IndexError):
        samples[3]
    assert [one.result for one in load_run(path).samples].count("model_error") == 1
    path.write_bytes(path.read_bytes().replace(b'"Scored"', b'"Scoreds"'))
    with pytest.raises(RecordError, match="cannot read"):
        list(samples)
    path.unlink()
    with pytest.raises(RecordError, match="No such file"):
        list(samples)


def test_a_line_of_another_kind_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with RunWriter(path) as writer:
        writer.begin(MANIFEST)
        writer.add(sample("t/2", 1)[0])
    samples = load_run(path).samples
    scored = encoded(Scored("t/2", 1, ()), Redactor())
    path.write_bytes(path.read_bytes().split(b"\n")[0] + b"\n" + scored)
    with pytest.raises(RecordError, match="was changed while it was read"):
        list(samples)
