"""What a run may cost, before its first call."""

from decimal import Decimal
from typing import Any

import pytest

from assistant.evals.datasets import STARTER, load
from assistant.evals.estimate import REPLY, estimate
from assistant.evals.pipeline import CodeGenerationPipeline, Parameters
from assistant.model.replay import ScriptedModel

PROBLEMS = load(str(STARTER)).problems[:2]


class Priced(ScriptedModel):
    """One dollar for a prompt token, ten for a token of the reply."""

    def __init__(self) -> None:
        super().__init__([], max_reply=1000)

    def count(self, messages: Any, /) -> int:
        return 100

    def cost(self, prompt: int, completion: int, /) -> Decimal | None:
        return Decimal(prompt + 10 * completion)


@pytest.mark.parametrize(
    ("strategy", "replies", "most"),
    [
        ("fence", 1, 10_100),
        ("complete", 1, 10_100),
        ("structured", 3, 10_100 + 11_100 + 12_100),
        ("chat", 2, 10_100 + 11_100),
    ],
)
def test_the_longest_replies_and_usual_ones(strategy: Any, replies: int, most: int) -> None:
    pipeline = CodeGenerationPipeline(
        Priced(), strategy=strategy, formatter=None, parameters=Parameters(turns=2)
    )
    found = estimate(pipeline, zip(PROBLEMS, (1, 3), strict=True))
    assert found is not None
    assert (found.samples, found.replies) == (4, replies)
    assert found.usual == 4 * (100 + 10 * REPLY)
    assert found.most == 4 * most


def test_no_price_no_estimate() -> None:
    class Unpriced(Priced):
        def cost(self, prompt: int, completion: int, /) -> Decimal | None:
            return None

    pipeline = CodeGenerationPipeline(Unpriced(), strategy="fence")
    assert estimate(pipeline, [(PROBLEMS[0], 1)]) is None
