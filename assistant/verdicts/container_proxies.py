"""Proxies that tests hold for objects whose classes derive from list, dict or set.

Sent as text into a sandbox (Python 3.8 or newer, standard library only), after proxies.py. Such an
object lives in the candidate's process and changes there, but is compared here, by what it holds.
"""

import builtins
import operator
from typing import TYPE_CHECKING, Any, Dict, Tuple

if TYPE_CHECKING:
    from assistant.verdicts.proxies import Proxy
    from assistant.verdicts.wire import Damaged

HELD = ("list", "dict", "set")


class ContainerProxy(Proxy):
    """A proxy that is a container, too. ``_seen``: the last request, and what it held then."""

    __slots__ = ("_base", "_seen")

    def __init__(self, session: Any, handle: int, kind: str, base: str) -> None:
        super().__init__(session, handle, kind)
        object.__setattr__(self, "_base", base)
        object.__setattr__(self, "_seen", (-1, None))

    @property
    def __class__(self) -> Any:
        return derived_class(self._kind, self._base)

    @__class__.setter
    def __class__(self, kind: Any) -> None:
        raise TypeError("an object of the solution keeps its class")


def derived_class(name: str, base: str) -> type:
    made = _DERIVED.get((name, base))
    if made is None:
        made = _DERIVED[name, base] = type(name, (getattr(builtins, base),), {})
    return made


_DERIVED: Dict[Tuple[str, str], type] = {}


def content_of(holder: Any) -> Any:
    """A plain copy of what it holds; the same one until something else is asked of the solution."""
    session = holder._session
    number, content = holder._seen
    if number != session.number:
        content = session.ask("content", (holder,))
        if type(content) is not getattr(builtins, holder._base):
            raise Damaged("another kind of container")
        object.__setattr__(holder, "_seen", (session.number, content))
    return content


def compared(name: str, mirrored: bool = False) -> Any:
    """Two objects of the solution are its own business; plain values are never handed over."""
    both, remote = getattr(operator, name), getattr(Proxy, f"__{name.strip('_')}__")

    def method(self: Any, other: Any) -> Any:
        if isinstance(other, Proxy):
            return NotImplemented if mirrored else remote(self, other)
        content = content_of(self)
        return both(other, content) if mirrored else both(content, other)

    return method


for _name in "eq ne lt le gt ge add sub mul and_ or_ xor".split():
    setattr(ContainerProxy, f"__{_name.strip('_')}__", compared(_name))
for _name in "add sub mul and_ or_ xor".split():
    setattr(ContainerProxy, f"__r{_name.strip('_')}__", compared(_name, mirrored=True))
