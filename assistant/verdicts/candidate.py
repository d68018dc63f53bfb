"""The process that runs a solution: it does what the supervisor asks, and knows no expected value.

Sent as text into a sandbox (Python 3.8 or newer, standard library only), after operations.py and
before supervisor.py, into one namespace. It is forked before the supervisor has read the tests.
"""

import ast
import builtins
import importlib
import linecache
import sys
import threading
import traceback
import types
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple

if TYPE_CHECKING:
    from assistant.verdicts.callbacks import Callback, CallbackObject
    from assistant.verdicts.operations import OPERATIONS, flush
    from assistant.verdicts.wire import (
        SPARE,
        Channel,
        Damaged,
        Unfit,
        named_builtin,
        pack,
        pack_items,
        pack_more,
        unpack,
        unpack_items,
    )

NAME, SOLUTION_FILE = "solution", "<solution>"

# What a value becomes that is of a subclass of these: its plain content, read by the base's own
# methods. The first base that fits counts.
CONTENTS: Dict[str, Tuple[type, Callable[[Any], Any]]] = {
    "int": (int, lambda v: int.__add__(v, 0)),
    "float": (float, lambda v: float.__mul__(v, 1.0)),
    "complex": (complex, lambda v: complex.__add__(v, 0j)),
    "str": (str, str.__str__),
    "bytes": (bytes, lambda v: b"".join([v])),
    "tuple": (tuple, lambda v: tuple(tuple.__iter__(v))),
    "list": (list, lambda v: list(list.__iter__(v))),
    "dict": (dict, lambda v: dict(dict.items(v))),
    "set": (set, lambda v: set(set.__iter__(v))),
    "frozenset": (frozenset, lambda v: frozenset(frozenset.__iter__(v))),
}


def base_of(kind: type) -> str:
    """The name of the first of those that a class derives from; empty if it does from none."""
    return next((name for name, (plain, _) in CONTENTS.items() if issubclass(kind, plain)), "")


def content(value: Any) -> Any:
    return CONTENTS[base_of(type(value))][1](value)


class Solution:
    """Loads a solution and answers requests about it, one at a time."""

    def __init__(self, channel: "Channel") -> None:
        self.channel = channel
        self.kept: List[Any] = []
        self.numbers: Dict[int, int] = {}
        self.request = 0
        """The one that is being answered; 0 between them."""
        self.callbacks: Dict[int, Callback] = {}
        self.asking = threading.RLock()
        self.thrown: Dict[int, int] = {}

    def serve(self) -> None:
        while True:
            self.respond(*self.channel.receive())

    def respond(self, request: int, operation: str, *rest: Any) -> None:
        """Does what is asked; what the tests' own functions ask meanwhile comes in between."""
        outer, self.request = self.request, request
        answer = self.load(*rest) if operation == "load" else self.perform(operation, *rest)
        self.request = request
        flush()
        self.send(answer)
        self.request = outer

    def send(self, answer: List[Any]) -> None:
        try:
            self.channel.send([self.request, *answer])
        except (Unfit, RecursionError):
            self.channel.send([self.request, "done", ["o", self.keep(object()), "object"], []])
        except MemoryError as error:
            del answer[:]
            self.channel.send([self.request, *self.raised(error), []])

    # Loading.

    def load(self, code: str, names: List[str]) -> List[Any]:
        """Runs the solution as a module and tells what it defines of ``names``."""
        code = code[1:] if code.startswith("\ufeff") else code
        linecache.cache[SOLUTION_FILE] = (len(code), None, code.splitlines(True), SOLUTION_FILE)
        try:
            tree = ast.parse(code, SOLUTION_FILE)
            runnable = compile(tree, SOLUTION_FILE, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            return ["syntax", first_line(error)]
        del tree
        module = types.ModuleType(NAME)
        module.__dict__["__builtins__"] = builtins
        sys.modules[NAME] = module
        try:
            exec(runnable, module.__dict__)
        except BaseException as error:  # noqa: BLE001 - what a solution raises is told
            return self.raised(error)
        found = [name for name in names if name in module.__dict__]
        return ["done", [[name, self.pack_name(module.__dict__[name])] for name in found], []]

    # Answering.

    def perform(self, operation: str, packed: Any, named: Any, lent: Any = ()) -> List[Any]:
        args = unpack_items(packed, self.unpack_more, 0)
        words = unpack(named, self.unpack_more) if named else {}
        try:
            if any(lent):
                result = self.with_lent(lent, OPERATIONS[operation], args, words)
            else:
                result = OPERATIONS[operation](*args, **words)
        except BaseException as error:  # noqa: BLE001 - what a solution raises is told
            return [*self.raised(error), self.changes(packed, args)]
        try:
            changes = self.changes(packed, args)
            answer = self.answer(result, packed, args)
        except MemoryError as error:
            return [*self.raised(error), []]
        return ["done", answer, changes]

    def with_lent(self, lent: Any, act: Any, args: List[Any], words: Dict[str, Any]) -> Any:
        """Does it while the tests' own input() and standard input are in place."""
        own = builtins.input, sys.stdin
        asking, stream = (unpack(one, self.unpack_more) if one else None for one in lent)
        try:
            builtins.input, sys.stdin = asking or own[0], stream or own[1]
            return act(*args, **words)
        finally:
            builtins.input, sys.stdin = own

    def answer(self, result: Any, packed: Any, args: List[Any]) -> Any:
        for number, arg in enumerate(args):
            if result is arg and type(packed[1][number]) is list:
                return ["g", number]
        return self.pack(result)

    def changes(self, packed: Any, args: List[Any]) -> List[Any]:
        """Which of the arguments are not what they were, and what they are now."""
        if packed[0] == "L":
            return []
        found = []
        for number, before in enumerate(packed[1]):
            if type(before) is list and before[0] not in ("h", "a", "y", "i"):
                now = self.pack(args[number])
                if now != before:
                    found.append([number, now])
        return found

    def raised(self, error: BaseException) -> List[Any]:
        kind = type(error)
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != SOLUTION_FILE:
            trace = trace.tb_next
        try:
            lines = traceback.format_exception(kind, error, trace, limit=-5)
            text = "".join(lines)[-2000:]
        except BaseException:  # noqa: BLE001 - its methods are the solution's
            text = kind.__name__
        number = getattr(error, "errno", None)
        code = number if type(number) is int else None
        home = self.keep(error)
        if home in self.thrown:  # It is the tests' own.
            return ["raised", ["a", self.thrown[home]], ["t", ["L", []]], text, code, home]
        return ["raised", self.pack(kind), self.pack(error.args), text, code, home]

    # Values.

    def pack(self, value: Any) -> Any:
        try:
            return pack(value, self.pack_more, SPARE)
        except (Unfit, RecursionError):
            return self.opaque(value)

    def keep(self, value: Any) -> int:
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.kept)
            self.kept.append(value)
        return number

    def opaque(self, value: Any) -> List[Any]:
        return ["o", self.keep(value), type(value).__name__]

    def pack_more(self, value: Any) -> Any:
        kind = type(value)
        if issubclass(kind, Callback):
            return ["a", value._number]
        if issubclass(kind, BaseException):
            return ["x", self.pack_type(kind), self.pack(value.args), self.keep(value)]
        if isinstance(value, type):
            return self.pack_type(value)
        known = pack_more(value)
        if known is not None:
            return known
        base = base_of(kind)
        if base in ("list", "dict", "set") and kind.__module__ == NAME:
            return ["M", base, self.keep(value), kind.__name__]
        if base:
            return ["X", base, self.pack(content(value)), kind.__name__, self.keep(value)]
        if kind.__module__ == "numpy" and getattr(value, "shape", None) == ():
            return self.pack(value.item())
        return self.opaque(value)

    def pack_name(self, value: Any) -> Any:
        """What the solution's own names stand for; a builtin among them is the solution's, too."""
        strange = isinstance(value, type) and issubclass(value, BaseException)
        return self.opaque(value) if callable(value) and not strange else self.pack(value)

    def pack_type(self, value: type) -> Any:
        name = named_builtin(value)
        if name is not None:
            return ["y", name]
        if issubclass(value, BaseException):
            bases = [base for base in value.__bases__ if issubclass(base, BaseException)]
            kinds = [["e", value.__module__, value.__qualname__]]
            kinds += [self.pack_type(base) for base in bases]
            return ["E", self.keep(value), value.__name__, ["l", kinds]]
        return self.opaque(value)

    def unpack_more(self, node: List[Any]) -> Any:
        tag, what = node[0], node[1]
        if tag == "h":
            return self.kept[what]
        if tag == "a":
            made = (CallbackObject if node[2] else Callback)(self, what)
            return self.callbacks.setdefault(what, made)
        if tag == "x":
            return getattr(builtins, what)(*unpack(node[2], self.unpack_more))
        if tag == "y":
            return getattr(builtins, what)
        if tag == "p":
            return getattr(importlib.import_module(what), node[2])
        raise Damaged("an unknown tag")

    def ask_back(self, number: int, operation: str, args: Any, named: Dict[str, Any]) -> Any:
        """Has the tests' own object do something, in the middle of a request."""
        with self.asking:  # It may be one of several threads.
            if not self.request:
                raise RuntimeError("the tests' own functions can be called during a call alone")
            flush()
            packed = pack_items(args, self.pack_more, SPARE)
            words = self.pack(named) if named else None
            self.channel.send([self.request, "back", number, operation, packed, words])
            answer = self.channel.receive()
            while type(answer[0]) is int:  # They want something first.
                self.respond(*answer)
                answer = self.channel.receive()
            if answer[0] == "raised":
                error = getattr(builtins, answer[1])(*unpack(answer[2], self.unpack_more))
                self.thrown[self.keep(error)] = answer[3]
                raise error
            return unpack(answer[1], self.unpack_more)


def first_line(error: BaseException) -> str:
    where = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
    said = getattr(error, "msg", None) or str(error) or type(error).__name__
    return (where + str(said).split("\n")[0])[:300]
