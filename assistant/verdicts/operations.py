"""What the tests can ask for of a solution's objects.

Sent as text into a sandbox (Python 3.8 or newer, standard library only), before candidate.py.
"""

import contextlib
import copy
import operator
import sys
from typing import TYPE_CHECKING, Any, Callable, Dict, List

if TYPE_CHECKING:
    from assistant.verdicts.candidate import content


def flush() -> None:
    """What was printed is to be there before the answer is; the stream may be the solution's."""
    with contextlib.suppress(BaseException):
        sys.stdout.flush()


def advance(value: Any) -> Any:
    """The next value. A coroutine has one step: event loops of the tests cannot run it."""
    if type(value).__name__ == "coroutine" and not hasattr(value, "__next__"):
        raise StopIteration(awaited(value))
    return next(value)


def awaited(value: Any) -> Any:
    """What comes out of a coroutine, run to its end in a loop that lasts."""
    import asyncio  # late: most solutions do without

    if not LOOPS:
        LOOPS.append(asyncio.new_event_loop())
    return LOOPS[0].run_until_complete(value)


LOOPS: List[Any] = []


def leave(value: Any, kind: Any = None, args: Any = ()) -> bool:
    """Ends a ``with`` block, for an exception of the tests' own or for none."""
    error = kind(*args) if isinstance(kind, type) else kind
    return bool(type(value).__exit__(value, error and type(error), error, None))


OPERATIONS: Dict[str, Callable[..., Any]] = {
    "call": lambda target, *args, **named: target(*args, **named),
    "get": getattr,
    "set": setattr,
    "item": operator.getitem,
    "put": operator.setitem,
    "remove": operator.delitem,
    "len": len,
    "iter": iter,
    "next": lambda value: advance(value),
    "true": lambda value: bool(operator.truth(value)),
    "str": str,
    "repr": repr,
    "int": int,
    "float": float,
    "index": operator.index,
    "instance": isinstance,
    "subclass": issubclass,
    "enter": lambda value: type(value).__enter__(value),
    "exit": leave,
    "hash": hash,
    "delete": delattr,
    "content": lambda value: content(value),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "await": lambda value: awaited(value),
    **{
        name: getattr(operator, name)
        for name in (
            "eq ne lt le gt ge add sub mul truediv floordiv mod pow matmul and_ or_ xor "
            "lshift rshift neg pos abs invert"
        ).split()
    },
}
