"""Runs a generator to its end: a listener gets what it yields, the caller what it returns."""

from collections.abc import Callable, Generator
from typing import TypeVar

Step = TypeVar("Step")
Result = TypeVar("Result")


def unheard(_: object) -> None:
    """For runs of which only the result counts."""


def followed(
    run: Generator[Step, None, Result], hear: Callable[[Step], object] = unheard
) -> Result:
    """What ``run`` returns; ``hear`` gets each of its steps as it comes.

    A Ctrl-C that lands in ``hear`` is thrown into the run, so that it ends in one place.
    """
    interrupt: KeyboardInterrupt | None = None
    while True:
        try:
            step = run.throw(interrupt) if interrupt else next(run)
        except StopIteration as end:
            result: Result = end.value
            return result
        interrupt = None
        try:
            hear(step)
        except KeyboardInterrupt as landed:
            interrupt = landed
