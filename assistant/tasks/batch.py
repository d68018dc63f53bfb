"""The order of a script's improve steps: those that share a file one after the other."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

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


def side_by_side(
    numbers: Sequence[int], jobs: int, run: Callable[[int], Result], stop: Callable[[], None]
) -> Iterator[Result]:
    """Run each number, ``jobs`` at a time; results in the order of the numbers.

    A Ctrl-C calls ``stop``, and is raised when those under way have ended.
    """
    with ThreadPoolExecutor(jobs) as pool:
        futures: list[Future[Result]] = [pool.submit(run, number) for number in numbers]
        try:
            for future in futures:
                yield future.result()
        except BaseException:
            stop()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
