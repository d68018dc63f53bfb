"""``assistant eval run``, ``score``, ``list``: the real program, from answers to an exit code."""

import contextlib
import json
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant.evals.datasets import STARTER, load
from assistant.evals.run_reader import Run, Runs, load_run
from assistant.evals.runs import Sample
from assistant.verdicts.task import Verdict
from tests.cli.conftest import Program

pytestmark = pytest.mark.timeout(300)
PROBLEMS = load(str(STARTER)).problems
FENCES = "\n".join(f"```python\n{problem.reference}\n```" for problem in PROBLEMS[:6])
"""One reply that answers each of the first six tasks: the function that is asked for counts."""


def runs(home: Path) -> list[Run]:
    found = Runs(home / ".local" / "share" / "assistant").root.glob("*/run.jsonl")
    return [load_run(path) for path in sorted(found) if path.stat().st_size]


def results(run: Run) -> dict[str, str]:
    return {f"{task}#{number}": s.result for s in run.samples for task, number in [s.key]}


def answers(folder: Path, wrong: int = 0, name: str = "answers.jsonl") -> Path:
    """The reference answers of all tasks, the first ones spoilt."""
    rows = []
    for place, problem in enumerate(PROBLEMS):
        body = problem.reference.removeprefix(problem.prompt)
        body = "    return None\n" if place < wrong else body
        rows.append({"task_id": problem.task_id, "completion": body})
    (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder / name


def test_recorded_answers_are_scored_and_the_run_is_kept(
    program: Program, folder: Path, home: Path
) -> None:
    file = answers(folder, wrong=3)
    done = program("eval", "run", "starter", "--model", f"replay:{file}", "--k", "1")
    assert done.returncode == 0, done.stderr
    assert "passed 27, wrong_answer 3" in done.stdout
    assert "90.0 %" in done.stdout
    assert "\x1b" not in done.stderr  # No live line in a pipe.
    (run,) = runs(home)
    assert [s.key for s in run.samples] == [(p.task_id, 1) for p in PROBLEMS]
    assert run.ended
    assert run.ended.status == "done"
    first = run.samples[0]
    assert first.verdict
    assert "is_leap_year" in first.verdict.input
    operations = {span.operation for span in run.spans()}
    assert operations == {"predict", "model", "score", "execute"}
    listed = program("eval", "list", "--json")
    assert json.loads(listed.stdout)["passed"] == 27
    assert run.id in program("eval", "list").stdout


def test_a_run_replays_as_it_was(program: Program, folder: Path, home: Path) -> None:
    file, few = answers(folder, wrong=2), ("eval", "run", "starter", "--limit", "6")
    first = program(*few, "--model", f"replay:{file}", "--json")
    run = json.loads(first.stdout)["run"]
    again = program(*few, "--model", f"replay:{run}", "--json")
    assert again.returncode == 0, again.stderr
    one, other = runs(home)
    assert results(one) == results(other)
    prompt = folder / "prompt.txt"
    prompt.write_text("Now do something else: $prompt")
    changed = program(*few, "--model", f"replay:{run}", "--prompt", str(prompt))
    assert changed.returncode == 4
    assert "model_error 6" in changed.stdout
    assert "faults: sample 1 of starter/" in changed.stderr
    assert "answers another request" in changed.stderr


def test_the_number_of_workers_changes_no_verdict(
    program: Program, folder: Path, home: Path
) -> None:
    file = answers(folder, wrong=2)
    for workers in ("1", "5"):
        few = ("--limit", "8", "--workers", workers)
        assert program("eval", "score", str(file), "starter", *few).returncode == 0
    one, other = runs(home)
    assert [_told(sample) for sample in one.samples] == [_told(s) for s in other.samples]


def _told(sample: Sample) -> Verdict:
    assert sample.verdict
    return replace(sample.verdict, seconds=0.0)


def test_a_rate_that_is_too_low(program: Program, folder: Path) -> None:
    file = answers(folder, wrong=1)
    for rate, code in (("0.75", 0), ("0.76", 1)):
        few = ("--limit", "4", "--fail-under", rate)
        done = program("eval", "score", str(file), "starter", *few)
        assert done.returncode == code, done.stderr
    file.write_text(2 * file.read_text())
    done = program("eval", "score", str(file), "starter", *few, "--k", "2")
    assert (done.returncode, "pass@1" in done.stdout) == (1, False), done.stderr


def test_samples_of_both_formats_are_scored(program: Program, folder: Path, home: Path) -> None:
    file = folder / "samples.jsonl"
    rows: list[dict[str, str | None]] = []
    for problem in PROBLEMS[:4]:
        body = problem.reference.removeprefix(problem.prompt)
        rows += [
            {"task_id": problem.task_id, "completion": body},
            {"task_id": problem.task_id, "solution": problem.reference},
            {"task_id": problem.task_id, "completion": ""},
            {"task_id": problem.task_id, "completion": "no code", "solution": problem.reference},
            {"task_id": problem.task_id, "completion": body, "solution": None},
        ]
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    done = program("eval", "score", str(file), "starter", "--json", "--k", "1,3")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["outcomes"] == {"passed": 16, "no_code_in_reply": 4}
    assert figures["pass_at_k"]["1"]["value"] == pytest.approx(4 / 5)
    assert figures["pass_at_k"]["3"]["value"] == 1
    asked = ("eval", "score", str(file), "starter", "--json", "--k", "1,3", "--fail-under", "0.9")
    assert program(*asked).returncode == 1
    again = program("eval", "score", str(file), "starter", "--json", "--resume", "last")
    assert again.returncode == 1, again.stderr  # All that was asked for is kept.
    assert json.loads(again.stdout)["pass_at_k"] == figures["pass_at_k"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (['{"task_id": "starter/1"}'], "line 1"),
        (['{"completion": "x"}'], "line 1: the field 'task_id'"),
        (
            ['{"task_id": "starter/1", "completion": "x"}', '{"task_id": "sta'],
            "line 2: this is no JSON: Unterminated string starting (column 13)",
        ),
        (['{"task_id": "other/1", "completion": "x"}'], "line 1: starter has no task 'other/1'"),
        ([], "no sample"),
    ],
)
def test_bad_samples_are_told_by_their_line(
    program: Program, folder: Path, lines: list[str], said: str
) -> None:
    (folder / "bad.jsonl").write_text("\n".join(lines))
    done = program("eval", "score", "bad.jsonl", "starter")
    assert done.returncode == 2
    assert said in done.stderr


def test_what_cannot_be_meant(program: Program, folder: Path) -> None:
    file = f"replay:{answers(folder)}"
    for arguments, said in (
        (["run"], "which data set"),
        (["run", "nothing", "--model", file], "no data set"),
        (["run", "starter", "--model", file, "--task", "starter/99"], "no task 'starter/99'"),
        (["run", "starter", "--model", "replay:nothing"], "no run 'nothing'"),
        (["run", "starter", "--model", file, "--resume", "nothing"], "no run 'nothing'"),
        (["run", "starter", "--samples", "0"], "expected a number"),
        (["run", "starter", "--model", file, "--prompt", "none.txt"], "cannot be read"),
        (["score", file[7:], "starter", "--k", "1,2"], "pass@2 needs 2 samples"),
    ):
        done = program("eval", *arguments)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--samples", "2", "--k", "1,3"), "pass@3 needs 3 samples of each task"),
        (("--dollars", "1", "--model", "nobodys-model"), "the price of nobodys-model is unknown"),
    ],
)
def test_what_can_be_refused_is_so_before_the_first_call(
    program: Program, llmock: Any, home: Path, flags: Sequence[str], said: str
) -> None:
    llmock.reply(FENCES, times=None)
    done = program("eval", "run", "starter", "--limit", "1", *flags)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert not done.stdout
    assert llmock.requests == []
    assert runs(home) == []


def test_a_run_that_was_cut_short_keeps_its_code_and_says_which_k_it_lacks(
    program: Program, llmock: Any
) -> None:
    llmock.reply(FENCES, times=None)
    few = ("--limit", "2", "--samples", "2", "--k", "1,2", "--replies", "3", "--jobs", "1")
    done = program("eval", "run", "starter", "--strategy", "fence", *few)
    assert done.returncode == 3, done.stderr
    assert "no pass@2: some task has 1 verdict\n" in done.stderr
    assert "pass@1" in done.stdout


def test_tasks_without_a_sample_are_told(program: Program, folder: Path, home: Path) -> None:
    whole = answers(folder).read_text().splitlines(keepends=True)
    file = folder / "some.jsonl"
    file.write_text("".join(whole[:2] + whole[4:6]))
    told = program("eval", "score", str(file), "starter")
    assert told.returncode == 0, told.stderr
    assert "note: 26 of 30 tasks had no sample in the file and do not count." in told.stdout
    done = program("eval", "score", str(file), "starter", "--limit", "3", "--json")
    assert json.loads(done.stdout)["tasks_without_sample"] == ["starter/3", "starter/4"]
    none = program("eval", "score", str(file), "starter", "--task", "starter/3")
    assert none.returncode == 2
    assert "has no sample of the tasks" in none.stderr
    assert runs(home)[0].manifest.data.without_sample[:2] == ("starter/3", "starter/4")


def test_all_that_look_at_runs_take_their_folder(program: Program, folder: Path) -> None:
    place = ("--data-folder", str(folder / "elsewhere"))
    scored = program("eval", "score", str(answers(folder)), "starter", "--limit", "1", *place)
    assert scored.returncode == 0, scored.stderr
    table = program("eval", "export", "last", "--jsonl", "-", *place)
    assert json.loads(table.stdout)["task"] == "starter/1"
    compared = program("eval", "compare", "last", "last", *place)
    assert "was named twice" in compared.stderr  # So it was found.
    listed = program("sessions", "list", "--json", *place)
    assert (listed.returncode, listed.stdout) == (0, "")
    for command in (("apply",), ("undo",), ("replay",)):
        assert "--data-folder" in program(*command, "--help").stdout


def test_models_side_by_side(program: Program, folder: Path, home: Path) -> None:
    one, other = answers(folder), answers(folder, wrong=5, name="worse.jsonl")
    both = ("--model", f"replay:{one}", "--model", f"replay:{other}", "--limit", "10")
    done = program("eval", "run", "starter", *both, "--json")
    assert done.returncode == 0, done.stderr
    passed = [json.loads(line)["outcomes"]["passed"] for line in done.stdout.splitlines()]
    assert passed == [10, 5]
    compared = program("eval", "compare", *[run.id for run in runs(home)])
    assert compared.returncode == 0
    assert "starter/1" in compared.stdout


def test_faults_of_the_server_change_no_verdict(program: Program, llmock: Any, home: Path) -> None:
    llmock.rate_limit(times=3, retry_after=0.2).fail(503, times=2).reply(FENCES, times=None)
    for fault in ("disconnect", "truncate", "corrupt"):
        getattr(llmock, fault)(after_chunks=3)
    arguments = ("eval", "run", "starter", "--limit", "6", "--strategy", "fence", "--jobs", "3")
    hurt = program(*arguments, "--json")
    assert hurt.returncode == 0, hurt.stderr
    llmock.assert_resilient()
    llmock.reset()
    llmock.reply(FENCES, times=None)
    assert program(*arguments).returncode == 0
    one, other = runs(home)
    assert results(one) == results(other)
    assert set(results(one).values()) == {"passed"}
    assert len(results(one)) == 6
    broken = [a for s in one.samples for a in s.generated.attempts if a.finish == "broken"]
    assert len(broken) == 3
    assert json.loads(hurt.stdout)["tokens"]["prompt"] > 0


def test_a_cap_is_kept_and_the_run_goes_on_later(program: Program, llmock: Any, home: Path) -> None:
    llmock.reply(FENCES, times=None)
    arguments = ("eval", "run", "starter", "--limit", "6", "--strategy", "fence")
    first = program(*arguments, "--replies", "4", "--jobs", "3")
    assert first.returncode == 3, first.stderr
    assert "--resume" in first.stderr
    assert len(llmock.requests) == 4
    (run,) = runs(home)
    assert len(run.samples) == 4
    assert run.ended
    assert run.ended.status == "budget"
    still = program("eval", "run", "--resume", run.id, "--replies", "5")
    assert (still.returncode, len(llmock.requests)) == (3, 5)
    done = program("eval", "run", "--resume", "last")
    assert done.returncode == 0, done.stderr
    assert len(llmock.requests) == 6
    (run,) = runs(home)
    assert set(results(run).values()) == {"passed"}
    assert program("eval", "run", "--resume", run.id, "--samples", "2").returncode == 2


def test_a_priced_model_has_a_cap_on_dollars_that_nobody_asked_for(
    program: Program, llmock: Any, home: Path, tmp_path: Path
) -> None:
    llmock.reply("\n".join(FENCES.split("\n```\n")[:2]) + "\n```", times=None)
    prices = tmp_path / "prices.toml"
    prices.write_text('["gpt-4o"]\ninput = 0\noutput = 1000\n')
    program.variables.update(ASSISTANT_PRICES=str(prices), ASSISTANT_EVAL_DOLLARS="1.1")
    arguments = ("eval", "run", "starter", "--limit", "2", "--strategy", "fence", "--jobs", "4")
    first = program(*arguments, "--max-reply", "256", "--samples", "12")
    assert first.returncode == 3, first.stderr
    assert "24 samples, about $6.14 at 256 tokens a reply; $6.14 if each" in first.stderr
    assert "it stops before $1.10 are spent; that is too little for all: --d" in first.stderr
    (run,) = runs(home)
    spent = sum(sample.usage.cost or 0 for sample in run.samples)
    assert 0.5 < spent <= 1.1
    assert f"--resume {run.id} --dollars N  (what is used counts: $" in first.stderr
    # What was used still counts; the setting is not asked where the flag says another cap.
    still = program("eval", "run", "--resume", "last")
    assert still.returncode == 3, still.stderr
    done = program("eval", "run", "--resume", "last", "--dollars", "60")
    assert done.returncode == 0, done.stderr
    assert len(runs(home)[0].samples) == 24
    # Where nothing is known nothing is capped, and nothing told.
    program.variables["ASSISTANT_MODEL"] = "nobodys-model"
    other = program(*arguments)
    assert other.returncode == 0, other.stderr
    assert "$" not in other.stderr


def test_the_list_counts_what_stands(program: Program, llmock: Any) -> None:
    llmock.fail(404, times=None, code="model_not_found")
    assert program("eval", "run", "starter", "--strategy", "fence", "--limit", "2").returncode == 4
    llmock.reset()
    llmock.reply(FENCES, times=None)
    assert program("eval", "run", "starter", "--strategy", "fence", "--limit", "6").returncode == 0
    lines = program("eval", "list").stdout.splitlines()
    assert ["0/2" in lines[0], "6/6" in lines[1]] == [True, True]
    assert len({line.index(" passed") for line in lines[:2]}) == 1
    assert any(line.startswith("polyglot ") and "--from URL" in line for line in lines)


def test_a_server_that_is_away_leaves_the_rate_open(
    program: Program, llmock: Any, home: Path
) -> None:
    llmock.fail(404, times=None, code="model_not_found")
    few = ("eval", "run", "starter", "--limit", "6", "--strategy", "fence")
    done = program(*few, "--jobs", "2")
    assert done.returncode == 4
    assert "model_error" in done.stdout
    assert "the server answered 404" in done.stderr
    assert len(llmock.requests) <= 2  # The others would meet the same.
    llmock.reset()
    llmock.reply(FENCES, times=None)
    done = program("eval", "run", "--resume", "last", "--json")
    assert done.returncode == 0, done.stderr
    assert len(runs(home)[0].samples) == 6


def _wait(condition: Any) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until, "nothing has happened"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_ended_goes_on_and_scores_nothing_twice(
    program: Program, llmock: Any, home: Path, number: signal.Signals
) -> None:
    llmock.delay(2.0, times=None).reply(FENCES, times=None)
    arguments = ("eval", "run", "starter", "--limit", "6", "--strategy", "fence", "--jobs", "1")
    with program.start(*arguments, "--samples", "3") as process:
        _wait(lambda: any(one.samples for one in runs(home)))
        _wait(lambda: any(sample.scored for sample in runs(home)[0].samples))
        busy = program("eval", "run", "--resume", "last")
        assert (busy.returncode, "in use" in busy.stderr) == (2, True), busy.stderr
        os.kill(process.pid, number)
        _, err = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 130, err
        assert "--resume" in err
    (before,) = runs(home)
    llmock.reset()
    llmock.reply(FENCES, times=None)
    done = program("eval", "run", "--resume", "last", "--jobs", "6", "--json")
    assert done.returncode == 0, done.stderr
    (run,) = runs(home)
    assert len(run.samples) == 18
    assert set(results(run).values()) == {"passed"}
    text = run.path.read_text()
    for sample in before.samples:
        task, sample_number = sample.key
        mark = f'"task":"{task}","number":{sample_number},'
        assert text.count(f'"type":"Generated",{mark}') == 1
        if sample.scored:
            assert text.count(f'"type":"Scored",{mark}') == 1


def test_each_sample_has_a_seed_of_its_own(program: Program, llmock: Any) -> None:
    llmock.reply(FENCES, times=None)
    done = program(
        *("eval", "run", "starter", "--limit", "1", "--strategy", "fence"),
        *("--samples", "3", "--seed", "7", "--jobs", "1"),
    )
    assert done.returncode == 0, done.stderr
    assert [request.body["seed"] for request in llmock.requests] == [7, 8, 9]


@pytest.mark.parametrize("place", ["program", pytest.param("contained", marks=pytest.mark.docker)])
def test_a_chat_is_the_assistants_own_loop(
    place: str, request: pytest.FixtureRequest, llmock: Any, home: Path
) -> None:
    program: Program = request.getfixturevalue(place)
    wrong = PROBLEMS[0].reference.replace("== 0", "== 1")
    for text in (f"```python\n{wrong}\n```", "Done.", FENCES, "Done."):
        llmock.reply(text)
    done = program(
        *("eval", "run", "starter", "--task", "starter/1", "--strategy", "chat", "--jobs", "1")
    )
    assert done.returncode == 0, done.stderr
    (run,) = runs(home)
    (sample,) = run.samples
    assert (sample.result, sample.passed_at, len(sample.generated.attempts)) == ("passed", 3, 4)


def test_a_run_goes_on_as_it_was_begun(program: Program, folder: Path, llmock: Any) -> None:
    llmock.reply(FENCES, times=None)
    few = ("eval", "run", "starter", "--limit", "2", "--strategy", "fence", "--jobs", "1")
    begun = ("--temperature", "0.5", "--max-reply", "2000", "--replies", "1")
    assert program(*few, *begun).returncode == 3
    done = program("eval", "run", "--resume", "last")
    assert done.returncode == 0, done.stderr
    assert [request.body["temperature"] for request in llmock.requests] == [0.5, 0.5]
    file = answers(folder)
    recorded = ("eval", "run", "starter", "--limit", "2", "--model", f"replay:{file}")
    assert program(*recorded, "--replies", "1", "--jobs", "1").returncode == 3
    assert program("eval", "run", "--resume", "last").returncode == 0
    assert len(llmock.requests) == 2  # A recording goes on as one.
    assert program("eval", "score", str(file), "starter", "--limit", "1").returncode == 0
    refused = program("eval", "run", "--resume", "last")
    assert (refused.returncode, "samples of a file" in refused.stderr) == (2, True)
    assert "eval score FILE.jsonl DATASET --resume" in refused.stderr


PAIR = ("--model", "gpt-4o", "--model", "gpt-4o-mini", "--strategy", "fence", "--limit", "2")


def test_all_runs_that_one_command_began_go_on_together(
    program: Program, llmock: Any, home: Path
) -> None:
    llmock.delay(2.0, times=None).reply(FENCES, times=None)
    begun = ("--samples", "3", "--k", "2", "--fail-under", "0.9", "--reasoning-effort", "low")
    with program.start("eval", "run", "starter", *PAIR, *begun, "--jobs", "1") as process:
        _wait(lambda: len([one for one in runs(home) if one.samples]) == 2)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.count("to go on") == 1
    assert all(f"assistant: {name}: interrupted" in err for name in ("gpt-4o", "gpt-4o-mini"))
    llmock.reset()
    llmock.reply(FENCES, times=None)
    before = sum(len(one.samples) for one in runs(home))
    # What is set now is not what they were begun with.
    program.variables.update(ASSISTANT_TEMPERATURE="0.7", ASSISTANT_REASONING_EFFORT="high")
    done = program("eval", "run", "--resume", "last", "--json")
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["facts"]["model"], list(one["pass_at_k"])) for one in told] == [
        ("gpt-4o", ["2"]),
        ("gpt-4o-mini", ["2"]),
    ]
    assert [len(one.samples) for one in runs(home)] == [6, 6]
    assert {one.manifest.command.fail_under for one in runs(home)} == {0.9}
    assert len(llmock.requests) == 12 - before
    for request in llmock.requests:
        assert request.body["reasoning_effort"] == "low"
        assert "temperature" not in request.body


def test_what_a_command_has_finished_is_left_and_shown(
    program: Program, llmock: Any, home: Path
) -> None:
    llmock.reply(FENCES, times=None)
    first = program("eval", "run", "starter", *PAIR, "--replies", "2", "--jobs", "1")
    assert first.returncode == 3, first.stderr
    one, other = sorted(runs(home), key=lambda run: run.manifest.command.place)
    assert one.manifest.pipeline.model == "gpt-4o"
    assert program("eval", "run", "--resume", other.id, "--model", "gpt-4o").returncode == 0
    done, (_, less) = one.path.read_bytes(), (len(load_run(r.path).samples) for r in (one, other))
    assert len(load_run(one.path).samples) == 2
    # The caps are those of the whole command, so what its other runs have used counts.
    assert program("eval", "run", "--resume", "last", "--replies", "2").returncode == 3
    assert len(load_run(other.path).samples) == less
    told = program("eval", "run", "--resume", one.id)
    assert told.returncode == 0, told.stderr
    assert one.path.read_bytes() == done
    assert len(load_run(other.path).samples) == 2
    assert [line.split()[0] for line in told.stdout.splitlines() if "starter" in line] == [
        one.id,
        other.id,
    ]


def test_what_contradicts_the_record_is_named_with_what_it_says(
    program: Program, folder: Path, llmock: Any
) -> None:
    llmock.reply(FENCES, times=None)
    assert program("eval", "run", "starter", *PAIR, "--replies", "1", "--jobs", "1").returncode == 3
    for flags, said in (
        (["--temperature", "0.5"], "temperature none, not 0.5"),
        (["--samples", "2"], "samples 1, not 2"),
        (["--seed", "7"], "seed none, not 7"),
        (["--strategy", "complete"], "strategy fence, not complete"),
        (["--task-seconds", "11"], "limit of seconds 10, not 11"),
        (["--limit", "1"], "other tasks: 2, not 1"),
        (["--model", "gpt-5"], "with --model gpt-4o, gpt-4o-mini, not gpt-5"),
    ):
        done = program("eval", "run", "--resume", "last", *flags)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_run_of_before_goes_on_alone(program: Program, llmock: Any, home: Path) -> None:
    """Its first line says nothing of the command that began it."""
    llmock.reply(FENCES, times=None)
    assert program("eval", "run", "starter", *PAIR, "--replies", "1", "--jobs", "1").returncode == 3
    for run in runs(home):
        first, rest = run.path.read_text().split("\n", 1)
        value = json.loads(first)
        del value["command"]
        run.path.write_text(json.dumps(value, separators=(",", ":")) + "\n" + rest)
    last = runs(home)[-1]
    done = program("eval", "run", "--resume", "last", "--reasoning-effort", "low")
    assert done.returncode == 0, done.stderr
    assert len(load_run(last.path).samples) == 2
    assert sum(len(run.samples) for run in runs(home)) < 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_scoring_a_file_goes_on_and_scores_nothing_twice(
    program: Program, folder: Path, home: Path, number: signal.Signals
) -> None:
    """The last solution waits, so that the run is under way when it is ended."""
    gate = folder / "gate"
    rows = [json.loads(line) for line in answers(folder).read_text().splitlines()]
    wait = f"    import os, time\n    while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    for row in rows[8:]:
        row["completion"] = wait + row["completion"]
    rows.append({**rows[0], "completion": "   "})  # A sample without code.
    file = folder / "some.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows[:10] + rows[-1:]))
    begun = ("eval", "score", str(file), "starter", "--workers", "1", "--task-seconds", "60")
    with program.start(*begun) as process:
        _wait(lambda: any(len(one.samples) >= 9 for one in runs(home)))
        os.kill(process.pid, number)
        assert process.stderr
        told = next((line for line in process.stderr if "to go on" in line), "")
        gate.touch()  # What is being judged is waited for.
        process.communicate(timeout=120)
    (before,) = runs(home)
    assert 9 <= len(before.samples) < 11
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert f"eval score {file} starter --resume {before.id}" in told
    done = program("eval", "score", str(file), "starter", "--resume", before.id, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"] == before.id
    (run,) = runs(home)
    found = results(run)
    assert found.pop(f"{PROBLEMS[0].task_id}#2") == "no_code_in_reply"
    assert (len(found), set(found.values())) == (10, {"passed"})
    assert run.manifest.limits["seconds"] == "60"
    text = run.path.read_text()
    for sample in before.samples:
        mark = f'"task":"{sample.key[0]}","number":{sample.key[1]},'
        assert text.count(f'"type":"Generated",{mark}') == 1
        assert text.count(f'"type":"Scored",{mark}') <= 1


def test_only_the_same_file_goes_on(program: Program, folder: Path, llmock: Any) -> None:
    file = answers(folder)
    few = ("eval", "score", str(file), "starter")
    assert program(*few, "--limit", "2").returncode == 0
    assert program(*few, "--resume", "last", "--json").returncode == 0
    other = program(*few, "--resume", "last", "--limit", "3")
    assert (other.returncode, "with other tasks: 2, not 3" in other.stderr) == (2, True), (
        other.stderr
    )
    answers(folder, wrong=1)
    other = program(*few, "--resume", "last")
    said = "has another sample 1 of starter/1 than the file"
    assert (other.returncode, said in other.stderr) == (2, True), other.stderr
    llmock.reply(FENCES, times=None)
    asked = ("eval", "run", "starter", "--limit", "1", "--strategy", "fence", "--jobs", "1")
    assert program(*asked).returncode == 0
    other = program(*few, "--resume", "last")
    assert (other.returncode, "eval run --resume" in other.stderr) == (2, True), other.stderr


def test_a_line_shows_how_far_it_is(program: Program, folder: Path) -> None:
    """At a terminal alone."""
    ours, theirs = pty.openpty()
    command = ("eval", "run", "starter", "--limit", "3", "--model", f"replay:{answers(folder)}")
    argv = [sys.executable, "-m", "assistant", *command]
    environment = {**os.environ, **program.variables}
    with subprocess.Popen(
        argv, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=theirs
    ) as shown:
        os.close(theirs)
        text = b""
        with contextlib.suppress(OSError):  # The other end was closed.
            while piece := os.read(ours, 4096):
                text += piece
        assert shown.wait(90) == 0
    os.close(ours)
    assert b"3/3" in text
    assert b"pass 100 %" in text


def test_a_structured_run_by_default(program: Program, llmock: Any, home: Path) -> None:
    body = PROBLEMS[0].reference.removeprefix(PROBLEMS[0].prompt)
    parts = {
        "function_signature": "def is_leap_year(year: int) -> bool:",
        "function_args_with_docstring_within_triple_quotes": '"""Tell."""',
        "code_logic": body,
    }
    llmock.reply(json.dumps(parts))
    done = program("eval", "run", "starter", "--limit", "1")
    assert done.returncode == 0, done.stderr
    (run,) = runs(home)
    assert run.manifest.pipeline.formatter == "autopep8"
    assert run.samples[0].before == run.samples[0].verdict or run.samples[0].passed
    assert llmock.last_request.body["response_format"]["type"] == "json_schema"


@pytest.mark.slow
@pytest.mark.docker
def test_all_of_humaneval_in_containers(
    contained: Program, data_folder: Path, folder: Path, home: Path
) -> None:
    """From recorded answers; and the same verdicts in a second run that replays the first."""
    contained = replace(
        contained, variables={**contained.variables, "ASSISTANT_DATA": str(data_folder)}
    )
    found = load("humaneval", [data_folder])
    rows = [{"task_id": p.task_id, "solution": p.reference} for p in found]
    (folder / "canonical.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    done = contained("eval", "run", "humaneval", "--model", "replay:canonical.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcomes"] == {"passed": 164}
    again = contained("eval", "run", "humaneval", "--model", "replay:last", "--json")
    assert again.returncode == 0, again.stderr
    one, other = runs(home)
    assert results(one) == results(other)
    assert one.manifest.image


@pytest.mark.slow
@pytest.mark.docker
def test_all_of_humaneval_from_a_server_that_fails(
    contained: Program, data_folder: Path, home: Path, llmock: Any
) -> None:
    """Rate limits, outages, drops, truncations, and a cap in the middle: the same verdicts."""
    variables = {**contained.variables, "ASSISTANT_DATA": str(data_folder)}
    contained = replace(contained, variables=variables)
    found = load("humaneval", [data_folder])
    texts = [f"```python\n{problem.reference}\n```" for problem in found]
    texts[7] = texts[8]  # One wrong answer must stay wrong.

    def queue(replies: list[str]) -> None:
        llmock.reset()
        llmock.rate_limit(times=2, retry_after=0.1).fail(503, times=1)
        for fault in ("disconnect", "truncate", "corrupt"):
            getattr(llmock, fault)(after_chunks=2)
        for text in [replies[0]] * 3 + replies:
            llmock.reply(text)

    queue(texts)
    run = ("eval", "run", "humaneval", "--strategy", "fence", "--jobs", "1")
    first = contained(*run, "--replies", "80")
    assert first.returncode == 3, first.stderr
    queue(texts[77:])
    done = contained("eval", "run", "--resume", "last", "--jobs", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcomes"]["passed"] == 163
    (kept,) = runs(home)
    wrong = [task for task, result in results(kept).items() if result != "passed"]
    assert wrong == ["HumanEval/7#1"]
    broken = [a for s in kept.samples for a in s.generated.attempts if a.finish == "broken"]
    assert len(broken) == 6


def test_a_full_disk_is_told_and_loses_nothing(program: Program, folder: Path, home: Path) -> None:
    """The limit on the size of files that a process may write stands for the disk."""
    comment = f"    # {'x' * 100_000}\n"
    rows = [json.loads(line) for line in answers(folder).read_text().splitlines()]
    rows = [{**row, "completion": comment + row["completion"]} for row in rows]
    file = folder / "long.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, resource.RLIM_INFINITY))

    # One at a time: of many at once none might be whole when the disk is full.
    arguments = ("eval", "run", "starter", "--limit", "12", "--model", f"replay:{file}")
    with program.start(*arguments, "--jobs", "1", preexec_fn=limited) as process:
        _, err = process.communicate(timeout=90)
    assert process.returncode == 2, err
    assert "cannot be written" in err
    assert "--resume" in err
    (before,) = runs(home)
    assert before.damaged == ()
    assert before.samples
    assert "[failed]" in program("eval", "list").stdout
    done = program(*arguments, "--resume", before.id)
    assert done.returncode == 0, done.stderr
    (run,) = runs(home)
    assert set(results(run).values()) == {"passed"}


LOOK = """
def f():
    found = []
    for names in (("memory.max", "memory/memory.limit_in_bytes"), ("pids.max", "pids/pids.max")):
        for name in names:
            try:
                with open("/sys/fs/cgroup/" + name) as file:
                    found.append(int(file.read()))
            except OSError:
                pass
    return found
"""


@pytest.mark.docker
def test_answers_are_judged_within_limits_of_the_users(
    contained: Program, folder: Path, home: Path
) -> None:
    variables = {"ASSISTANT_EVAL_MEMORY": "600M", "ASSISTANT_EVAL_PROCESSES": "99"}
    contained = replace(contained, variables={**contained.variables, **variables})
    test = f"def check(f):\n    assert f() == [{600 << 20}, 99]\n"
    task = {"task_id": "own/0", "prompt": "", "entry_point": "f", "test": test}
    (folder / "own.jsonl").write_text(json.dumps(task))
    (folder / "answers.jsonl").write_text(json.dumps({"task_id": "own/0", "solution": LOOK}))
    done = contained("eval", "score", "answers.jsonl", "./own.jsonl", "--json", "--workers", "1")
    assert json.loads(done.stdout)["outcomes"] == {"passed": 1}, done.stderr
    (run,) = runs(home)
    assert run.manifest.limits["memory"] == str(600 << 20)
    assert run.manifest.limits["processes"] == "99"
    variables["ASSISTANT_EVAL_PROCESSES"] = "98"
    contained.variables.update(variables)
    other = contained("eval", "score", "answers.jsonl", "./own.jsonl", "--resume", "last")
    assert (other.returncode, "limit of processes 99, not 98" in other.stderr) == (2, True), (
        other.stderr
    )
