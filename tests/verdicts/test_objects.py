"""Right solutions whose tests use their objects as tests do, and objects that try to gain by it."""

import os
from collections.abc import Iterator
from textwrap import dedent

import pytest

from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.verdicts.judgement import judge
from assistant.verdicts.task import Candidate, Program, Task, TaskLimits, Verdict

NODE = """
class Node:
    def __init__(self, value, left=None, right=None):
        self.value, self.left, self.right = value, left, right
    def walk(self, visit):
        if self.left: self.left.walk(visit)
        visit(self)
        if self.right: self.right.walk(visit)
def best(nodes, key): return max(nodes, key=key)
def twice(f, n): return f(f(n))
def inc(n): return n + 1
def memo(f):
    known = {}
    def wrapped(n):
        if n not in known: known[n] = f(n)
        return known[n]
    return wrapped
def by_threads(f, items):
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(4) as pool: return list(pool.map(f, items))
def same(n): return n
def through(f):
    try:
        return f()
    finally:
        pass
"""
CLASSES = """
import contextlib, enum
from dataclasses import dataclass
class Color(enum.Enum):
    RED = 1
    BLUE = 2
def red(): return Color.RED
@dataclass(frozen=True)
class Point:
    x: int
class Bank(Exception): pass
class Poor(Bank):
    def __init__(self, missing):
        super().__init__(missing)
        self.missing = missing
    def __str__(self): return "missing %d" % self.missing
def pay(n): raise Poor(n)
def about(error): return error.missing
class Box:
    "Holds one thing."
    _one = None
    def __new__(cls):
        cls._one = cls._one or super().__new__(cls)
        return cls._one
    @property
    def x(self): return self._x
    @x.setter
    def x(self, x): self._x = x
    @x.deleter
    def x(self): del self._x
class Undone:
    def __init__(self): self.why = ""
    def __enter__(self): return self
    def __exit__(self, kind, error, trace):
        self.why = kind and kind.__name__
        return kind is ValueError
def count():
    got = yield 1
    yield got
async def double(n):
    import asyncio
    await asyncio.sleep(0)
    return n * 2
def shout(): print("hello")
def write(stream): stream.write("hi")
def between(f):
    print("before")
    f()
    print("after")
def added(): return int(input("one? ")) + int(input())
def lines():
    import sys
    return [line.strip() for line in sys.stdin]
"""
CONTAINERS = """
class Stack(list):
    def push(self, one): self.append(one)
    def top(self): return self[-1]
class Points(dict):
    def __init__(self, **known):
        for name, value in known.items(): self[name] = value
    def __setitem__(self, name, value): dict.__setitem__(self, name, 2 * value)
    def __missing__(self, name): return 0
"""
GUESTS = """
import functools, json
class Subject:
    def __init__(self): self.observers = []
    def attach(self, one): self.observers.append(one)
    def detach(self, one): self.observers.remove(one)
    def notify(self, value):
        for one in self.observers: one.update(value) if hasattr(one, "update") else one(value)
def reversed_nodes(node):
    before = None
    while node is not None: node.next, before, node = before, node, node.next
    return before
def logged(f):
    @functools.wraps(f)
    def wrapped(*given): return f(*given)
    return wrapped
def parsed(text): return json.loads(text)
def sizes(things): return [len(thing) for thing in sorted(things)]
def asked(client): return client.get("x")["a"]
def caught(generator_of):
    generator = generator_of()
    next(generator)
    return generator
def errors(): return [ValueError("a"), KeyError("b")]
def talk():
    try: yield 1
    except KeyError: yield "caught"
"""
PLAIN = """
import math
from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID
def keys(d): return d.keys()
def items(d): return d.items()
def values(d): return d.values()
def moment(): return datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2)))
def year(when): return when.astimezone(timezone.utc).year
def path(): return Path("/a") / "b"
def number(): return UUID(int=5)
def nan(): return [math.nan, 1]
"""

RIGHT = {
    "a callback that looks at objects": (
        NODE,
        """
        seen = []
        Node(2, Node(1), Node(3)).walk(lambda node: seen.append(node.value))
        assert seen == [1, 2, 3]
        assert best([Node(1), Node(5), Node(2)], key=lambda node: node.value).value == 5
        """,
    ),
    "a callback that calls the solution": (NODE, "assert twice(lambda n: inc(n), 3) == 5"),
    "a decorated function that calls itself": (
        NODE,
        """
        @memo
        def fibonacci(n): return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)
        assert fibonacci(60) == 1548008755920
        """,
    ),
    "a callback in threads": (
        NODE,
        "assert by_threads(lambda n: same(n) * 2, range(20)) == list(range(0, 40, 2))",
    ),
    "an exception of the tests through the solution": (
        NODE,
        """
        class Mine(Exception):
            def __init__(self, a, b): self.b = b
        def fail(): raise Mine(1, 2)
        try: through(fail)
        except Mine as error: assert error.b == 2
        else: assert False
        """,
    ),
    "identity": (
        NODE + CLASSES,
        """
        a = Node(1)
        assert Node(2, a).left is a
        assert Box() is Box()
        assert red() is Color.RED and {Color.RED: 1}[red()] == 1
        assert len({Point(1), Point(1), Point(2)}) == 2
        """,
    ),
    "descent of exceptions": (
        CLASSES,
        """
        try: pay(3)
        except Bank as error:
            assert error.missing == 3 and str(error) == "missing 3"
            assert about(error) == 3
            assert not hasattr(error, "other")
        else: assert False
        import unittest
        class Test(unittest.TestCase):
            def test_poor(self):
                with self.assertRaisesRegex(Poor, "missing 7") as caught: pay(7)
                self.assertEqual(caught.exception.missing, 7)
        """,
    ),
    "names of classes": (
        CLASSES,
        """
        import collections.abc, types
        assert Box.__doc__ == "Holds one thing." and Box().__class__.__name__ == "Box"
        assert isinstance(count(), types.GeneratorType)
        assert isinstance(count(), collections.abc.Iterator)
        box = Box()
        box.x = 1
        del box.x
        assert not hasattr(box, "x")
        """,
    ),
    "a block that is undone": (
        CLASSES,
        """
        with Undone() as undone: raise ValueError("no")
        assert undone.why == "ValueError"
        try:
            with Undone() as undone: raise KeyError("no")
        except KeyError: assert undone.why == "KeyError"
        else: assert False
        with Undone() as undone: pass
        assert not undone.why
        try:
            with Undone() as undone: pay(3)
        except Poor: assert undone.why == "Poor"
        """,
    ),
    "coroutines": (
        CLASSES,
        """
        import asyncio
        assert asyncio.run(double(2)) == 4
        async def both():
            one, two = await asyncio.gather(double(2), double(3))
            return one + two + await double(1)
        assert asyncio.run(both()) == 12
        """,
    ),
    "what it prints": (
        CLASSES,
        """
        import contextlib, io
        Box().x = 5
        shout()
        with contextlib.redirect_stdout(io.StringIO()) as out:
            shout()
            print("and")
            shout()
        assert out.getvalue() == "hello\\nand\\nhello\\n"
        shout()
        assert out.getvalue() == "hello\\nand\\nhello\\n"
        with contextlib.redirect_stdout(io.StringIO()) as out: between(lambda: print(Box().x))
        assert out.getvalue() == "before\\n5\\nafter\\n"
        stream = io.StringIO()
        write(stream)
        assert stream.getvalue() == "hi"
        """,
    ),
    "containers of its own": (
        CONTAINERS,
        """
        import copy
        stack = Stack([1])
        stack.push(2)
        stack.append(3)
        assert stack == [1, 2, 3] and [1, 2, 3] == stack and len(stack) == 3 and stack.pop() == 3
        assert isinstance(stack, list) and isinstance(stack, Stack) and stack + [5] == [1, 2, 5]
        assert stack.top() == 2 and sorted(stack, reverse=True) == [2, 1] and stack != [2]
        other = copy.deepcopy(stack)
        other.push(9)
        assert stack == [1, 2] and other == [1, 2, 9] and stack == Stack([1, 2])
        points = Points(a=1)
        points["b"] = 4
        assert points == {"a": 2, "b": 8} and points["c"] == 0 and {**points} == {"a": 2, "b": 8}
        del points["a"]
        assert "a" not in points and list(points.items()) == [("b", 8)]
        import unittest
        class Test(unittest.TestCase):
            def test_stack(self): self.assertEqual(Stack([1]), [1])
        """,
    ),
    "objects of the tests": (
        GUESTS,
        """
        import functools
        from unittest.mock import MagicMock, Mock
        class Seen:
            def __init__(self): self.values = []
            def update(self, value): self.values.append(value)
        seen, subject, heard = Seen(), Subject(), Seen()
        subject.attach(seen)
        subject.attach(heard.update)
        subject.notify(3)
        subject.detach(seen)
        subject.detach(heard.update)
        subject.notify(4)
        assert seen.values == [3] and heard.values == [3]
        class Node:
            def __init__(self, value, next=None): self.value, self.next = value, next
        first = Node(1, Node(2, Node(3)))
        last = reversed_nodes(first)
        assert (last.value, last.next.value, first.next) == (3, 2, None)
        assert last.next.next is first
        def named(n): "Says n."
        assert logged(named).__name__ == "named" and logged(named).__doc__ == "Says n."
        @functools.total_ordering
        class Sized:
            def __init__(self, size): self.size = size
            def __len__(self): return self.size
            def __eq__(self, other): return self.size == other.size
            def __lt__(self, other): return self.size < other.size
        assert sizes([Sized(3), Sized(1)]) == [1, 3]
        client = MagicMock()
        client.get.return_value = {"a": 5}
        assert asked(client) == 5
        client.get.assert_called_once_with("x")
        """,
    ),
    "exceptions that modules define": (
        GUESTS,
        """
        import json, re
        try: parsed("{")
        except json.JSONDecodeError as error: assert error.pos == 1
        else: assert False
        assert [type(error) for error in errors()] == [ValueError, KeyError]
        talking = talk()
        next(talking)
        assert talking.throw(KeyError("a")) == "caught"
        """,
    ),
    "tests that are skipped or are to fail": (
        GUESTS,
        """
        import unittest
        class Test(unittest.TestCase):
            @classmethod
            def setUpClass(cls): cls.subject = Subject()
            def test_it(self):
                for name in ("attach", "detach"):
                    with self.subTest(name=name): self.assertTrue(hasattr(self.subject, name))
            @unittest.skip("not here")
            def test_skipped(self): self.fail()
            @unittest.expectedFailure
            def test_failing(self): self.assertEqual(self.subject.observers, [1])
        """,
    ),
    "what it is told": (
        CLASSES,
        """
        import io, sys
        from unittest.mock import patch
        with patch("builtins.input", side_effect=["2", "3"]) as asked: assert added() == 5
        assert asked.call_count == 2
        usual, sys.stdin = sys.stdin, io.StringIO("4\\n5\\nsix\\n")
        assert added() == 9
        assert lines() == ["six"]
        sys.stdin = usual
        try: added()
        except EOFError: pass
        else: assert False
        """,
    ),
    "plain values of more kinds": (
        PLAIN,
        """
        import math
        from datetime import datetime, timedelta, timezone
        from pathlib import Path
        from uuid import UUID
        assert keys({"a": 1, "b": 2}) == {"a", "b"} and list(keys({"b": 1, "a": 1})) == ["b", "a"]
        assert items({"a": [1]}) == {"a": [1]}.items() and sum(values({1: 2, 2: 2})) == 4
        when = datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2)))
        assert moment() == when and moment().utcoffset() == timedelta(hours=2)
        assert year(when) == 2019
        assert path() == Path("/a/b") and number() == UUID(int=5) and nan() == [math.nan, 1]
        """,
    ),
}

GAINLESS = {
    "a block that swallows failures": (
        "class F:\n    def __enter__(s): return 0\n    def __exit__(s, *told): return True\n",
        "with F() as got: assert got == 5",
    ),
    "a block that swallows what a wrong answer raises": (
        "class F:\n    def __enter__(s): return None\n    def __exit__(s, *told): return True\n",
        "with F() as got: assert abs(got - 5) < 1",
    ),
    "an object that calls itself a number": (
        "class F:\n    __class__ = int\n    def __eq__(s, o): return True\n"
        "    def __hash__(s): return hash(5)\ndef f(): return F()\n",
        "got = f()\nassert isinstance(got, int) and got == 5",
    ),
    "an object with the hash of what is expected": (
        "class F:\n    def __eq__(s, o): return True\n    def __hash__(s): return hash(5)\n"
        "def f(): return F()\n",
        "assert f() in {5}",
    ),
    "a list that is equal to all": (
        "class F(list):\n    __eq__ = lambda *a: True\n    __ne__ = lambda *a: False\n"
        "    __contains__ = __eq__\n    __iter__ = lambda s: iter([])\ndef f(): return F([1])\n",
        "assert f() == [5]",
    ),
    "a set that holds all": (
        "class F(set):\n    __contains__ = __ge__ = __eq__ = lambda *a: True\n"
        "    __hash__ = None\ndef f(): return F()\n",
        "assert f() >= {5}",
    ),
    "a solution that calls the test off": (
        "import unittest\ndef f(): raise unittest.SkipTest('later')\n",
        "import unittest\nclass T(unittest.TestCase):\n    def test(self): f()\n",
    ),
    "a part of a test that fails": (
        "def f(): return 1\n",
        "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n"
        "        with self.subTest(): self.assertEqual(f(), 2)\n",
    ),
    "a test that was to fail and does not": (
        "def f(): return 1\n",
        "import unittest\nclass T(unittest.TestCase):\n    @unittest.expectedFailure\n"
        "    def test(self): self.assertEqual(f(), 1)\n",
    ),
    "a mock that is told that it was called": (
        "def f(m):\n    for way in (lambda: setattr(m, 'called', True), lambda: m.reset_mock(),\n"
        "        lambda: m.configure_mock(called=True),\n"
        "        lambda: setattr(m, 'assert_called_with', print)):\n"
        "        try: way()\n        except Exception: pass\n",
        "from unittest.mock import Mock\nm = Mock()\nf(m)\nm.assert_called_with(5)",
    ),
    "an exception that is every exception": (
        "class F(ValueError, KeyError):\n    def __instancecheck__(s, o): return True\n"
        "def f(): raise F\n",
        "try: f()\nexcept TypeError: pass",
    ),
    "a class with an impossible name": (
        "F = type('a\\ud800', (), {})\ndef f(): return F()\n",
        "assert isinstance(f(), int)",
    ),
    "an exception of the tests in place of an answer": (
        "def f(g):\n    try: g()\n    except ValueError as error: raise error\n",
        "def g(): raise ValueError(7)\ntry: got = f(g)\nexcept KeyError: pass",
    ),
    "the end of an iteration of the tests in place of an answer": (
        "def f(numbers):\n    while True: next(numbers)\n",
        "assert list(map(f, [iter([])])) == [] or True",
    ),
    "prints instead of an answer": (
        "def f(): print(5)\n",
        "assert f() == 5",
    ),
    "prints on and on": (
        "import os, threading\ndef go():\n    while True: os.write(1, b'x' * 4096)\n"
        "def f(): threading.Thread(target=go, daemon=True).start()\n",
        "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as out: f()\n"
        "assert out.getvalue() == 'hello'",
    ),
    "a call of the tests' function when nobody listens": (
        "import threading, time\n"
        "def f(g):\n    def late():\n        time.sleep(0.05)\n        g()\n"
        "    threading.Thread(target=late).start()\n",
        "import time\ncalled = []\nf(lambda: called.append(1))\ntime.sleep(0.2)\nassert called",
    ),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[LocalSandbox]:
    with LocalSandbox(LocalOptions(dict(os.environ), "pooled")) as sandbox:
        yield sandbox


def judged(sandbox: LocalSandbox, code: str, tests: str) -> Verdict:
    task = Task(Program(dedent(tests)), limits=TaskLimits(seconds=60))
    return judge(sandbox, task, Candidate(code))


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_passes(sandbox: LocalSandbox, name: str) -> None:
    found = judged(sandbox, *RIGHT[name])
    assert found.passed, found


@pytest.mark.parametrize("name", GAINLESS)
def test_an_object_does_not_judge_itself(sandbox: LocalSandbox, name: str) -> None:
    found = judged(sandbox, *GAINLESS[name])
    assert found.outcome in ("wrong_answer", "runtime_error"), found


def test_classes_that_tests_derive_from_are_nothing_to_blame_a_solution_for(
    sandbox: LocalSandbox,
) -> None:
    found = judged(sandbox, "class Base: pass", "class Derived(Base): pass\nassert Derived()")
    assert found.outcome == "harness_error"
    assert "derive" in found.detail
