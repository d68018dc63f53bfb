"""The pipeline in Weave: with the real one against a loopback server, and with a stand-in."""

import asyncio
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from assistant.events import UsageError
from assistant.traces.weave_adapter import Weave
from tests.places import ROOT, python_with
from tests.traces import weave_program
from tests.traces.weave_server import Kept, environment, weave_server


def check_summary(summary: dict[str, Any]) -> None:
    """Of four tasks with two samples: two right, one wrong, one that no model answered."""
    assert summary["tests"]["correct"]["true_count"] == 4
    assert summary["tests"]["correct"]["true_fraction"] == pytest.approx(4 / 6)
    assert summary["tests"]["without_verdict"] == 2


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return python_with(project["optional-dependencies"]["weave"], tmp_path_factory.mktemp("weave"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_with_the_real_one(python: Path, tmp_path: Path) -> None:
    with weave_server() as kept:
        done = subprocess.run(
            [str(python), "-m", "tests.traces.weave_program"],
            cwd=ROOT,
            env={**os.environ, **environment(kept.url), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=600,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    for summary in json.loads(done.stdout.splitlines()[-1]):
        check_summary(summary)
    assert kept.unknown == []
    check_published(kept)
    check_calls(kept)
    assert weave_program.KEY not in str((kept.objects, kept.tables, kept.calls, kept.feedback))


def check_published(kept: Kept) -> None:
    (dataset,) = kept.published("Dataset")["starter"]
    assert dataset["description"].startswith("sha256 ")
    rows = kept.tables[0]
    assert len(rows) == 4
    assert {"task_id", "prompt", "entry_point", "canonical_solution", "test"} <= rows[0].keys()
    versions = kept.published("CodeGeneration")["fence"]
    assert sorted(v["parameters"]["temperature"] for v in versions) == ["0.1", "0.7"]
    assert len({v["pipeline_version"] for v in versions}) == 2
    for version in versions:
        assert (version["model"], version["strategy"]) == ("m-1", "fence")
        assert "$prompt" in version["prompt_template"]
    assert len(kept.published("Evaluation")["starter-tests"]) == 1


def check_calls(kept: Kept) -> None:
    evaluations = kept.named("Evaluation.evaluate")
    assert len(evaluations) == 2
    pairs = kept.named("Evaluation.predict_and_score")
    assert len(pairs) == 2 * 4 * 2
    assert {call["parent_id"] for call in pairs} == {call["id"] for call in evaluations}
    predictions = kept.named("predict")
    assert len(predictions) == 16
    assert {call["parent_id"] for call in predictions} <= {call["id"] for call in pairs}
    failed = [call for call in predictions if call["exception"]]
    assert len(failed) == 4
    assert all("it is away" in call["exception"] for call in failed)
    replies = kept.named("model")
    assert len(replies) == 16
    assert {call["parent_id"] for call in replies} == {call["id"] for call in predictions}
    used = [call["summary"]["usage"]["m-1"] for call in replies if not call["exception"]]
    assert [one["total_tokens"] for one in used] == [30] * 12
    scores = kept.named("tests")
    assert len(scores) == 12
    passed = [call["output"] for call in scores if call["output"]["correct"]]
    assert passed == [{"correct": True, "outcome": "passed"}] * 8
    for call in scores:
        if call["output"] not in passed:
            assert call["output"]["outcome"] != "passed"
            assert call["output"]["error"]
    assert len(kept.feedback) >= 12


# A stand-in that has of Weave what the adapter uses: it comes with no server and no install.


class Client:
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def create_call(self, op: str, inputs: dict[str, Any]) -> Any:
        call = ModuleType("call")
        call.op, call.inputs, call.summary = op, inputs, {}  # type: ignore[attr-defined]
        self.calls.append(call)
        return call

    def finish_call(
        self, call: Any, output: Any = None, exception: BaseException | None = None
    ) -> None:
        call.output, call.exception = output, exception


def stand_in(client: Client) -> ModuleType:
    from pydantic import BaseModel

    class Model(BaseModel):
        name: str

    class Scorer(BaseModel):
        name: str

    class Dataset(BaseModel):
        name: str
        description: str
        rows: list[dict[str, Any]]

    class Evaluation(BaseModel):
        name: str
        dataset: Dataset
        scorers: list[Any]
        trials: int

        async def evaluate(self, model: Any) -> dict[str, Any]:
            async def one(row: dict[str, Any]) -> Any:
                try:
                    output = await model.predict(row["task_id"], row["prompt"])
                except Exception:  # noqa: BLE001 - as Weave has it.
                    return {}
                return await self.scorers[0].score(output=output, task_id=row["task_id"])

            asked = [one(row) for row in self.dataset.rows * self.trials]
            return {"tests": self.scorers[0].summarize(await asyncio.gather(*asked))}

    def op(name: str) -> Callable[[Any], Any]:
        return lambda function: function

    module = ModuleType("weave")
    vars(module).update(Model=Model, Scorer=Scorer, Dataset=Dataset, Evaluation=Evaluation, op=op)
    vars(module).update(init=lambda project, **settings: client, finish=lambda: None)
    return module


def test_with_a_stand_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Client()
    monkeypatch.setitem(sys.modules, "weave", stand_in(client))
    weave_program.main()
    for summary in json.loads(capsys.readouterr().out.splitlines()[-1]):
        check_summary(summary)
    assert len(client.calls) == 16
    assert {call.op for call in client.calls} == {"model"}
    assert sum(call.exception is not None for call in client.calls) == 4
    told = str([(call.inputs, call.output) for call in client.calls])
    assert weave_program.KEY not in told
    assert "def " in told


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weave", None)
    with pytest.raises(UsageError, match=r"assistant\[weave\]"), Weave("ent/proj"):
        pass
