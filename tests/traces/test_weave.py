"""The pipeline in Weave: with the real one against a loopback server, and with a stand-in."""

import asyncio
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from assistant.evals.datasets import STARTER, DataSet, load
from assistant.evals.run_reader import Run, load_run
from assistant.events import UsageError
from assistant.redact import Redactor
from assistant.traces.weave_adapter import Weave
from assistant.traces.weave_run import send_run
from assistant.traces.weave_waiting import Patience
from tests.cli.conftest import Program
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
def test_the_command_with_the_real_one(python: Path, tmp_path: Path) -> None:
    rows = [
        {"task_id": one.task_id, "completion": one.reference[len(one.prompt) :]}
        for one in load(str(STARTER)).problems[:3]
    ]
    rows[1]["completion"] = f"    return None  # {weave_program.KEY}\n"
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    begin = [str(python), "-m", "assistant", "eval"]
    command = ("run", "starter", "--limit", "4", "--model", f"replay:{file}", "--json", "--local")
    with weave_server() as kept:
        more = {"HOME": str(tmp_path), "OPENAI_API_KEY": weave_program.KEY}
        environ = {**os.environ, **environment(kept.url), **more}
        for again in ([*command], ["export", "last"]):
            done = subprocess.run(
                [*begin, *again, "--weave", "ent/proj"],
                cwd=ROOT,
                env=environ,
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == (4 if again[0] == "run" else 0), done.stderr
            assert "4 samples for ent/proj" in done.stderr
            # Figures, and nothing of Weave's.
            assert done.stdout.count("\n") == (again[0] == "run")
    assert kept.unknown == []
    evaluations = kept.named("Evaluation.evaluate")
    assert [call["output"]["tests"]["correct"]["true_count"] for call in evaluations] == [2, 2]
    assert len(kept.published("Evaluation")["starter-tests"]) == 1
    pairs = kept.named("Evaluation.predict_and_score")
    assert len(pairs) == 2 * 4
    assert all("/rows/" in call["inputs"]["example"] for call in pairs)
    assert {call["parent_id"] for call in pairs} == {call["id"] for call in evaluations}
    replies = {call["parent_id"] for call in kept.named("model")}
    assert replies == {call["id"] for call in kept.named("predict")}
    assert weave_program.KEY not in str((kept.objects, kept.tables, kept.calls, kept.feedback))


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

    def create_call(
        self,
        op: Any,
        inputs: dict[str, Any],
        parent: Any = None,
        attributes: Any = None,
        *,
        use_stack: bool = True,
        started_at: datetime | None = None,
    ) -> Any:
        call: Any = ModuleType("call")
        call.op = op if isinstance(op, str) else op.__qualname__.split(".")[-1]
        call.inputs, call.parent, call.attributes, call.summary = inputs, parent, attributes, {}
        call.started_at = started_at
        self.calls.append(call)
        return call

    def finish_call(
        self,
        call: Any,
        output: Any = None,
        exception: BaseException | None = None,
        *,
        ended_at: datetime | None = None,
    ) -> None:
        call.output, call.exception, call.ended_at = output, exception, ended_at

    def finish(self, callback: Callable[[Any], None]) -> None:
        callback({"total_completed": len(self.calls), "has_pending_jobs": False})

    def named(self, operation: str) -> list[Any]:
        return [call for call in self.calls if call.op == operation]


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

        async def predict_and_score(self) -> None:
            """Only its name is wanted."""

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


@pytest.fixture
def stored(program: Program, tmp_path: Path) -> tuple[Run, DataSet]:
    """A run of four tasks: two right, one wrong, one that no model answered; with a key in it."""
    data = load(str(STARTER))
    rows = []
    for number, problem in enumerate(data.problems[:3]):
        body = "    return None\n" if number == 1 else problem.reference[len(problem.prompt) :]
        rows.append({"task_id": problem.task_id, "completion": f"{body}# {weave_program.KEY}\n"})
    file = tmp_path / "answers.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    program.variables["OPENAI_API_KEY"] = "another"  # So that the key is in the store.
    done = program("eval", "run", "starter", "--limit", "4", "--model", f"replay:{file}", "--json")
    assert done.returncode == 4, done.stderr  # One task has no answer.
    return load_run(Path(json.loads(done.stdout)["path"])), data


def test_a_stored_run_in_the_stand_in(
    monkeypatch: pytest.MonkeyPatch, stored: tuple[Run, DataSet]
) -> None:
    client = Client()
    monkeypatch.setitem(sys.modules, "weave", stand_in(client))
    run, data = stored
    with Weave("ent/proj", Redactor([weave_program.KEY])) as weave:
        assert send_run(weave, run, data) == 4
        with pytest.raises(UsageError, match="another starter"):
            send_run(weave, run, replace(data, sha256="0"))
    assert not weave.stalled
    (evaluate,) = client.named("evaluate")
    assert evaluate.output == {
        "tests": {"correct": {"true_count": 2, "true_fraction": 2 / 3}, "without_verdict": 1}
    }
    assert evaluate.attributes == {"run": run.id}
    pairs = client.named("predict_and_score")
    assert [call.inputs["example"]["task_id"] for call in pairs] == [*run.manifest.data.tasks]
    assert all(call.parent is evaluate for call in pairs)
    scores = [call.output["scores"].get("tests", {}).get("correct") for call in pairs]
    assert scores == [True, False, True, None]
    predictions = client.named("predict")
    assert [call.parent for call in predictions] == pairs
    assert [call.exception is not None for call in predictions] == [False, False, False, True]
    spans = [span for span in run.spans() if span.operation == "model"]
    replies = client.named("model")
    assert [call.parent for call in replies] == predictions
    assert {call.started_at.timestamp() for call in replies} == {span.start for span in spans}
    assert all(call.started_at <= call.ended_at <= evaluate.ended_at for call in client.calls)
    told = str([(call.inputs, call.output) for call in client.calls])
    assert weave_program.KEY not in told
    assert weave_program.KEY in run.path.read_text()


def test_what_stands_still_is_not_waited_for() -> None:
    clock = iter(range(0, 10_000, 40))
    waiting = Patience(lambda: float(next(clock)))
    for done in (1, 1, 2, 3, 3):
        waiting({"total_completed": done, "has_pending_jobs": True})
    with pytest.raises(TimeoutError):
        waiting({"total_completed": 3, "has_pending_jobs": True})


def test_the_command_says_what_is_missing_before_the_first_call(
    program: Program,
    home: Path,
) -> None:
    program.variables["PYTHONPATH"] = str(home / "none")
    (home / "none").mkdir()
    (home / "none" / "weave.py").write_text("raise ImportError('not here')\n")
    done = program("eval", "run", "starter", "--weave", "ent/proj", "--limit", "1")
    assert (done.returncode, "assistant[weave]" in done.stderr) == (2, True), done.stderr
    assert not list(home.glob(".local/share/assistant/evals/*"))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "weave", None)
    with pytest.raises(UsageError, match=r"assistant\[weave\]"), Weave("ent/proj"):
        pass
