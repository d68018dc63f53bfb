"""Proxies that tests hold in place of a solution's functions, classes and objects.

Sent as text into a sandbox, after wire.py and before supervisor.py. A proxy asks the candidate's
process for what a test does with the object. It never hands over the other side of a comparison or
a sum with a value of the tests' own: that could be the expected value, and the object would then
judge itself. Against plain values a proxy is just unequal.
"""

import builtins
import collections
import re
import types
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

if TYPE_CHECKING:
    from assistant.verdicts.session import Session
    from assistant.verdicts.solution_errors import told_of
    from assistant.verdicts.wire import Unfit


class Proxy:
    """An object that lives in the candidate's process."""

    __slots__ = ("_handle", "_kind", "_session")
    __doc__ = property(lambda self: self._session.ask("get", (self, "__doc__")))

    def __init__(self, session: "Session", handle: int, kind: str) -> None:
        object.__setattr__(self, "_session", session)
        object.__setattr__(self, "_handle", handle)
        object.__setattr__(self, "_kind", kind)

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self._session.ask("call", (self, *args), named)

    def __getattr__(self, name: str) -> Any:
        return self._session.ask("get", (self, name))

    def __setattr__(self, name: str, value: Any) -> None:
        self._session.ask("set", (self, name, value))

    def __mro_entries__(self, bases: Any) -> Any:
        raise Unfit("the tests derive a class from one of the solution")

    def __copy__(self) -> Any:
        return self._session.ask("copy", (self,))

    def __deepcopy__(self, _: Any) -> Any:
        return self._session.ask("deepcopy", (self,))

    def __await__(self) -> Any:
        return self._session.ask("await", (self,))
        yield

    def __delattr__(self, name: str) -> None:
        self._session.ask("delete", (self, name))

    @property
    def __class__(self) -> Any:
        """Its class in the solution, which is never a plain type here."""
        return GENERATED.get(self._kind) or named_class(self._kind)

    @__class__.setter
    def __class__(self, kind: Any) -> None:
        raise TypeError("an object of the solution keeps its class")

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, (Proxy, LocalCopy)) and self._session.ask(
            "instance", (value, self)
        )

    def __subclasscheck__(self, value: Any) -> bool:
        return isinstance(value, Proxy) and self._session.ask("subclass", (value, self))

    def __exit__(self, _: Any, error: Any, __: Any) -> bool:
        told = told_of(error, self._session.solution_errors)
        return self._session.ask("exit", (self, *told)) is True and bool(told)


GENERATED = {
    "generator": types.GeneratorType,
    "coroutine": types.CoroutineType,
    "function": types.FunctionType,
    "Pattern": re.Pattern,
}
"""What tests ask for by ``isinstance``. An object that only says so gains nothing by it."""


def named_class(name: str) -> type:
    made = _NAMED.get(name)
    if made is None:
        made = _NAMED[name] = type(name, (Proxy,), {"__slots__": ()})
    return made


class LocalCopy:
    """Marks the local copies of objects whose classes derive from plain types."""

    _handle: Any


def one_sided(operation: str, kind: Optional[type]) -> Any:
    """A method that asks about this object alone, and holds the answer to its type."""

    def method(self: Any, *args: Any) -> Any:
        answer = self._session.ask(operation, (self, *args))
        if kind is not None and type(answer) is not kind:
            raise TypeError(f"{operation} of {self._kind} gave no {kind.__name__}")
        return answer

    return method


def two_sided(operation: str) -> Any:
    """A method for two objects that both come from the solution."""

    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, Proxy):
            return NotImplemented
        return self._session.ask(operation, (self, other))

    return method


for _name, _operation, _kind in (
    ("__len__", "len", int),
    ("__iter__", "iter", None),
    ("__next__", "next", None),
    ("__getitem__", "item", None),
    ("__setitem__", "put", None),
    ("__delitem__", "remove", None),
    ("__hash__", "hash", int),
    ("__bool__", "true", bool),
    ("__str__", "str", str),
    ("__repr__", "repr", str),
    ("__int__", "int", int),
    ("__float__", "float", float),
    ("__index__", "index", int),
    ("__enter__", "enter", None),
    ("__neg__", "neg", None),
    ("__pos__", "pos", None),
    ("__abs__", "abs", None),
    ("__invert__", "invert", None),
):
    setattr(Proxy, _name, one_sided(_operation, _kind))
for _name in (
    "eq ne lt le gt ge add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift"
).split():
    setattr(Proxy, f"__{_name.strip('_')}__", two_sided(_name))


_NAMED: Dict[str, type] = {}
_LOCAL: Dict[Tuple[str, str], type] = {}
BASES = ("int", "float", "complex", "str", "bytes", "tuple", "list", "dict", "set", "frozenset")


def local_copy(session: "Session", base: str, content: Any, name: str, handle: int) -> Any:
    """A plain value whose class has a name of its own: compared here by its content, and what
    plain values don't have is asked for."""
    key = (base, name)
    made = _LOCAL.get(key)
    if made is None:
        plain = getattr(builtins, base)

        def ask(self: Any, wanted: str) -> Any:
            if wanted.startswith("__"):
                raise AttributeError(wanted)
            return self._session.ask("get", (Proxy(self._session, self._handle, name), wanted))

        made = _LOCAL[key] = type(name, (plain, LocalCopy), {"__getattr__": ask})
    value = made(content)
    value._session, value._handle = session, handle
    return value


def overwrite(old: Any, new: Any) -> None:
    """Gives a container of the tests' own the content that the solution gave its copy."""
    if type(old) is not type(new) or isinstance(old, Proxy):
        return
    if type(old) is list and len(old) == len(new):
        for index, value in enumerate(new):
            old[index] = merged(old[index], value)
    elif type(old) in (list, bytearray):
        old[:] = new
    elif isinstance(old, dict):
        for key in set(old) - set(new):
            del old[key]
        before = dict(old)
        old.clear()  # For the order of the new one.
        for key, value in new.items():
            old[key] = merged(before[key], value) if key in before else value
    elif type(old) is set:
        old.clear()
        old.update(new)
    elif type(old) is collections.deque:
        old.clear()
        old.extend(new)
    elif type(old) is tuple and len(old) == len(new):
        for one, other in zip(old, new):
            overwrite(one, other)


def merged(old: Any, new: Any) -> Any:
    """What stands where ``old`` stood: itself with new content where it can hold that."""
    if type(old) is type(new) and isinstance(old, (list, dict, set, bytearray, collections.deque)):
        overwrite(old, new)
        return old
    return new
