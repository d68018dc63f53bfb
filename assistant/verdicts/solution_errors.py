"""Exceptions that a solution raises, as classes that the tests' ``except`` and ``with`` can take.

Sent as text into a sandbox (Python 3.8 or newer, standard library only), after proxies.py.
"""

import builtins
import dis
import sys
from typing import TYPE_CHECKING, Any, Dict, List

if TYPE_CHECKING:
    from assistant.verdicts.proxies import Proxy


class SolutionErrors:
    """Exception classes of the solution, as classes of the same names and descent."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.made: Dict[int, type] = {}
        self.handles: Dict[type, int] = {}

    def known(self, handle: int, name: str, bases: Any) -> type:
        made = self.made.get(handle)
        if made is None:
            kinds = tuple(kind for kind in bases if is_error(kind)) or (Exception,)
            body = {"__getattr__": asked_for, "__str__": text_of_error}
            try:
                made = type(name, kinds, body)
            except TypeError:  # What does not go together here.
                made = type(name, kinds[:1], body)
            self.made[handle] = made
            self.handles[made] = handle
        return made

    def is_one(self, value: Any) -> bool:
        """Whether it is an exception that came from the solution and can go home."""
        return type(value) in self.handles and "_home" in vars(value)


def known_error(module: Any, name: Any) -> Any:
    """An exception class of an installed module that the tests have loaded; None for others, and
    for those that call a test off."""
    if type(module) is not str or type(name) is not str or module in ("tests", "__main__"):
        return None
    if module.partition(".")[0] in ("unittest", "pytest", "_pytest"):
        return None
    found = getattr(sys.modules.get(module), name, None)
    return found if is_error(found) and found.__module__ == module else None


def is_error(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)


def asked_for(error: Any, name: str) -> Any:
    """What plain exceptions don't have; the one that the solution raised is asked."""
    home = vars(error).get("_home")
    if home is None or name.startswith("__"):
        raise AttributeError(name)
    return home[0].ask("get", (Proxy(*home), name))


def text_of_error(error: Any) -> str:
    home = vars(error).get("_home")
    if home is None:
        return BaseException.__str__(error)
    return str(Proxy(*home))


def exception_of(kind: Any, args: Any) -> BaseException:
    """A new exception of that class, as far as the class can be had here."""
    if not is_error(kind):
        kind = Exception
    if type(args) is not tuple:
        args = ()
    try:
        error: BaseException = kind(*args)
    except Exception:  # noqa: BLE001 - some classes want more than their arguments
        try:
            error = kind.__new__(kind)
        except TypeError:
            error = Exception()
        error.args = args
    return error


def told_of(error: Any, errors: SolutionErrors) -> List[Any]:
    """What a ``with`` of the tests tells the solution's object of an exception.

    Of the solution's own, and of those that the tests raise on purpose: with others, such as of a
    comparison that failed, an object could judge itself.
    """
    if errors.is_one(error):
        return [error]
    trace = getattr(error, "__traceback__", None)
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    kind = type(error)
    if trace is None or isinstance(error, AssertionError) or not isinstance(error, Exception):
        return []
    if vars(builtins).get(kind.__name__) is not kind:
        return []
    code, at = trace.tb_frame.f_code, trace.tb_lasti
    if code.co_filename != "<tests>" or dis.opname[code.co_code[at]] != "RAISE_VARARGS":
        return []
    return [kind, error.args]
