"""An operation as a trace has it: a name, a place in a tree, a time, and what is known of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.events import Usage
from assistant.traces import genai as g

Value = str | int | float | bool | Sequence[str]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at one moment of an operation."""

    name: str
    at: float
    attributes: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Operation:
    """``trace``, ``id`` and ``parent`` are any texts: the same ones are sent as the same ids."""

    trace: str
    id: str
    parent: str
    """Empty: none."""
    name: str
    start: float
    """Seconds since the epoch."""
    seconds: float
    attributes: Mapping[str, Value] = field(default_factory=dict)
    client: bool = False
    """It is a call of something elsewhere."""
    error: str = ""
    """What went wrong, in words."""
    events: Sequence[Event] = ()


def used(usage: Usage | None) -> dict[str, Value]:
    """Tokens and dollars; what is not known is left out."""
    if usage is None:
        return {}
    found: dict[str, Value] = {g.INPUT_TOKENS: usage.prompt, g.OUTPUT_TOKENS: usage.completion}
    if usage.cached:
        found[g.CACHED_TOKENS] = usage.cached
    if usage.reasoning:
        found[g.REASONING_TOKENS] = usage.reasoning
    if usage.cost is not None:
        found[g.COST] = float(usage.cost)
    return found


def message(role: str, text: str, finish: str = "") -> dict[str, Any]:
    """One message in the form of the conventions."""
    made: dict[str, Any] = {"role": role, "parts": [{"type": "text", "content": text}]}
    return {**made, "finish_reason": finish} if finish else made


def messages(*found: Mapping[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=True)
