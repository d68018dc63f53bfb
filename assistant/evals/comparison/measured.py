"""A run as a comparison sees it: a few facts of every sample; texts only of those it shows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

Key = tuple[str, int]
"""A task's id and the number of its sample."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """What became of one sample, and what it took."""

    task: str
    number: int
    outcome: str
    """The class of its verdict."""
    passed: bool = False
    decided: bool = True
    """False where model or sandbox failed, so that nothing is known of the answer."""
    seconds: float | None = None
    """What the model took, over all turns; None where it was not asked."""
    turns: int = 1
    prompt: int = 0
    completion: int = 0
    cost: Decimal | None = None
    """Dollars; None: unknown, never 0 for that."""

    @property
    def key(self) -> Key:
        return self.task, self.number


@dataclass(frozen=True, slots=True)
class Step:
    """One traced operation, for people to read."""

    name: str
    start: float
    """Seconds since the sample's first operation began."""
    seconds: float
    depth: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """The texts of one sample."""

    code: str = ""
    lang: str = "python"
    detail: str = ""
    """The failing line of the tests, the traceback, the reason."""
    input: str = ""
    """The call that failed, with its answer."""
    output: str = ""
    steps: Sequence[Step] = ()


def nothing(keys: Sequence[Key]) -> Mapping[Key, Shown]:
    """What a run shows that kept no texts."""
    return {}


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. Names, values and texts are anyone's: whoever shows them must escape them."""

    id: str
    name: str
    """What people call it: the model, and what else tells it from others."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What was set up, in the order to show it: model, strategy, temperature, prompt ..."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """What must be the same for a fair comparison: data, prompt, limits, image."""
    samples: Sequence[Sampled] = ()
    families: Mapping[str, str] = field(default_factory=dict)
    """Of tasks whose family is not themselves."""
    notes: Sequence[str] = ()
    """What a reader must know: a run that is not finished, verdicts given in process."""
    show: Callable[[Sequence[Key]], Mapping[Key, Shown]] = nothing
    """The texts of the wanted samples, read when asked for."""
