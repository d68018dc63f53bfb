"""Objects of the tests' own that a solution is handed, by number, and what it may have them do.

Sent as text into a sandbox (Python 3.8 or newer, standard library only), before session.py.
"""

import operator
import types
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Tuple

if TYPE_CHECKING:
    from assistant.verdicts.callbacks import DOINGS, NAMES
    from assistant.verdicts.wire import Damaged

TESTS = "tests"
"""Name of the module that the tests run in."""
OWN_WORDS: Dict[str, Callable[..., Any]] = {
    "len": len,
    "str": str,
    "repr": repr,
    "bool": bool,
    "hash": hash,
    "int": int,
    "float": float,
    "enter": lambda value: type(value).__enter__(value),
    "exit": lambda value: type(value).__exit__(value, None, None, None),
}


def of_tests(value: Any) -> bool:
    """Whether it is an object of a class that the tests define, or a stream or mock that they
    made: its public names may be asked for.

    Not those of functions, generators and the like, which lead to the tests' own variables.
    """
    return type(value).__module__ in (TESTS, "_io", "unittest.mock")


def public(target: Any, name: str) -> bool:
    """Whether a solution may see it. Of a mock nothing that tells or changes what was called."""
    kind = type(target)
    if kind.__module__ == "unittest.mock" and (hasattr(kind, name) or name == "method_calls"):
        return False
    return not name.startswith("_")


def settable(target: Any, name: str) -> bool:
    return not name.startswith("_") and not callable(getattr(type(target), name, None))


class LentObjects:
    """The objects that were handed over, by number; each has one."""

    def __init__(self) -> None:
        self.values: List[Any] = []
        self.numbers: Dict[Tuple[int, int], int] = {}

    def number_of(self, value: Any) -> int:
        bound = type(value) is types.MethodType  # Each look at one makes another one.
        key = (id(value.__self__), id(value.__func__)) if bound else (id(value), 0)
        number = self.numbers.setdefault(key, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number

    def at(self, number: Any) -> Any:
        if type(number) is not int or not 0 <= number < len(self.values):
            raise Damaged("an unknown object")
        return self.values[number]

    def does(self, target: Any, operation: str, args: List[Any], words: Dict[str, Any]) -> Any:
        """What comes of it; raises TypeError for what is not allowed."""
        known = of_tests(target)
        if operation == "call" and callable(target):
            return target(*args, **words)
        if operation == "next":
            return next(target)
        if operation == "iter" and (known or hasattr(type(target), "__next__")):
            return iter(target)
        name = args[0] if args and type(args[0]) is str else "_"
        if operation == "get" and callable(target) and name in NAMES:
            found = getattr(target, name)
            return found if type(found) is str else None
        if operation == "do" and known and name in DOINGS:
            return (OWN_WORDS.get(name) or getattr(operator, name))(target, *args[1:])
        if operation == "get" and known and public(target, name):
            return getattr(target, name)
        if operation == "set" and type(target).__module__ == TESTS and settable(target, name):
            return setattr(target, name, args[1])
        if operation == "get":
            raise AttributeError(name)
        raise TypeError("it cannot do that")
