"""The command line that began an evaluation run, as the run's first line keeps it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """Which runs were begun together, and what was asked for that changes no sample."""

    id: str = ""
    """The same in all runs of one command line; empty: written before that was kept."""
    place: int = 1
    """Which of them it is: the place of its model."""
    ks: tuple[int, ...] = ()
    """The k of pass@k that were asked for; empty: the usual ones."""
    fail_under: float | None = None
    """The rate of pass@1 under which the command fails."""
