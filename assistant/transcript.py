"""Views of a transcript: what the model sees of it, and text with its volatile parts masked."""

import re
from collections.abc import Iterable

from assistant.events import Event, Replied, Reset, Said


def history(events: Iterable[Event]) -> list[Said | Replied]:
    """The messages that the model sees, in order.

    Replies that broke off and empty ones are left out. Neighbouring messages to the model are
    joined into one, since some chat templates insist that the roles alternate.
    """
    seen: list[Said | Replied] = []
    for event in events:
        if isinstance(event, Replied):
            if event.finish not in ("broken", "failed") and event.text.strip():
                seen.append(event)
        elif isinstance(event, Said):
            last = seen[-1] if seen else None
            if isinstance(last, Said) and "system" not in (last.role, event.role):
                seen[-1] = Said(f"{last.text}\n\n{event.text}", event.role)
            else:
                seen.append(event)
        elif isinstance(event, Reset):
            seen = [message for message in seen if _is_system(message)]
    return seen


def _is_system(message: Said | Replied) -> bool:
    return isinstance(message, Said) and message.role == "system"


def this_turn(events: list[Event]) -> list[Event]:
    """The events since the user's last message, without it."""
    for index in range(len(events) - 1, -1, -1):
        event = events[index]
        if isinstance(event, Said) and event.role == "user":
            return events[index + 1 :]
    return list(events)


_VOLATILE = (
    (re.compile(r"\b\d+(?:\.\d+)?(?:e-?\d+)? ?(?:seconds?|secs?|ms|us|µs|ns|s)\b"), "<time>"),
    (re.compile(r"0x[0-9a-fA-F]{4,}"), "<address>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?"), "<date>"),
)


def steady(text: str) -> str:
    """The text with what differs from run to run masked: durations, addresses, time stamps."""
    for pattern, mask in _VOLATILE:
        text = pattern.sub(mask, text)
    return text
