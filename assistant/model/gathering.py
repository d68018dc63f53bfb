"""Several answers to one prompt, gathered from as many calls as the server makes of it."""

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

from assistant.events import Finish, Usage
from assistant.model import structured
from assistant.model.options import Completion
from assistant.model.stream import Reading
from assistant.redact import Redactor


class Gathering:
    """Answers in the order in which they came. Some servers give one where more were asked for."""

    def __init__(self, wanted: int, redactor: Redactor, stop: object = None) -> None:
        self.wanted = wanted
        self.texts: list[str] = []
        self.finishes: list[Finish] = []
        self.details: list[str] = []
        self.usages: list[Usage] = []
        self._redactor = redactor
        self._stops = [stop] if isinstance(stop, str) else stop if isinstance(stop, list) else []

    @property
    def missing(self) -> int:
        return self.wanted - len(self.texts)

    def asking(self, seed: object, refused: Collection[str]) -> dict[str, object]:
        """The parameters of the next call: as many answers as are missing, one where it must."""
        several = self.missing > 1 and "n" not in refused
        return {
            "n": self.missing if several else None,
            # The same seed would give the same answer again.
            "seed": seed + len(self.texts) if isinstance(seed, int) else seed,
        }

    def add(self, response: Any, schema: type[structured.Schema] | None) -> list[Reading]:
        """Take the answers of one response; an empty response counts as one broken answer."""
        choices = getattr(response, "choices", None)
        found = choices[: self.missing] if isinstance(choices, list) else []
        readings = [self._read(choice) for choice in found] or [Reading(self._redactor)]
        for reading in readings:
            finish, detail = reading.ending()
            text = self._cut(str(reading.text))
            if schema and finish == "stop":
                text, finish, detail = structured.settled(text, schema)
            self.texts.append(text)
            self.finishes.append(finish)
            self.details.append(detail)
        return readings

    def _read(self, choice: Any) -> Reading:
        """A whole message, read as a stream of a single chunk."""
        reading = Reading(self._redactor)
        message = getattr(choice, "message", None)
        reason = getattr(choice, "finish_reason", None)
        delta = SimpleNamespace(delta=message, finish_reason=reason or "stop")
        for _ in (*reading.feed(SimpleNamespace(choices=[delta])), *reading.rest()):
            pass
        return reading

    def _cut(self, text: str) -> str:
        """The text up to the first stop word, where the server did not take them."""
        ends = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        return text[: min(ends)] if ends else text

    def completion(self) -> Completion:
        costs = [usage.cost for usage in self.usages]
        known = [cost for cost in costs if cost is not None]
        usage = Usage(
            sum(usage.prompt for usage in self.usages),
            sum(usage.cached for usage in self.usages),
            sum(usage.completion for usage in self.usages),
            sum(usage.reasoning for usage in self.usages),
            sum(known[1:], known[0]) if known and len(known) == len(costs) else None,
            any(usage.estimated for usage in self.usages),
        )
        return Completion(tuple(self.texts), usage, tuple(self.finishes), tuple(self.details))
