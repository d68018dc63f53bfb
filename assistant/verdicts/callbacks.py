"""Proxies that a solution holds in place of the tests' own functions, iterators and objects.

Sent as text into a sandbox (Python 3.8 or newer, standard library only), before candidate.py.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assistant.verdicts.candidate import Solution

NAMES = ("__name__", "__qualname__", "__doc__")
"""What functools.wraps and messages want to know of a function."""


class Callback:
    """A function or iterator, which can be called or iterated where it is."""

    __slots__ = ("__weakref__", "_number", "_solution")
    __doc__ = property(lambda self: self.__getattr__("__doc__"))

    def __init__(self, solution: "Solution", number: int) -> None:
        object.__setattr__(self, "_solution", solution)
        object.__setattr__(self, "_number", number)

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self._solution.ask_back(self._number, "call", args, named)

    def __iter__(self) -> Any:
        return self._solution.ask_back(self._number, "iter", (), {})

    def __next__(self) -> Any:
        return self._solution.ask_back(self._number, "next", (), {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and name not in NAMES:
            raise AttributeError(name)
        return self._solution.ask_back(self._number, "get", (name,), {})

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            raise AttributeError(name)
        self._solution.ask_back(self._number, "set", (name, value), {})


class CallbackObject(Callback):
    """An object of a class that the tests define: it can do what its class says, too."""

    __slots__ = ()

    def __exit__(self, *_: Any) -> Any:
        return self._solution.ask_back(self._number, "do", ("exit",), {})


def done_there(name: str) -> Any:
    def method(self: Any, *args: Any) -> Any:
        return self._solution.ask_back(self._number, "do", (name, *args[:3]), {})

    return method


DOINGS = (
    "len getitem setitem delitem contains eq ne lt le gt ge str repr bool hash add sub mul truediv "
    "mod neg abs enter int float index"
).split()
for _name in DOINGS:
    setattr(CallbackObject, f"__{_name}__", done_there(_name))
