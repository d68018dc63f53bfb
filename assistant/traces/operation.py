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


MESSAGES, TEXT = 64_000, 16_000
"""Characters of all messages of one call, and of one of them, that a trace holds at most."""


def messages(*found: Mapping[str, Any]) -> str:
    return json.dumps(found, ensure_ascii=True)


def given(said: Sequence[tuple[str, str]]) -> str:
    """What a model was given, (role, text) from the first message to the last.

    Long texts keep their head and tail. Where all together are too long, the first message (which
    holds the rules) and the last ones stay. What is left out is said in its place.
    """
    short = [(role, _ends(text)) for role, text in said]
    kept: list[tuple[str, str]] = []
    room = MESSAGES - len(short[0][1]) if short else 0
    for role, text in reversed(short[1:]):
        room -= len(text)
        if room < 0:
            break
        kept.append((role, text))
    without = len(short) - 1 - len(kept)
    gap = [("system", f"[{without:,} messages left out of this trace]")] if without > 0 else []
    return messages(*(message(*one) for one in (*short[:1], *gap, *reversed(kept))))


def _ends(text: str) -> str:
    if len(text) <= TEXT:
        return text
    half = TEXT // 2
    return f"{text[:half]}\n[{len(text) - 2 * half:,} characters left out]\n{text[-half:]}"
