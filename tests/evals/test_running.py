"""Runs under way: what is asked again and what is not, and how they end when something fails."""

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from assistant.budget import Budget
from assistant.evals.asking import Gate
from assistant.evals.beginning import already_spent, check_same, data_stamp, manifest, narrowed
from assistant.evals.datasets import STARTER, load
from assistant.evals.pipeline import CodeGenerationPipeline, Parameters, uncapped_sample
from assistant.evals.replayed import recording
from assistant.evals.run_reader import Run, load_run
from assistant.evals.run_writer import RunWriter
from assistant.evals.running import ActiveRun, Plan, conduct
from assistant.evals.runs import Call, Sample
from assistant.events import ModelError, Replied, SandboxError, Usage, UsageError
from assistant.model.replay import ScriptedModel
from assistant.purse import UNCAPPED, Purse, Stopped
from assistant.verdicts.task import Candidate, Task, TaskLimits, Verdict

DATA = load(str(STARTER))
PROBLEMS = DATA.problems[:6]
FENCES = "\n".join(f"```python\n{problem.reference}\n```" for problem in PROBLEMS)


class Judges:
    """Gives what a function says, from a thread of its own."""

    def __init__(self, say: Callable[[str], Verdict]) -> None:
        self._say = say
        self.asked: list[str] = []

    def submit(self, task: Task, candidate: Candidate, /) -> "Future[Verdict]":
        self.asked.append(task.entry_point)
        verdict: Future[Verdict] = Future()

        def work() -> None:
            try:
                verdict.set_result(self._say(task.entry_point))
            except SandboxError as error:
                verdict.set_exception(error)

        threading.Thread(target=work).start()
        return verdict


def passed(entry_point: str) -> Verdict:
    return Verdict("passed")


def held(path: Path, model: Any, judges: Judges, **more: Any) -> tuple[ActiveRun, Run]:
    """One process's part of a run."""
    pipeline = CodeGenerationPipeline(model, strategy="fence")
    purse = Purse(more.get("budget", UNCAPPED))
    samples = more.get("samples", 1)
    stamps = (data_stamp(DATA, PROBLEMS), pipeline.stamp)
    limits = TaskLimits()
    plan = Plan(pipeline, PROBLEMS, samples, limits, lambda key: model)
    with RunWriter(path) as writer:
        done: dict[Any, Sample] = {}
        if writer.empty:
            writer.begin(manifest(stamps, samples, "image", limits, {}))
        else:
            before = load_run(path)
            already_spent(before, purse)
            done = {sample.key: sample for sample in before.samples}
        active_run = ActiveRun(plan, writer, purse, done)
        try:
            conduct([active_run], more.get("jobs", 3), judges, lambda: None)
        finally:
            writer.end(active_run.status, active_run.detail)
    return active_run, load_run(path)


def answering() -> ScriptedModel:
    return ScriptedModel(lambda history: FENCES)


def test_a_run(tmp_path: Path) -> None:
    judges = Judges(passed)
    active_run, run = held(tmp_path / "run.jsonl", answering(), judges, samples=2)
    assert (active_run.status, active_run.finished, active_run.wanted) == ("done", 12, 12)
    assert {sample.key for sample in run.samples} == set(active_run.plan.order())
    assert all(sample.passed for sample in run.samples)
    assert run.open_calls == ()
    spans = list(run.spans())
    assert {span.operation for span in spans} == {"predict", "model", "score", "execute"}
    ids = {span.id for span in spans}
    assert len(ids) == len(spans)
    assert all(span.parent in ids for span in spans if span.parent)


def test_what_a_judge_could_not_judge_is_judged_again_and_not_asked_again(tmp_path: Path) -> None:
    path, first = tmp_path / "run.jsonl", PROBLEMS[0].entry_point

    def failing(entry: str) -> Verdict:
        return Verdict("harness_error" if entry == first else "wrong_answer")

    active_run, run = held(path, answering(), Judges(failing))
    assert (active_run.status, active_run.finished) == ("faults", 5)
    assert [sample.result for sample in run.samples].count("harness_error") == 1
    judges, silent = Judges(passed), ScriptedModel([])
    active_run, run = held(path, silent, judges)
    assert judges.asked == [first]
    assert active_run.status == "done"
    results = [sample.result for sample in run.samples]
    assert (results.count("passed"), results.count("wrong_answer")) == (1, 5)


def test_model_errors_are_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    lock, tries = threading.Lock(), [0]

    def sometimes(history: Any) -> str | ModelError:
        with lock:
            tries[0] += 1
            return ModelError("away") if tries[0] % 2 else FENCES

    active_run, run = held(path, ScriptedModel(sometimes), Judges(passed))
    assert active_run.status == "faults"
    assert [sample.result for sample in run.samples].count("model_error") == 3
    active_run, run = held(path, answering(), Judges(passed))
    assert (active_run.status, {sample.result for sample in run.samples}) == ("done", {"passed"})


def test_an_error_that_every_call_would_meet_ends_the_asking(tmp_path: Path) -> None:
    asked: list[object] = []

    def refuse(history: Any) -> ModelError:
        asked.append(history)
        time.sleep(0.01)
        return ModelError("no such model", "", "not-found")

    active_run, _ = held(tmp_path / "run.jsonl", ScriptedModel(refuse), Judges(passed), samples=9)
    assert active_run.status == "faults"
    assert "no such model" in active_run.detail
    assert len(asked) <= 6


def test_no_sandbox_ends_the_run_and_keeps_the_replies(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    def gone(entry: str) -> Verdict:
        raise SandboxError("no engine")

    with pytest.raises(SandboxError, match="no engine"):
        held(path, answering(), Judges(gone))
    run = load_run(path)
    assert run.ended
    assert run.ended.status == "failed"
    assert run.samples
    silent = ScriptedModel(lambda history: FENCES)
    active_run, run = held(path, silent, Judges(passed))
    assert (active_run.status, len(run.samples)) == ("done", 6)


def test_calls_that_a_kill_cut_off_count_in_full(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    held(path, answering(), Judges(passed), budget=Budget(2, None, None, None, None))
    with RunWriter(path) as writer:
        writer.add(Call("starter/5", 1, 1000, 2000, Decimal("0.5")))
    run = load_run(path)
    assert len(run.samples) == 2
    purse = Purse(UNCAPPED)
    already_spent(run, purse)
    used = sum(sample.usage.total for sample in run.samples)
    assert (purse.replies, purse.tokens) == (3, used + 3000)
    assert purse.dollars == Decimal("0.5")


def test_a_run_is_gone_on_with_only_as_it_was_begun(tmp_path: Path) -> None:
    _, run = held(tmp_path / "run.jsonl", answering(), Judges(passed))
    check_same(run, run.manifest)
    data = run.manifest.data
    other = CodeGenerationPipeline(
        answering(), strategy="fence", parameters=Parameters(temperature=1)
    )
    for changed, said in (
        (replace(run.manifest, samples=2), "samples 1, not 2"),
        (replace(run.manifest, image="other"), "image image, not other"),
        (replace(run.manifest, pipeline=other.stamp), "temperature none, not 1"),
        (replace(run.manifest, limits={}), "limit of seconds 10, not none"),
        (replace(run.manifest, data=replace(data, sha256="0")), "data set starter .*, not starter"),
        (replace(run.manifest, data=replace(data, tasks=())), "other tasks: 6, not 0"),
    ):
        with pytest.raises(UsageError, match=f"made with {said}"):
            check_same(run, changed)


class Priced(ScriptedModel):
    """A thousandth of a dollar for each token; its replies are so many tokens long, or cut."""

    def __init__(self, *lengths: int) -> None:
        super().__init__([], max_reply=1000)
        self._lengths = deque(lengths)
        self.asked: list[int] = []

    def cost(self, prompt: int, completion: int, /) -> Decimal | None:
        return Decimal(prompt + completion) / 1000

    def reply(
        self, messages: Any, /, *, max_tokens: int, seconds: float, schema: Any = None
    ) -> Any:
        self.asked.append(max_tokens)
        length = self._lengths.popleft()
        time.sleep(length / 1e6)
        used = min(length, max_tokens)
        cost = self.cost(prompt := self.count(messages), used)
        yield from ()
        finish: Any = "length" if length > max_tokens else "stop"
        return Replied(FENCES, Usage(prompt, 0, used, cost=cost), finish)


def spent(run: Run) -> Decimal:
    return sum((sample.usage.cost or Decimal(0) for sample in run.samples), Decimal(0))


def test_many_threads_cannot_overshoot_a_cap_on_dollars(tmp_path: Path) -> None:
    chance = random.Random(7)
    model = Priced(*(chance.choice((50, 300, 700, 1000)) for _ in range(240)))
    more = {"samples": 40, "jobs": 16, "budget": Budget(None, None, Decimal(20), None, None)}
    path = tmp_path / "run.jsonl"
    active_run, run = held(path, model, Judges(passed), **more)
    assert active_run.status == "budget"
    assert Decimal(17) < spent(run) <= active_run.purse.dollars <= 20
    # Another process goes on with it, and knows what was spent.
    active_run, run = held(path, model, Judges(passed), **more)
    assert active_run.status == "budget"
    assert spent(run) <= active_run.purse.dollars <= 20
    assert {sample.result for sample in run.samples} == {"passed"}


def test_a_reply_that_the_budget_cut_says_nothing_about_the_model(tmp_path: Path) -> None:
    path, model = tmp_path / "run.jsonl", Priced(*[600] * 6)
    budget = Budget(None, None, Decimal("2.6"), None, None)
    active_run, run = held(path, model, Judges(passed), budget=budget, jobs=1)
    assert (active_run.status, "no room for a reply" in active_run.detail) == ("budget", True)
    assert model.asked[-1] < 600 < model.max_reply
    assert {sample.result for sample in run.samples} == {"passed"}
    (cut,) = run.open_calls
    assert (cut.task, cut.number) not in {sample.key for sample in run.samples}
    # One that its own limit cut is a result.
    active_run, run = held(path, Priced(2000, *[10] * 6), Judges(passed), jobs=1)
    assert active_run.status == "done"
    assert [sample.result for sample in run.samples].count("reply_cut") == 1


def test_a_recorded_reply_costs_nothing_again(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    _, run = held(path, Priced(*[500] * 6), Judges(passed))
    assert spent(run) > 3
    found, purse = recording(path, "then"), Purse(Budget(None, None, Decimal(1), None, None))
    for problem in PROBLEMS:
        model = found.model((problem.task_id, 1))
        asking = replace(uncapped_sample(model), purse=purse)
        CodeGenerationPipeline(model, strategy="fence").attempts(problem, asking)
        assert asking.attempts[0].usage.cost
    assert purse.dollars == 0


def test_a_run_keeps_the_language_of_its_tasks() -> None:
    assert data_stamp(DATA, PROBLEMS).language == "python"
    mixed = [*PROBLEMS[:2], replace(PROBLEMS[2], language="javascript")]
    stamp = data_stamp(DATA, mixed)
    assert stamp.languages == {PROBLEMS[2].task_id: "javascript"}


def test_which_tasks_are_asked() -> None:
    assert len(narrowed(DATA, (), 4)) == 4
    assert [p.task_id for p in narrowed(DATA, ("starter/9", "starter/3"), None)] == [
        "starter/3",
        "starter/9",
    ]
    out = replace(DATA, left_out={"starter/1": "why"})
    assert len(narrowed(out, (), None)) == 29
    assert len(narrowed(out, ("starter/1",), None)) == 1
    with pytest.raises(UsageError, match=r"did you mean starter/30\?"):
        narrowed(DATA, ("starter/300",), None)


def test_a_server_that_asks_one_to_wait_has_asked_all() -> None:
    now = [0.0]
    gate, purse = Gate(lambda: now[0]), Purse(UNCAPPED)
    gate.wait(purse)
    gate.shut(5.0)
    gate.shut(1.0)  # The longer one holds.
    through: list[bool] = []

    def wait() -> None:
        gate.wait(purse)
        through.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.05)
    assert not through
    now[0] = 5.1
    thread.join(60)
    assert through == [True]
    gate.shut(60.0)
    purse.stop()
    with pytest.raises(Stopped):
        gate.wait(purse)
