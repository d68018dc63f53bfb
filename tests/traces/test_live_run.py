"""``assistant eval run`` with a collector: traced as it goes, and none the worse for a dead one."""

import json
from pathlib import Path
from typing import Any

import pytest

from assistant.evals.datasets import STARTER, load
from assistant.evals.run_reader import Runs, load_run
from tests.cli.conftest import Program
from tests.traces.collector import attributes, closed, collector

pytestmark = pytest.mark.timeout(300)
KEY = "sk-canary-5b1d0c7e9f42a86de31b"


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Reference answers to four tasks, one of them spoilt, one with a key in it."""
    rows = []
    for number, problem in enumerate(load(str(STARTER)).problems[:4]):
        body = problem.reference.removeprefix(problem.prompt)
        body = "    return None\n" if number == 1 else body
        body += f"# {KEY}\n" if number == 2 else ""
        rows.append(json.dumps({"task_id": problem.task_id, "completion": body}))
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(rows) + "\n")
    return path


def run(program: Any, answers: Path) -> Any:
    return program(
        *("eval", "run", "starter", "--limit", "4", "--model", f"replay:{answers}", "--json")
    )


@pytest.mark.parametrize("content", ["false", "true"])
def test_a_run_is_traced_as_it_goes(
    program: Program,
    answers: Path,
    content: str,
) -> None:
    with collector() as received:
        program.variables |= {
            "ASSISTANT_OTLP_WAIT": "60",
            "ASSISTANT_OTLP": received.url,
            "ASSISTANT_OTLP_CONTENT": content,
        }
        done = run(program, answers)
    assert done.returncode == 0, done.stderr
    root = Path.home() / ".local/share/assistant"
    stored = load_run(Runs(root).find(json.loads(done.stdout)["run"]))
    assert len(received.spans) == len(list(stored.spans())) >= 12
    names = {span.name.split(" ")[0] for span in received.spans}
    assert {"invoke_agent", "chat", "execute_tool", "score"} <= names
    told = [attributes(span) for span in received.spans]
    assert {one["assistant.eval.task"] for one in told} == set(stored.manifest.data.tasks)
    assert any("gen_ai.output.messages" in one for one in told) == (content == "true")
    assert KEY not in str(told)
    assert ("return None" in str(told)) == (content == "true")


def test_a_run_with_a_dead_collector(
    program: Program,
    answers: Path,
) -> None:
    with closed() as url:
        program.variables["ASSISTANT_OTLP"] = url
        done = run(program, answers)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcomes"] == {"passed": 3, "wrong_answer": 1}
    assert "did not reach the collector" in done.stderr
