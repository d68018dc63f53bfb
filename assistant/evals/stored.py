"""A run's samples, each read from its file when it is asked for.

So a run of any size takes little memory.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar, overload

from assistant.evals.run_lines import REMEDY, decoded, opened
from assistant.evals.runs import Generated, Sample, Scored
from assistant.events import RecordError

T = TypeVar("T", Generated, Scored)
Places = tuple[int, int]
"""Where a sample's replies and its verdicts begin in the file, in bytes; -1: it has no verdict."""


class StoredSamples(Sequence[Sample]):
    """The samples whose places are given, in that order. A file of a run only ever grows, so they
    stay where they are, also while it is written to.

    Raises:
        RecordError: where one is read: the file is gone, or was changed by another program.
    """

    def __init__(self, path: Path, places: Iterable[Places]) -> None:
        self._path = path
        self._places = array("q", (number for pair in places for number in pair))

    def __len__(self) -> int:
        return len(self._places) // 2

    def __iter__(self) -> Iterator[Sample]:
        return self._samples(range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Sample, ...]: ...
    def __getitem__(self, index: int | slice) -> Sample | tuple[Sample, ...]:
        chosen = range(len(self))[index]
        if isinstance(chosen, int):
            return next(self._samples(range(chosen, chosen + 1)))
        return tuple(self._samples(chosen))

    def _samples(self, numbers: Iterable[int]) -> Iterator[Sample]:
        with opened(self._path) as file:
            for number in numbers:
                generated, scored = self._places[2 * number : 2 * number + 2]
                verdicts = None if scored < 0 else self._line(file, scored, Scored)
                yield Sample(self._line(file, generated, Generated), verdicts)

    def _line(self, file: BinaryIO, place: int, kind: type[T]) -> T:
        try:
            file.seek(place)
            line = decoded(file.readline())
        except (OSError, ValueError, RecursionError) as error:
            raise RecordError(f"cannot read {self._path} any more: {error}", REMEDY) from error
        if not isinstance(line, kind):
            raise RecordError(f"{self._path} was changed while it was read", REMEDY)
        return line
