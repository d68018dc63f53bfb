"""What tests run with Weave installed: two pipelines over four tasks, the summaries as JSON."""

import json
import os
from collections.abc import Generator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from assistant.evals.datasets import STARTER, DataSet, load
from assistant.evals.pipeline import CodeGenerationPipeline, Parameters
from assistant.events import ModelError, Replied, Said, Usage
from assistant.redact import Redactor
from assistant.sandbox.local import LocalOptions, LocalSandbox
from assistant.traces.weave_adapter import Exam, Weave
from assistant.verdicts.pool import JudgePool

KEY = "sk-canary-5b1d0c7e9f42a86de31b"


class Answering:
    """Knows the reference answers, but for one task it fails and one it does not answer."""

    name, max_reply = "m-1", 1_000

    def __init__(self, data: DataSet) -> None:
        self._problems = list(data)

    def count(self, messages: Sequence[Said | Replied], /) -> int:
        return 10

    def cost(self, prompt: int, completion: int, /) -> Decimal | None:
        return Decimal("0.01")

    def reply(
        self, messages: Sequence[Said | Replied], /, **options: Any
    ) -> Generator[Any, None, Replied]:
        asked = messages[-1].text
        number = next(n for n, one in enumerate(self._problems) if one.prompt.strip() in asked)
        if number == 2:
            raise ModelError("it is away")
        code = "x = 1" if number == 1 else self._problems[number].reference
        yield from ()
        text = f"```python\n{code}\n# {KEY}\n```\n"
        return Replied(text, Usage(10, 0, 20, 0, Decimal("0.01")))


def main() -> None:
    whole = load(str(STARTER))
    data = replace(whole, problems=whole.problems[:4])
    summaries = []
    with (
        JudgePool(
            lambda: LocalSandbox(LocalOptions(dict(os.environ), "pooled", values=False))
        ) as judges,
        Weave("ent/proj", Redactor([KEY])) as weave,
    ):
        for temperature in (0.1, 0.7):
            pipeline = CodeGenerationPipeline(
                Answering(data), strategy="fence", parameters=Parameters(temperature)
            )
            summaries.append(weave.evaluate(pipeline, Exam(data, judges, samples=2)))
    print("\n" + json.dumps(summaries))


if __name__ == "__main__":
    main()
