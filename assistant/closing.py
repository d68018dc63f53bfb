"""The base of classes that are closed at the end of their ``with``, however that ends."""

from abc import ABC, abstractmethod
from typing import Self


class Closing(ABC):
    """A context of its own, whose end is ``close``."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None: ...
