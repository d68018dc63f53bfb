"""What the samples of a run may cost, told before the first call is made."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from assistant.evals.pipeline import CodeGenerationPipeline
from assistant.evals.problems import Problem
from assistant.evals.strategy_context import StrategyContext
from assistant.events import Said

REPLY = 500
"""Tokens of a reply that is neither short nor long."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Dollars of so many samples."""

    samples: int
    usual: Decimal
    """One reply of ``REPLY`` tokens for each."""
    most: Decimal
    """As many replies as a sample may take, each as long as it may be and asked with all before."""
    replies: int
    """As many as a sample may take, but for those that break off."""


def estimate(
    pipeline: CodeGenerationPipeline, wanted: Iterable[tuple[Problem, int]]
) -> Estimate | None:
    """For tasks with the number of samples to be asked for; None where no price is known."""
    model, largest = pipeline.model, pipeline.model.max_reply
    context = StrategyContext(pipeline.prompt)
    replies = replies_of(pipeline)
    samples, usual, most = 0, Decimal(0), Decimal(0)
    for problem, number in wanted:
        prompt = model.count([Said(context.asked(problem))])
        dear = [model.cost(prompt + turn * largest, largest) for turn in range(replies)]
        cheap = model.cost(prompt, min(REPLY, largest))
        if cheap is None or None in dear:
            return None
        samples += number
        usual += number * cheap
        most += number * sum((one for one in dear if one is not None), Decimal(0))
    return Estimate(samples, usual, most, replies)


def replies_of(pipeline: CodeGenerationPipeline) -> int:
    """How many replies a sample may take, but for those that break off."""
    how = pipeline.parameters
    several = {"structured": how.repairs + 1, "chat": how.turns * how.tries, "fence": how.tries}
    return several.get(pipeline.strategy, 1)
