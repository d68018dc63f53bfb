"""A model around a model that never lets a known key out in a message."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Protocol

from assistant.events import Chunk, Notice, Replied, Retrying, Said
from assistant.redact import Redactor


class Model(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def max_reply(self) -> int: ...
    def count(self, messages: Sequence[Said | Replied], /) -> int: ...
    def cost(self, prompt: int, completion: int, /) -> Decimal | None: ...
    def reply(
        self,
        messages: Sequence[Said | Replied],
        /,
        *,
        max_tokens: int,
        seconds: float,
        schema: Any = None,
    ) -> Generator[Chunk | Retrying | Notice, None, Replied]: ...


class RedactingModel:
    """Exact values of known keys are replaced in every message before it is counted or sent."""

    def __init__(self, model: Model, redactor: Redactor) -> None:
        self._model, self._redactor = model, redactor
        self.name, self.max_reply = model.name, model.max_reply
        self.cost = model.cost

    def count(self, messages: Sequence[Said | Replied], /) -> int:
        return self._model.count(self._clean(messages))

    def reply(
        self,
        messages: Sequence[Said | Replied],
        /,
        *,
        max_tokens: int,
        seconds: float,
        schema: Any = None,
    ) -> Generator[Chunk | Retrying | Notice, None, Replied]:
        return (
            yield from self._model.reply(
                self._clean(messages), max_tokens=max_tokens, seconds=seconds, schema=schema
            )
        )

    def _clean(self, messages: Sequence[Said | Replied]) -> list[Said | Replied]:
        """The same objects where nothing was found, so that their token counts are kept."""
        cleaned: list[Said | Replied] = []
        for message in messages:
            text = self._redactor.text(message.text)
            cleaned.append(message if text == message.text else replace(message, text=text))
        return cleaned
