"""What tests hold in place of a solution's functions, classes and objects.

Sent as text into a sandbox, after wire.py and before supervisor.py. A proxy asks the candidate's
process for what a test does with the object. It never hands over the other side of a comparison or
a sum with a value of the tests' own: that could be the expected value, and the object would then
judge itself. Against plain values a proxy is just unequal.
"""

# ruff: noqa: UP006, UP031, UP035, UP045, B905, SIM905

import builtins
import collections
from typing import TYPE_CHECKING, Any, Dict, Optional, Tuple

if TYPE_CHECKING:
    from assistant.verdicts.session import Session


class Proxy:
    """An object that lives in the candidate's process."""

    __slots__ = ("_handle", "_kind", "_session")

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

    def __hash__(self) -> int:
        return hash(("proxy", self._handle))

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, (Proxy, Seen)) and self._session.ask("instance", (value, self))

    def __subclasscheck__(self, value: Any) -> bool:
        return isinstance(value, Proxy) and self._session.ask("subclass", (value, self))


class Seen:
    """Marks the local copies of objects whose classes derive from plain types."""


def one_sided(operation: str, kind: Optional[type]) -> Any:
    """A method that asks about this object alone, and holds the answer to its type."""

    def method(self: Any, *args: Any) -> Any:
        answer = self._session.ask(operation, (self, *args))
        if kind is not None and type(answer) is not kind:
            raise TypeError("%s of %s gave no %s" % (operation, self._kind, kind.__name__))
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
    setattr(Proxy, "__%s__" % _name.strip("_"), two_sided(_name))


def _leave(self: Any, *_: Any) -> bool:
    return bool(self._session.ask("exit", (self,)))


setattr(Proxy, "__exit__", _leave)  # noqa: B010

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

        made = _LOCAL[key] = type(name, (plain, Seen), {"__getattr__": ask})
    value = made(content)
    value._session, value._handle = session, handle
    return value


class Strays:
    """Exception classes of the solution, as classes that ``except`` takes."""

    def __init__(self) -> None:
        self.made: Dict[int, type] = {}
        self.handles: Dict[type, int] = {}

    def known(self, handle: int, name: str, base: str) -> type:
        made = self.made.get(handle)
        if made is None:
            parent = vars(builtins).get(base)
            if not (isinstance(parent, type) and issubclass(parent, BaseException)):
                parent = Exception
            made = self.made[handle] = type(name, (parent,), {})
            self.handles[made] = handle
        return made


def exception_of(kind: Any, args: Any) -> BaseException:
    """A new exception of that class, as far as the class can be had here."""
    if not (isinstance(kind, type) and issubclass(kind, BaseException)):
        kind = Exception
    if type(args) is not tuple:
        args = ()
    try:
        error = kind(*args)
    except Exception:  # noqa: BLE001  # Some classes want more than their arguments say.
        try:
            error = kind.__new__(kind)
        except TypeError:
            error = Exception()
        error.args = args
    return error  # type: ignore[no-any-return]


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
