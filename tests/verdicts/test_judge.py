"""Forms of tests, what proxies can do, error classes, and many judgements at once."""

import ast
import importlib.util
import os
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from textwrap import dedent

import pytest

from assistant.events import ExecResult, Notice, Output, SandboxError, UsageError
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.verdicts import judgement as module
from assistant.verdicts import rows
from assistant.verdicts.judgement import judge
from assistant.verdicts.pool import JudgePool, judge_many
from assistant.verdicts.task import (
    Assertions,
    Candidate,
    Cases,
    CheckFunction,
    Program,
    Task,
    TaskLimits,
    Tests,
    Verdict,
    digest,
)


def local() -> LocalSandbox:
    return LocalSandbox(LocalOptions(dict(os.environ), "pooled"))


def judged(tests: Tests, code: str, entry: str = "", definition: str = "") -> Verdict:
    task = Task(tests, entry, dedent(definition), TaskLimits(seconds=10))
    with local() as sandbox:
        return judge(sandbox, task, Candidate(dedent(code)))


def asserted(code: str, *lines: str, setup: str = "") -> Verdict:
    return judged(Assertions(lines, setup), code)


def test_a_pass_tells_what_it_saw() -> None:
    found = asserted("def f(n):\n    print('hello')\n    return n + 1", "assert f(1) == 2")
    assert (found.outcome, found.calls, found.output) == ("passed", 1, "hello\n")
    assert 0 < found.seconds < 10


def test_a_failure_tells_line_input_and_answer() -> None:
    found = asserted("def f(n): return n + 1", "assert f(1) == 2", "assert f(2) == 4, 'no'")
    assert found.outcome == "wrong_answer"
    assert found.detail == "assert f(2) == 4, 'no'\nno"
    assert found.input == "it(2) -> 3"


def test_an_exception_tells_its_type_and_place() -> None:
    found = asserted("def f(n):\n    return 1 // n", "assert f(0) == 2")
    assert found.label == "runtime_error(ZeroDivisionError)"
    assert 'File "<solution>", line 2' in found.detail
    assert "return 1 // n" in found.detail
    assert "<runner>" not in found.detail


def test_what_the_definition_gives_is_not_taken_from_the_solution() -> None:
    tests = CheckFunction("def check(candidate):\n    assert twice(candidate(3)) == 8\n")
    helper = "def twice(n): return 2 * n\ndef f(n):\n    '''One more.'''\n"
    cheat = "def twice(n): return 8\ndef f(n): return 0\n"
    assert judged(tests, cheat, "f", helper).outcome == "wrong_answer"
    assert judged(tests, "def f(n): return n + 1\n", "f", helper).passed


def test_what_a_loop_of_the_tests_swallows_is_a_failure() -> None:
    """StopIteration out of a call would end map() as if all had been looked at."""
    lines = ("for got, want in zip(map(f, [1, 2]), [1, 4]): assert got == want",)
    found = asserted("def f(n): raise StopIteration", *lines)
    assert found.label == "runtime_error(RuntimeError)"
    assert "StopIteration" in found.detail
    own = "class f:\n    def __init__(self, n): pass\n    def more(self): raise StopIteration"
    mean = "try:\n    f(1).more()\n    assert False\nexcept StopIteration:\n    pass"
    assert asserted(own, mean).passed
    assert asserted("def f(n): return iter(range(n))", "assert list(f(3)) == [0, 1, 2]").passed


def test_nothing_is_close_to_infinity() -> None:
    for expected in ("float('inf')", "float('-inf')", "[float('inf'), 1.0]", "complex('inf')"):
        cases = Cases([[1]], f"def f(n): return {expected}", 1e-6)
        assert judged(cases, f"def f(n): return {expected}", "f").passed
        for got in ("5.0", "[5.0, 1.0]", "float('nan')"):
            assert judged(cases, f"def f(n): return {got}", "f").outcome == "wrong_answer"


DEEP = """
import sys
def f(x):
    frame = sys._getframe()
    while "packed" not in frame.f_locals: frame = frame.f_back
    own, value = frame.f_locals["self"], ["L", [1]]
    for _ in range(%d): value = ["l", [value]]
    own.channel.send([own.request, "done", 0, [[1, value]]])
    own.request = 0
    return 0
"""


@pytest.mark.parametrize(("levels", "outcome"), [(120, "wrong_answer"), (200, "exit_before")])
def test_an_answer_too_deep_to_be_handed_back_is_its_own_fault(levels: int, outcome: str) -> None:
    found = asserted(DEEP % levels, "x = [1, 2]\nf(x)\nassert f([[[x]]]) == 3")
    assert found.outcome.startswith(outcome), found


def test_cases_against_a_reference() -> None:
    cases = Cases([[1, 2], [(1,), (2,)], ["a", "b"]], "def f(a, b): return a + b")
    assert judged(cases, "def f(a, b): return a + b", "f").passed
    found = judged(cases, "def f(a, b): return b + a", "f")
    assert (found.outcome, found.input) == ("wrong_answer", "f((1,), (2,)) -> (2, 1)")
    assert found.detail == "expected (1, 2)"


@pytest.mark.parametrize(
    ("atol", "wrong_by", "passed"),
    [(0.0, 1e-9, True), (0.0, 1e-3, False), (1e-2, 1e-3, True), (0.0, 0.0, True)],
)
def test_floats_are_compared_closely(atol: float, wrong_by: float, passed: bool) -> None:
    cases = Cases([[1.5], [[0.25]]], "def f(a): return [a[0] / 3] if type(a) is list else a", atol)
    code = f"def f(a): return [a[0] / 3 + {wrong_by}] if type(a) is list else a + {wrong_by}"
    assert judged(cases, code, "f").passed is passed


def test_an_oracle_decides_where_several_answers_are_right() -> None:
    oracle = "def oracle(arguments, answer, expected): return answer ** 2 == arguments[0]"
    cases = Cases([[4], [9]], "def f(n): return int(n ** 0.5)", 0, oracle)
    assert judged(cases, "def f(n): return -int(n ** 0.5)", "f").passed
    assert judged(cases, "def f(n): return n", "f").outcome == "wrong_answer"


UNITTEST = """
import unittest

class Stacks(unittest.TestCase):
    def setUp(self):
        self.stack = Stack([1])

    def test_order(self):
        self.stack.push(2)
        self.stack.push([3, 4])
        self.assertEqual(self.stack.pop(), [3, 4])
        self.assertEqual(len(self.stack), 2)
        self.assertEqual(list(self.stack), [1, 2])
        self.assertTrue(isinstance(self.stack, Stack))

    def test_empty(self):
        self.stack.pop()
        self.assertFalse(self.stack)
        with self.assertRaises(Empty) as caught:
            self.stack.pop()
        self.assertEqual(str(caught.exception), "nothing there")
        with self.assertRaises(LookupError):
            self.stack.pop()

    def test_equal(self):
        self.assertEqual(self.stack, Stack([1]))
        self.assertNotEqual(self.stack, Stack([2]))
        self.assertNotEqual(self.stack, [1])
        with self.stack as inside:
            self.assertEqual(inside[0], 1)
        self.assertEqual(self.stack.name, "stack")
        self.stack.name = "other"
        self.assertEqual(self.stack.upper(), "OTHER")
"""
STACK = """
class Empty(LookupError):
    pass

class Stack:
    def __init__(self, items): self.items, self.name = list(items), "stack"
    def push(self, item): self.items.append(item)
    def pop(self):
        if not self.items:
            raise Empty("nothing there")
        return self.items.pop()
    def upper(self): return self.name.upper()
    def __len__(self): return len(self.items)
    def __iter__(self): return iter(self.items)
    def __getitem__(self, at): return self.items[at]
    def __eq__(self, other): return self.items == other.items
    def __enter__(self): return self
    def __exit__(self, *what): pass
"""


def test_classes_by_unittest() -> None:
    found = judged(Program(UNITTEST), STACK)
    assert found.passed, found
    broken = STACK.replace("items.pop()", "items.pop(0)")
    found = judged(Program(UNITTEST), broken)
    assert found.outcome == "wrong_answer"
    assert "assertEqual(self.stack.pop(), [3, 4])" in found.detail


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("def f(n):\n    for i in range(n): yield i", ["assert list(f(3)) == [0, 1, 2]"]),
        ("def f(n): return lambda m: n + m", ["g = f(1)", "assert g(2) == 3", "assert g(3) == 4"]),
        ("def f(items): items.append(1)", ["a = [0]", "assert f(a) is None", "assert a == [0, 1]"]),
        (
            "def f(d):\n    d['x'][0].sort()\n    d['y'] = 1\n    return d",
            ["a = {'x': [[2, 1]]}", "i = a['x'][0]", "assert f(a) is a", "assert i == [1, 2]"],
        ),
        (
            "def f(g, n): return g(n) + 1",
            ["assert f(lambda n: n * 2, 3) == 7", "assert f(abs, -1) == 2"],
        ),
        ("def f(numbers): return sum(numbers)", ["assert f(iter([1, 2])) == 3"]),
        (
            "def f(kind, n): return isinstance(n, kind)",
            ["assert f(int, 3)", "assert not f(str, 3)"],
        ),
        ("def f(*a, **k): return (a, k)", ["assert f(1, x=[2]) == ((1,), {'x': [2]})"]),
        (
            "from collections import *\nP = namedtuple('P', 'x y')\ndef f(): return P(1, [2])",
            ["assert f() == (1, [2])", "assert f().y == [2]", "assert isinstance(f(), tuple)"],
        ),
        (
            "from enum import IntEnum\nclass C(IntEnum):\n    red = 1\ndef f(): return C.red",
            ["assert f() == 1", "assert f().name == 'red'", "assert f() == C.red"],
        ),
        (
            "def f(n):\n    if n: raise ValueError('bad', n)",
            ["try:\n    f(3)\n    assert 0\nexcept ValueError as e:\n    assert e.args[1] == 3"],
        ),
        ("def f(n): return 10 ** n", ["assert f(9000) == 10 ** 9000"]),
        ("class A:\n    n = 2\n    def __add__(s, o): return s.n + o.n", ["assert A() + A() == 4"]),
        ("def f(): return f", ["assert f() == f", "assert f().__name__ == 'f'"]),
        (
            "def f(g):\n    try:\n        g()\n    except KeyError:\n        return 1",
            ["assert f(lambda: {}[0]) == 1"],
        ),
    ],
)
def test_tests_can_do_what_they_do(code: str, lines: list[str]) -> None:
    found = asserted(code, *lines)
    assert found.passed, found


@pytest.mark.parametrize(
    "code",
    [
        "class N:\n    __lt__ = __gt__ = __sub__ = __rsub__ = __contains__ = lambda *a: True\n"
        "def f(n): return N()",
        "class N:\n    def __contains__(self, other): return True\n"
        "    def __iter__(self): return iter([])\ndef f(n): return N()",
    ],
)
@pytest.mark.parametrize(
    "line", ["assert 5 in f(1)", "assert f(1) - 5 < 1e-6", "assert 5 - f(1)", "assert f(1) > 4"]
)
def test_objects_do_not_judge_themselves(code: str, line: str) -> None:
    assert asserted(code, line).outcome == "wrong_answer"


def test_callbacks_do_not_lead_into_the_tests() -> None:
    code = """
    def f(g):
        found = []
        for name in ("__globals__", "__code__", "gi_frame", "func_globals", "__self__"):
            try:
                found.append(getattr(g, name))
            except BaseException:
                pass
        return found
    """
    lines = ["secret = 5", "def numbers():\n    yield secret"]
    found = asserted(code, *lines, "assert f(numbers()) == []", "assert f(lambda: secret) == []")
    assert found.passed, found


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (["assert f(1) == undefined_thing"], "undefined_thing"),
        (["import no_such_module", "assert f(1)"], "no_such_module"),
        (["assert f(1"], "SyntaxError"),
        (["assert True"], "never called"),
        (["import sys", "assert f(1)", "sys.exit(0)"], "SystemExit"),
        (["import math", "assert f(math)"], "cannot travel"),
    ],
)
def test_tests_that_fail_by_themselves_are_no_wrong_answer(lines: list[str], word: str) -> None:
    found = judged(Assertions(lines), "def f(n): return n", "f")
    expected = "missing_entry_point" if "undefined" in word else "harness_error"
    assert found.outcome == expected
    assert word in found.detail


def test_no_code_and_too_much() -> None:
    task = Task(Assertions(["assert f() == 1"]))
    with local() as sandbox:
        assert judge(sandbox, task, Candidate(None)).outcome == "no_code_in_reply"
        assert judge(sandbox, task, Candidate("\n\t")).outcome == "no_code_in_reply"
        assert judge(sandbox, task, Candidate("#" * 10_000_000)).outcome == "syntax_error"


def test_inputs_that_cannot_travel() -> None:
    assert judged(Cases([[object()]], "f = id"), "f = id", "f").outcome == "harness_error"


def test_the_program_is_the_same_for_all_and_holds_no_task() -> None:
    """What is forked before the tests are read must not know them."""
    seen: list[tuple[str, bytes]] = []

    class Spy:
        image = "spy"

        def open(self) -> None: ...
        def abort(self) -> None: ...

        def prepare(self, program: str) -> None:
            self.program = program

        def answer(
            self, asked: bytes, seconds: float
        ) -> Generator[Output | Notice, None, ExecResult]:
            seen.append((self.program, asked))
            return ExecResult(0, '{"outcome": "passed", "seconds": 1}\n')
            yield

    for secret in ("a1b2c3", "d4e5f6"):
        task = Task(Assertions([f"assert f() == {secret!r}"]))
        assert judge(Spy(), task, Candidate("def f(): 1")).outcome == "exit_before_verdict"
    (first, exam), (second, _) = seen
    assert first == second
    assert b"a1b2c3" in exam
    assert "a1b2c3" not in first


def test_parts_of_the_program_do_not_overwrite_each_other() -> None:
    names: dict[str, str] = {}
    for part in module._PARTS:
        text = files("assistant.verdicts").joinpath(part + ".py").read_text("utf-8")
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found = [node.name]
            elif isinstance(node, ast.Assign):
                found = [target.id for target in node.targets if isinstance(target, ast.Name)]
            else:
                continue
            for name in found:
                assert names.setdefault(name, part) == part, f"{name} in {part} and {names[name]}"


def test_the_program_is_for_old_pythons_too() -> None:
    ast.parse(module.program_text(), feature_version=(3, 8))


def test_the_program_runs_as_text_where_bytecode_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = module.program().replace(repr(importlib.util.MAGIC_NUMBER), "b'another'")
    assert sent != module.program()
    monkeypatch.setattr(module, "program", lambda: sent)
    assert asserted("def f(n): return n", "assert f([1]) == [1]").passed
    assert asserted("def f(n): return n", "assert f([1]) == [2]").outcome == "wrong_answer"


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (ExecResult(0, ""), "exit_before_verdict"),
        (ExecResult(0, "passed\n"), "exit_before_verdict"),
        (ExecResult(137, ""), "exit_before_verdict"),
        (ExecResult(1, "Traceback"), "harness_error"),
        (ExecResult(124, "", reason="timeout"), "timeout"),
        (ExecResult(137, "", reason="memory"), "out_of_memory"),
        (ExecResult(137, "", reason="disk"), "runtime_error"),
    ],
)
def test_an_end_without_a_report_is_never_a_pass(result: ExecResult, outcome: str) -> None:
    class Ends:
        image = "ends"

        def open(self) -> None: ...
        def abort(self) -> None: ...
        def prepare(self, program: str) -> None: ...

        def answer(
            self, asked: bytes, seconds: float
        ) -> Generator[Output | Notice, None, ExecResult]:
            yield Output("")
            return result

    task = Task(Assertions(["assert f() == 1"]))
    assert judge(Ends(), task, Candidate("def f(): 1")).outcome == outcome


class Counting:
    """Answers right away; fails as often as it is told to."""

    image = "counting"
    opened = judged = 0

    def __init__(self, faults: int = 0, broken: int = 0) -> None:
        self.faults, self.broken = faults, broken

    def open(self) -> None: ...
    def abort(self) -> None: ...
    def prepare(self, program: str) -> None: ...

    def answer(self, asked: bytes, seconds: float) -> Generator[Output | Notice, None, ExecResult]:
        self.judged += 1
        nonce = asked.split(b'"nonce": "')[1][:32].decode()
        if self.faults:
            self.faults -= 1
            raise SandboxError("gone")
        outcome = "passed"
        if self.broken:
            self.broken -= 1
            outcome = "harness_error"
        return ExecResult(0, f'{nonce} {{"outcome": "{outcome}", "seconds": 0}}\n')
        yield

    @contextmanager
    def opener(self) -> Iterator["Counting"]:
        self.opened += 1
        yield self


def jobs(count: int) -> list[tuple[Task, Candidate]]:
    task = Task(Assertions(["assert f() == 1"]))
    return [(task, Candidate(f"def f(): return {n % 5}")) for n in range(count)]


def test_equal_jobs_are_judged_once() -> None:
    sandbox = Counting()
    found = judge_many(sandbox.opener, jobs(20), 1)
    assert (len(found), sandbox.judged, sandbox.opened) == (20, 5, 1)
    assert len(judge_many(sandbox.opener, jobs(20), 1, again=True)) == 20
    assert sandbox.judged == 25


def test_what_fails_for_reasons_not_its_own_is_tried_again_once() -> None:
    for sandbox in (Counting(faults=1), Counting(broken=1)):
        assert [v.outcome for v in judge_many(sandbox.opener, jobs(2), 1)] == ["passed"] * 2
        assert sandbox.opened == 2
    for sandbox in (Counting(faults=2), Counting(broken=2)):
        found = [v.outcome for v in judge_many(sandbox.opener, jobs(2), 1)]
        assert found == ["harness_error", "passed"]


def test_types_that_json_lost_come_back() -> None:
    row = {
        "entry_point": "f",
        "prompt": "",
        "canonical_solution": "def f(*a): return a",
        "assertion": "assert f((1, 2), [(3, {4})], {'a': (1,)}, 1j, (1, (2, 3))) == 5",
        "base_input": [[[1], [[3, [4, 5]], [6, []]], {"b": [2]}, "2j", [[1, [2]], 3]]],
        "plus_input": [],
    }
    cases = rows.mbpp_plus(row).tests
    assert isinstance(cases, Cases)
    assert cases.inputs == [
        [(1,), [(3, {4, 5}), (6, set())], {"b": (2,)}, 2j, ((1, (2,)), 3)],
    ]


def test_rows_that_lack_something_are_told() -> None:
    with pytest.raises(UsageError, match=r'"HumanEval/0".*entry_point'):
        rows.humaneval({"task_id": "HumanEval/0", "prompt": ""})


@contextmanager
def broken() -> Iterator[Counting]:
    raise SandboxError("no engine")
    yield


def test_a_sandbox_that_cannot_be_opened_is_an_error() -> None:
    with pytest.raises(SandboxError, match="no engine"):
        judge_many(broken, jobs(3), 2)


def test_a_pool_judges_what_comes_from_any_thread() -> None:
    sandbox = Counting()
    with JudgePool(sandbox.opener, workers=1) as pool:
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda job: pool.judge(*job), jobs(40)))
        assert {verdict.outcome for verdict in found} == {"passed"}
        assert sandbox.judged == 5
        assert pool.judge(*jobs(1)[0]).passed
        assert sandbox.judged == 5
    assert sandbox.opened == 1


def test_a_pool_forgets_what_failed_for_reasons_not_its_own() -> None:
    sandbox = Counting(broken=2)
    with JudgePool(sandbox.opener, workers=1) as pool:
        assert pool.judge(*jobs(1)[0]).outcome == "harness_error"
        assert pool.judge(*jobs(1)[0]).passed


def test_a_pool_without_a_sandbox_says_so_each_time() -> None:
    with JudgePool(broken, workers=2) as pool:
        for job in jobs(2):
            with pytest.raises(SandboxError, match="no engine"):
                pool.judge(*job)


def test_a_pool_that_is_left_cancels_what_waits() -> None:
    going, gate = threading.Event(), threading.Event()

    class Waiting(Counting):
        def answer(
            self, asked: bytes, seconds: float
        ) -> Generator[Output | Notice, None, ExecResult]:
            going.set()
            assert gate.wait(60)
            return (yield from super().answer(asked, seconds))

    with JudgePool(Waiting().opener, workers=1) as pool:
        first, second, *_ = [pool.submit(*job) for job in jobs(5)]
        assert going.wait(60)
        pool._end(None)
        assert second.cancelled()
        gate.set()
    assert first.result().passed
    assert pool.submit(*jobs(1)[0]) is first
    assert pool.submit(Task(Assertions(["assert g()"])), Candidate("g = 1")).cancelled()


def test_a_pool_that_is_left_ends_what_runs() -> None:
    """Nobody waits for the limit of an answer whose verdict nobody wants any more."""

    class Endless(Counting):
        def __init__(self) -> None:
            super().__init__()
            self.begun, self.aborted = threading.Event(), threading.Event()

        def abort(self) -> None:
            self.aborted.set()

        def answer(
            self, asked: bytes, seconds: float
        ) -> Generator[Output | Notice, None, ExecResult]:
            self.begun.set()
            assert self.aborted.wait(60)
            raise SandboxError("closed")
            yield

    sandbox = Endless()
    with JudgePool(sandbox.opener, workers=1) as pool:
        running, waiting = [pool.submit(*job) for job in jobs(2)]
        assert sandbox.begun.wait(60)
    assert running.cancelled()
    assert waiting.cancelled()
    assert sandbox.opened == 1


@pytest.mark.timeout(120)
def test_a_real_sandbox_that_is_left_ends_what_runs() -> None:
    with JudgePool(lambda: LocalSandbox(LocalOptions(life="pooled")), workers=1) as pool:
        assert pool.judge(*jobs(2)[1]).passed
        slow = Candidate("import time\ndef f(): time.sleep(1000)")
        verdict = pool.submit(Task(Assertions(["f()"]), limits=TaskLimits(seconds=900)), slow)
        time.sleep(0.2)  # Whether it has begun or not, it is not waited for.
    assert verdict.cancelled()


def test_verdicts_do_not_depend_on_workers_or_order() -> None:
    task = Task(Assertions(["assert f() == 1", "assert f() == 1"]))
    codes = [
        "def f(): return 1",
        "def f(): return 2",
        "def g(): 1",
        "def f(: 1",
        "import os; os._exit(0)",
    ]
    given = [(task, Candidate(code)) for code in codes]
    wanted = [
        "passed",
        "wrong_answer",
        "missing_entry_point",
        "syntax_error",
        "exit_before_verdict",
    ]
    once = judge_many(local, given, 1)
    assert [v.outcome for v in once] == wanted
    told = [replace(verdict, seconds=0) for verdict in once]
    for workers in (1, 2, 8):
        for order in (given, given[::-1], given[2:] + given[:2]):
            verdicts = [replace(found, seconds=0) for found in judge_many(local, order, workers)]
            assert [verdicts[order.index(job)] for job in given] == told


def test_digests_tell_apart_what_differs() -> None:
    task = Task(Cases([[(1, 2)]], "f = sum"), "f")
    other = Task(Cases([[[1, 2]]], "f = sum"), "f")
    slower = Task(Cases([[(1, 2)]], "f = sum"), "f", limits=TaskLimits(seconds=3))
    code = Candidate("f = sum")
    found = {
        digest(t, c, i)
        for t in (task, other, slower)
        for c in (code, Candidate(None))
        for i in "ab"
    }
    assert len(found) == 12
    assert digest(task, code, "a") == digest(Task(Cases([[(1, 2)]], "f = sum"), "f"), code, "a")
