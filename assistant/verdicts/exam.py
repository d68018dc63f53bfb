"""The tests of one task, in each of their forms, run with proxies in a solution's place.

Sent as text into a sandbox (Python 3.8 or newer, standard library only), before supervisor.py.
"""

import ast
import builtins
import copy
import math
import sys
import time
import types
from typing import TYPE_CHECKING, Any, Dict, List, Set, Tuple

if TYPE_CHECKING:
    from assistant.verdicts.lent_objects import TESTS
    from assistant.verdicts.proxies import Proxy
    from assistant.verdicts.report import shown
    from assistant.verdicts.session import Session
    from assistant.verdicts.supervisor import Clock
    from assistant.verdicts.wire import Damaged, unpack

TESTS_FILE = "<tests>"


class Wrong(Exception):
    """An answer that is not the expected one."""


class Exam:
    """The tests of one task, ready to be run with a solution's names in place."""

    def __init__(self, told: Dict[str, Any]) -> None:
        self.told = told
        self.entry: str = told["entry_point"]
        self.lines: List[str] = []
        module = types.ModuleType(TESTS)
        sys.modules[TESTS] = module
        self.names = module.__dict__
        self.names["__builtins__"] = builtins
        self.used: Set[str] = set()
        self.bound: Set[str] = set()
        self.parts = [self.compiled(text) for text in told["tests"]]
        self.run_trusted(told["definition"])
        if told["form"] == "cases":
            self.reference = self.referee(told["reference"], self.entry)
            self.oracle = self.referee(told["oracle"], "oracle") if told["oracle"] else None

    def compiled(self, text: str) -> Any:
        """Code whose line numbers go on from part to part, so that a failure names its line."""
        tree = ast.parse(text)
        if self.lines:
            ast.increment_lineno(tree, len(self.lines))
        self.lines += text.split("\n")
        used, bound = names_in(tree)
        self.used |= used
        self.bound |= bound
        return compile(tree, TESTS_FILE, "exec", dont_inherit=True)

    def run_trusted(self, text: str) -> None:
        """The definition is the task's: its helpers are taken from here, not from the solution."""
        try:
            code = compile(text, "<definition>", "exec", dont_inherit=True)
        except SyntaxError:  # A signature without a body, say.
            code = compile(text + "\n    pass\n", "<definition>", "exec", dont_inherit=True)
        exec(code, self.names)

    def referee(self, text: str, name: str) -> Any:
        names = dict(self.names)
        exec(compile(text, "<reference>", "exec", dont_inherit=True), names)
        return names[name]

    @property
    def asked(self) -> Set[str]:
        """Names that the tests use and do not bind anywhere themselves."""
        return self.used - self.bound - set(vars(builtins))

    def wanted(self) -> List[str]:
        """The names that the solution has to give."""
        free = self.asked - set(self.names)
        return sorted(free | ({self.entry} if self.entry else set()))

    def run(self, session: Session, clock: "Clock") -> None:
        form = self.told["form"]
        for part in self.parts:
            exec(part, self.names)
        if form == "check":
            self.names["check"](self.names[self.entry])
        elif form == "cases":
            self.run_cases(session, clock)
        elif form == "program":
            self.run_test_classes()

    def run_test_classes(self) -> None:
        found = [value for value in self.names.values() if isinstance(value, type)]
        if not any(base.__name__ == "TestCase" for kind in found for base in kind.__mro__):
            return
        import unittest  # late: most tests do without

        for kind in found:
            if issubclass(kind, unittest.TestCase) and kind.__module__ == TESTS:
                run_tests(unittest.defaultTestLoader.loadTestsFromTestCase(kind), unittest)

    def run_cases(self, session: Session, clock: "Clock") -> None:
        target, atol = self.names[self.entry], self.told["atol"]
        for packed in self.told["inputs"]:
            given = unpack(packed, refuse)
            began = time.monotonic()
            expected = self.reference(*copy.deepcopy(given))
            clock.allow(time.monotonic() - began)
            got = target(*copy.deepcopy(given)) if self.oracle else target(*given)
            if self.oracle is not None:
                right = self.oracle(given, got, expected) is True
            else:
                right = same(got, expected, atol)
            if not right:
                raise Wrong("expected " + shown(expected, 600))

    def line_of(self, error: BaseException) -> str:
        """The line of the tests in which it came up."""
        found = ""
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == TESTS_FILE and trace.tb_lineno <= len(
                self.lines
            ):
                found = self.lines[trace.tb_lineno - 1].strip()
            trace = trace.tb_next
        return found


def run_tests(suite: Any, unittest: Any) -> None:
    """Raises what the first test that fails has raised."""
    result, raised = unittest.TestResult(), []

    def note(_: Any, told: Any) -> None:
        raised.append(told[1])
        result.stop()

    def note_part(test: Any, _: Any, told: Any) -> None:
        if told:
            note(test, told)

    def surprise(test: Any) -> None:
        note(test, (Wrong, Wrong(test.id() + " was expected to fail"), None))

    result.addError = result.addFailure = note
    result.addUnexpectedSuccess = surprise
    result.addSubTest = note_part
    suite(result)
    if raised:
        raise raised[0]


def names_in(tree: ast.AST) -> Tuple[Set[str], Set[str]]:
    """The names that code uses, and those that it binds."""
    used: Set[str] = set()
    bound: Set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return used, bound


def refuse(node: Any) -> Any:
    raise Damaged("inputs are plain values")


def same(got: Any, expected: Any, atol: float) -> bool:
    """Equal, or close where floats are expected (relative 1e-7, as EvalPlus has it)."""
    if type(got) is not Proxy and (got == expected) is True:
        return True
    if not atol and floats(expected):
        atol = 1e-6
    return bool(atol) and close(got, expected, atol)


def floats(value: Any) -> bool:
    if type(value) in (list, tuple):
        return bool(value) and all(type(item) is float for item in value)
    return type(value) is float


def close(got: Any, expected: Any, atol: float) -> bool:
    if type(expected) in (list, tuple):
        if type(got) is not type(expected) or len(got) != len(expected):
            return False
        return all(close(one, other, atol) for one, other in zip(got, expected))
    if type(expected) in (int, float, complex) and type(got) in (int, float, complex):
        if got == expected or (got != got and expected != expected):
            return True
        gap = abs(got - expected)
        return bool(gap < math.inf and gap <= atol + 1e-7 * abs(expected))
    return bool(got == expected)
