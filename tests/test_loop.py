"""The loop: every ending is true, no cap is overshot, nothing runs that should not."""

from decimal import Decimal
from typing import Any

import pytest

from assistant.budget import Budget
from assistant.events import (
    Checked,
    Chunk,
    CodeBlock,
    Event,
    ExecResult,
    Finished,
    ModelError,
    Ran,
    Replied,
    Reserved,
    Running,
    Said,
    SandboxError,
    Usage,
)
from assistant.loop import converse, drive
from assistant.protocols import Terms
from assistant.values import Finish
from tests.fakes import ListCheck, ListExecutor, ListModel

RUN = "Now:\n\n```python\nprint(1)\n```\n"
FAILED = ExecResult(1, "Traceback: boom\n")


def play(
    model: ListModel, executor: ListExecutor | None = None, **terms: Any
) -> tuple[Finished, list[Event]]:
    events: list[Event] = [Said("system", "system"), Said("do it")]
    run = converse(events, model, executor or ListExecutor(), Terms(**terms))
    seen: list[Event] = []
    return drive(run, seen.append), seen


def results(seen: list[Event]) -> list[str]:
    return [event.text for event in seen if isinstance(event, Said) and event.role == "result"]


def test_a_reply_without_code_ends_the_run() -> None:
    ending, seen = play(ListModel("42"))
    assert ending == Finished("done")
    assert [type(event) for event in seen] == [Reserved, Chunk, Replied, Finished]


def test_code_runs_and_its_result_is_fed_back() -> None:
    model, executor = ListModel(RUN, "It prints 1."), ListExecutor(ExecResult(0, "1\n"))
    ending, seen = play(model, executor)
    assert ending.status == "done"
    assert executor.blocks == [CodeBlock("python", "print(1)\n")]
    assert "exit 0" in results(seen)[0]
    assert model.seen[1][-1] == Said(results(seen)[0], "result")


def test_blocks_stop_at_the_first_failure_and_the_model_hears_what_was_left_out() -> None:
    reply = "```python\na\n```\n```python\nb\n```\n```bash\nc\n```\n"
    executor = ListExecutor(ExecResult(0, "fine"), FAILED)
    ending, seen = play(ListModel(reply, "I give up."), executor)
    assert [block.code for block in executor.blocks] == ["a\n", "b\n"]
    text = results(seen)[0]
    assert "Block 1 of 3" in text
    assert "Block 2 of 3" in text
    assert "1 later block" in text
    assert ending == Finished("gave-up", "the last block that ran had failed")


def test_a_failure_that_is_mended_is_done() -> None:
    ending, _ = play(ListModel(RUN, RUN, "good"), ListExecutor(FAILED))
    assert ending.status == "done"


def test_a_declined_block_is_no_failure() -> None:
    declined = ExecResult(1, "", reason="declined")
    ending, seen = play(ListModel(RUN, "As you wish."), ListExecutor(declined))
    assert ending.status == "done"
    assert "declined" in results(seen)[0]


@pytest.mark.parametrize("finish", ["length", "broken", "interrupted", "refused", "filtered"])
def test_code_of_an_unfinished_reply_never_runs(finish: Finish) -> None:
    executor = ListExecutor()
    ending, seen = play(ListModel(Replied(RUN, finish=finish), "done"), executor)
    assert executor.blocks == []
    expected = {"interrupted": "interrupted", "refused": "refused", "filtered": "refused"}
    assert ending.status == expected.get(finish, "done")
    assert Replied(RUN, finish=finish) in seen


def test_a_broken_reply_is_kept_but_not_shown_to_the_model() -> None:
    model = ListModel(Replied("half", finish="broken"), "whole")
    play(model)
    assert model.seen[0] == model.seen[1]


def test_replies_that_keep_breaking_are_an_error_of_the_model() -> None:
    broken = Replied("", finish="broken", detail="connection lost")
    ending, _ = play(ListModel(broken, broken, broken))
    assert ending.status == "model-error"
    assert "connection lost" in ending.detail


def test_two_empty_replies_in_a_row_are_stuck() -> None:
    assert play(ListModel("", "  \n"))[0].status == "stuck"
    assert play(ListModel("", RUN, "", "done"))[0].status == "done"


def test_the_same_failure_three_times_is_stuck() -> None:
    failures = [ExecResult(1, f"failed in 0.{n} s at 0x7f{n}000") for n in range(3)]
    ending, _ = play(ListModel(RUN, RUN, RUN, RUN), ListExecutor(*failures))
    assert ending.status == "stuck"


class TestRepetition:
    def test_the_same_success_is_told_once_and_then_ends_the_run(self) -> None:
        done = [ExecResult(0, f"{n}.5 s\n") for n in range(9)]  # Times do not tell them apart.
        model = ListModel(*[RUN] * 9)
        ending, seen = play(model, ListExecutor(*done))
        assert (ending.status, len(model.seen)) == ("stuck", 4)
        assert ending.detail == "the same block came to the same 4 times"
        heard = results(seen)
        assert ["the same code" in text for text in heard] == [False, False, True, True]

    def test_a_model_that_hears_it_goes_on(self) -> None:
        model = ListModel(RUN, RUN, RUN, RUN.replace("1", "2"), "All done.")
        assert play(model)[0].status == "done"

    def test_two_that_take_turns_are_noticed(self) -> None:
        other = RUN.replace("1", "2")
        model = ListModel(*[RUN, other] * 9)
        ending, _ = play(model)
        assert (ending.status, len(model.seen)) == ("stuck", 7)

    def test_other_outcomes_are_no_repetition(self) -> None:
        waiting = [ExecResult(0, f"{n} rows\n") for n in range(6)]
        model = ListModel(*[RUN] * 6, "All there.")
        assert play(model, ListExecutor(*waiting))[0].status == "done"

    def test_tests_that_are_run_after_each_change_are_no_loop(self) -> None:
        replies, outcomes = [], []
        for n in range(6):
            replies += [RUN.replace("1", f"'change {n}'"), RUN]
            outcomes += [ExecResult(0, "", files=(f"f{n}.py",)), ExecResult(0, "5 passed\n")]
        model = ListModel(*replies, "Done.")
        assert play(model, ListExecutor(*outcomes))[0].status == "done"

    def test_a_change_that_is_made_over_and_over_is_one(self) -> None:
        outcomes = [ExecResult(0, "", files=("f.py",)) for _ in range(9)]
        assert play(ListModel(*[RUN] * 9), ListExecutor(*outcomes))[0].status == "stuck"

    def test_many_of_them_in_one_reply_are_told_before_anything_ends(self) -> None:
        assert play(ListModel(RUN * 6, "Oh."))[0].status == "done"

    def test_the_check_has_its_say_first(self) -> None:
        ending, _ = play(ListModel(*[RUN] * 9), check=ListCheck(True))
        assert ending.status == "done"
        assert "the check passes; the same block" in ending.detail
        ending, seen = play(ListModel(*[RUN] * 9), check=ListCheck(False))
        assert ending.status == "stuck"
        assert any(isinstance(event, Checked) for event in seen)


def test_different_failures_are_not_stuck() -> None:
    failures = [ExecResult(1, f"{n} tests failed") for n in "abc"]
    assert play(ListModel(RUN, RUN, RUN, RUN, "ok"), ListExecutor(*failures))[0].status == "done"


def test_errors_of_the_parts_end_the_run() -> None:
    assert play(ListModel(ModelError("no", kind="auth")))[0].status == "model-error"
    dead = SandboxError("container found dead")
    ending, seen = play(ListModel(RUN), ListExecutor(dead))
    assert ending == Finished("sandbox-error", "container found dead")
    assert isinstance(seen[-2], Running)


class TestCheck:
    def test_decides_and_its_failure_is_fed_back(self) -> None:
        model, check = ListModel("done!", RUN, "now it is"), ListCheck(False, True)
        ending, seen = play(model, check=check)
        assert ending == Finished("done")
        assert "check output" in results(seen)[0]

    def test_is_not_run_while_the_model_works(self) -> None:
        check = ListCheck(True)
        play(ListModel(RUN, RUN, "done"), check=check)
        assert check.verdicts == []

    def test_a_model_that_stops_again_has_failed(self) -> None:
        ending, _ = play(ListModel("done!", "It cannot be done."), check=ListCheck(False, False))
        assert ending.status == "check-failed"

    def test_work_done_with_the_last_reply_is_still_judged(self) -> None:
        budget = Budget(replies=1)
        assert play(ListModel(RUN), check=ListCheck(True), budget=budget)[0].status == "done"
        assert play(ListModel(RUN), check=ListCheck(False), budget=budget)[0].status == "budget"


class TestBudget:
    def test_replies(self) -> None:
        model = ListModel(RUN, RUN, RUN)
        ending, _ = play(model, budget=Budget(replies=2))
        assert (ending.status, len(model.seen)) == ("budget", 2)

    def test_tokens_are_reserved_so_that_no_call_overshoots(self) -> None:
        model = ListModel(*[RUN] * 50, max_reply=500)
        _, seen = play(model, budget=Budget(tokens=5000, replies=None))
        calls = [event for event in seen if isinstance(event, Reserved)]
        used = 0
        replies = [event for event in seen if isinstance(event, Replied)]
        for call, reply in zip(calls, replies, strict=True):
            assert used + call.prompt + call.completion <= 5000
            used += reply.usage.total
        assert model.caps == [call.completion for call in calls]

    def test_dollars(self) -> None:
        runs = [RUN.replace("1", str(number)) for number in range(50)]
        model = ListModel(*runs, price=Decimal("0.001"), max_reply=300)
        ending, seen = play(model, budget=Budget(dollars=Decimal("2")))
        assert ending.status == "budget"
        assert "$" in ending.detail
        costs = [e.usage.cost for e in seen if isinstance(e, Replied) and e.usage.cost]
        assert 0 < sum(costs) <= Decimal("2")

    def test_an_unknown_price_matters_only_where_the_user_set_a_cap(self) -> None:
        assert play(ListModel("ok"), budget=Budget())[0].status == "done"
        capped = Budget(dollars=Decimal(1), dollars_required=True)
        assert play(ListModel("ok"), budget=capped)[0].status == "model-error"

    def test_blocks(self) -> None:
        executor = ListExecutor()
        ending, _ = play(ListModel(RUN * 5), executor, budget=Budget(blocks=3))
        assert (ending.status, len(executor.blocks)) == ("budget", 3)

    def test_seconds_bound_blocks_and_calls(self) -> None:
        now = [0.0]
        executor = ListExecutor()
        play(ListModel(RUN, "x"), executor, budget=Budget(seconds=30), clock=lambda: now[0])
        assert executor.limits == [30]

    def test_a_reservation_without_its_reply_counts_in_full_after_a_crash(self) -> None:
        past: list[Event] = [Said("do it"), Reserved(100, 800)]
        run = converse(past, ListModel("x"), ListExecutor(), Terms(Budget(tokens=1000)))
        assert drive(run).status == "budget"

    def test_an_interrupted_reply_of_unknown_size_counts_in_full(self) -> None:
        past: list[Event] = [
            Said("do it"),
            Reserved(100, 800),
            Replied("x", Usage(100, completion=1, estimated=True), finish="interrupted"),
        ]
        run = converse(past, ListModel("x"), ListExecutor(), Terms(Budget(tokens=1000)))
        assert drive(run).status == "budget"


class TestInterrupt:
    def test_in_a_sink_ends_the_run_in_one_place_and_reaches_every_sink(self) -> None:
        first: list[Event] = []
        second: list[Event] = []

        def touchy(event: Event) -> None:
            first.append(event)
            if isinstance(event, Chunk):
                raise KeyboardInterrupt

        run = converse([Said("x")], ListModel("a", "b"), ListExecutor(), Terms())
        assert drive(run, touchy, second.append).status == "interrupted"
        assert first == second

    def test_during_code_keeps_what_it_printed(self) -> None:
        cancelled = ExecResult(130, "half", 0.2, "cancelled")
        ending, seen = play(ListModel(RUN), ListExecutor(cancelled))
        assert (ending.status, ending.detail) == ("interrupted", "while code ran")
        assert "interrupted by the user" in results(seen)[0]
        assert any(isinstance(event, Ran) for event in seen)

    def test_at_the_question_whether_code_may_run_none_ran(self) -> None:
        ending, _ = play(ListModel(RUN), ListExecutor(ExecResult(130, "", reason="cancelled")))
        assert (ending.status, ending.detail) == ("interrupted", "before the code ran")

    def test_what_was_told_as_begun_is_told_as_ended(self) -> None:
        seen: list[Event] = []

        def touchy(event: Event) -> None:
            seen.append(event)
            if isinstance(event, Running):
                raise KeyboardInterrupt

        run = converse([Said("x")], ListModel(RUN, "b"), ListExecutor(), Terms())
        assert drive(run, touchy).status == "interrupted"
        begun = [type(event) for event in seen if isinstance(event, Running | Ran)]
        assert begun == [Running, Ran]

    def test_during_a_reply_tells_the_model_next_time(self) -> None:
        ending, seen = play(ListModel(Replied("I wo", finish="interrupted")))
        assert ending.status == "interrupted"
        assert "interrupted your reply" in results(seen)[0]


class TestUntagged:
    def test_the_model_is_told_once(self) -> None:
        reply = "```\nThe quick brown fox jumps over the lazy dog, and is not amused.\n```\n"
        model = ListModel(reply, reply)
        ending, seen = play(model)
        assert ending.status == "done"
        assert len(results(seen)) == 1


def test_changes_from_outside_are_told_before_the_first_call() -> None:
    model = ListModel("ok")
    play(model, ListExecutor(told=["a.py was changed by the user"]))
    assert "a.py was changed by the user" in model.seen[0][-1].text


class TestMeaning:
    def test_a_transcript_runs_without_its_prompts_and_output(self) -> None:
        executor = ListExecutor()
        play(ListModel("```bash\n$ echo one\none\n$ echo two\ntwo\n```\n", "done"), executor)
        assert executor.blocks == [CodeBlock("bash", "echo one\necho two\n")]

    def test_python_2_is_refused_and_said_to_be(self) -> None:
        executor = ListExecutor()
        ending, seen = play(ListModel("```python\nprint 'hello'\n```\n", "sorry"), executor)
        assert executor.blocks == []
        assert ending.status == "gave-up"
        assert "Python 2" in results(seen)[0]

    def test_a_file_is_run_as_it_was_written(self) -> None:
        executor = ListExecutor()
        reply = "```bash\n# filename: x.sh\n$ echo one\n```\n"
        play(ListModel(reply, "done"), executor)
        assert executor.blocks[0].code.endswith("$ echo one\n")
