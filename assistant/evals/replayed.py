"""Answers that were given before: of a run's own record, or of a file of samples."""

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from assistant.evals.asking import digest
from assistant.evals.run_reader import load_run
from assistant.evals.runs import Attempt, Key
from assistant.evals.samples import read_samples
from assistant.evals.strategy_context import STRATEGIES, Strategy
from assistant.events import Chunk, ModelError, Notice, Replied, Retrying, Said
from assistant.model.structured import settled

MAX_REPLY = 16_384


class Recording:
    """The replies of each sample, and the name of the model that gave them."""

    def __init__(
        self,
        name: str,
        replies: Mapping[Key, Sequence[Attempt]],
        strategy: Strategy = "complete",
        prompt: str = "",
    ) -> None:
        self.name, self._replies = name, replies
        self.strategy, self.prompt = strategy, prompt
        """How they were asked for: with another strategy they answer something else."""

    def model(self, key: Key) -> "RecordedModel":
        """What answers as it answered for that sample."""
        return RecordedModel(self.name, key, self._replies.get(key, ()))


class RecordedModel:
    """One sample's replies, in their order, as long as it is asked what was asked then."""

    max_reply = MAX_REPLY

    def __init__(self, name: str, key: Key, replies: Sequence[Attempt]) -> None:
        self.name, self._key = name, key
        self._replies = iter(replies)

    def count(self, messages: Sequence[Said | Replied], /) -> int:
        return sum(len(message.text) for message in messages) // 4 + 1

    def cost(self, prompt: int, completion: int, /) -> Decimal | None:
        """Nothing is paid for what was said before."""
        return Decimal(0)

    def reply(
        self,
        messages: Sequence[Said | Replied],
        /,
        *,
        max_tokens: int,
        seconds: float,
        schema: Any = None,
    ) -> Generator[Chunk | Retrying | Notice, None, Replied]:
        """The next reply, with the tokens and the time that it took then.

        Raises:
            ModelError: there is none, or it answered something else.
        """
        where = f"sample {self._key[1]} of {self._key[0]}"
        kept = next(self._replies, None)
        if kept is None:
            raise ModelError(
                f"the record has no further reply for {where}",
                "Record it with this data set, these samples and this strategy.",
                "replay",
            )
        if kept.asked and kept.asked != digest(messages):
            raise ModelError(
                f"the reply recorded for {where} answers another request",
                "Its prompt, data set or strategy has changed: undo that, or record anew.",
                "replay",
            )
        yield Chunk(kept.reply)
        if schema is not None and not kept.asked and kept.finish == "stop":
            text, finish, detail = settled(kept.reply, schema)
            return Replied(text, kept.usage, finish, detail=detail)
        return Replied(
            kept.reply, kept.usage, kept.finish, detail=kept.detail, seconds=kept.seconds
        )


def recording(path: Path, name: str) -> Recording:
    """The answers in a run's file, or in a file of samples (see ``read_samples``).

    Its model is called by ``name``, or by the run's id: it is not the model that answered then.

    Raises:
        RecordError, UsageError: it cannot be read as either.
    """
    if _is_run(path):
        run = load_run(path)
        replies = {sample.key: sample.generated.attempts for sample in run.samples}
        stamp = run.manifest.pipeline
        known = (name for name in STRATEGIES if name == stamp.strategy)
        strategy: Strategy = next(known, "complete")
        return Recording(f"replay:{run.id}", replies, strategy, stamp.prompt)
    samples = read_samples(path)
    return Recording(f"replay:{name}", _numbered(samples))


def _is_run(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            first = json.loads(file.readline() or b"null")
    except (OSError, ValueError):
        return False
    return isinstance(first, dict) and first.get("type") == "Manifest"


def _numbered(samples: Iterable[Any]) -> dict[Key, Sequence[Attempt]]:
    return {(sample.task, sample.number): (Attempt(sample.text, "stop", ""),) for sample in samples}
