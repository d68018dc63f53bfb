"""The order of a script's improve steps: those that share a file one after the other."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from assistant.events import Event
from assistant.tasks.script_file import ImproveStep

Result = TypeVar("Result")


def waves(steps: Sequence[ImproveStep]) -> list[list[int]]:
    """The numbers of the steps (from 0) that may run side by side, wave after wave.

    A step comes in the first wave after all earlier steps that name a file of its own.
    """
    last: dict[str, int] = {}
    found: list[list[int]] = []
    for number, step in enumerate(steps):
        wave = 1 + max((last.get(file, -1) for file in step.files), default=-1)
        last.update(dict.fromkeys(step.files, wave))
        if wave == len(found):
            found.append([])
        found[wave].append(number)
    return found


class Stop:
    """Ends runs in other threads: as a sink it raises the Ctrl-C that the main thread got."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, event: Event) -> None:
        if self.asked:
            raise KeyboardInterrupt


def side_by_side(
    numbers: Sequence[int], jobs: int, run: Callable[[int], Result], stop: Stop
) -> Iterator[tuple[int, Result]]:
    """Run each number, ``jobs`` at a time; results in the order of the numbers.

    A Ctrl-C asks those under way to stop, and is raised when they have.
    """
    if jobs == 1:
        yield from ((number, run(number)) for number in numbers)
        return
    with ThreadPoolExecutor(jobs) as pool:
        futures: list[Future[Result]] = [pool.submit(run, number) for number in numbers]
        try:
            for number, future in zip(numbers, futures, strict=True):
                yield number, future.result()
        except BaseException:
            stop.asked = True
            pool.shutdown(wait=True, cancel_futures=True)
            raise
