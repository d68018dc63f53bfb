"""Views of a transcript: what the model sees of it, and text with its volatile parts masked."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeGuard

from assistant.events import Compacted, Event, Finished, Replied, Reset, Rewound, Said

Numbered = list[tuple[int, Said | Replied]]
"""Messages with their numbers in the record, from 1."""


def history(events: Iterable[Event]) -> list[Said | Replied]:
    """The messages that the model sees, in order.

    Replies that broke off and empty ones are left out, and so is what a shortening or a step back
    took away. Neighbouring messages to the model are joined into one, since some chat templates
    insist that the roles alternate.
    """
    seen: list[Said | Replied] = []
    for _, message in numbered(events):
        last = seen[-1] if seen else None
        if _joins(last) and _joins(message):
            seen[-1] = Said(f"{last.text}\n\n{message.text}", message.role)
        else:
            seen.append(message)
    return seen


def _joins(message: Said | Replied | None) -> TypeGuard[Said]:
    """Whether it becomes one with a neighbour of its kind."""
    return type(message) is Said and message.role != "system"


def numbered(events: Iterable[Event]) -> Numbered:
    """The same messages one by one, each with its number in the record."""
    view: Numbered = []
    past: list[Event] = []
    number = 0
    for event in events:
        past.append(event)
        if isinstance(event, Said | Replied):
            number += 1
            if _counts(event):
                view.append((number, event))
        elif isinstance(event, Reset):
            view = [(at, message) for at, message in view if is_system(message)]
        elif isinstance(event, Compacted):
            view = _shortened(view, event)
        elif isinstance(event, Rewound):
            view = numbered(_until(past[:-1], event.messages))
    return view


def _counts(message: Said | Replied) -> bool:
    if isinstance(message, Said):
        return True
    return message.finish not in ("broken", "failed") and bool(message.text.strip())


def is_system(message: Said | Replied) -> bool:
    return isinstance(message, Said) and message.role == "system"


def messages(events: Iterable[Event]) -> int:
    """How many messages there are, whatever became of them: the number of the last."""
    return sum(isinstance(event, Said | Replied) for event in events)


def _until(events: Sequence[Event], number: int) -> Sequence[Event]:
    """The events up to the message of that number."""
    for at, event in enumerate(events):
        if isinstance(event, Said | Replied):
            number -= 1
            if number < 0:
                return events[:at]
    return events


def _shortened(view: Numbered, how: Compacted) -> Numbered:
    systems = [(at, message) for at, message in view if is_system(message)]
    rest = [(at, message) for at, message in view if not is_system(message)]
    kept = [(at, message) for at, message in rest if at > how.dropped]
    if how.note:
        kept.insert(0, (how.dropped, Said(how.note, "result")))
    return systems + [
        (at, Said(outputs_cut(message.text, how.ends), message.role))
        if at <= how.cut and isinstance(message, Said)
        else (at, message)
        for at, message in kept
    ]


_OUTPUT = re.compile(r"(`{3,})output")


@lru_cache(maxsize=4096)
def outputs_cut(text: str, ends: int) -> str:
    """A message whose outputs (fences tagged so) are cut in the middle to ``2 * ends``."""
    lines = text.split("\n")
    shown: list[str] = []
    at, never_closed = 0, set[str]()
    while at < len(lines):
        shown.append(lines[at])
        found = _OUTPUT.fullmatch(lines[at])
        at += 1
        if not found or found[1] in never_closed:
            continue
        try:
            close = lines.index(found[1], at)
        except ValueError:
            never_closed.add(found[1])
            continue
        shown.append(middle_cut("\n".join(lines[at:close]), ends))
        at = close
    return "\n".join(shown)


def middle_cut(text: str, ends: int) -> str:
    """``text`` with no more than ``ends`` characters of its head and as many of its tail."""
    cut = len(text) - 2 * ends
    if cut <= 0:
        return text
    return f"{text[:ends]}\n[... {cut} characters left out ...]\n{text[len(text) - ends :]}"


def by_user(event: Event) -> TypeGuard[Said]:
    """Whether it is a message of the user's own."""
    return isinstance(event, Said) and event.role == "user"


def this_turn(events: list[Event]) -> list[Event]:
    """The events since the user's last message, without it."""
    for index in range(len(events) - 1, -1, -1):
        event = events[index]
        if by_user(event):
            return events[index + 1 :]
    return list(events)


def under_way(events: Sequence[Event]) -> bool:
    """Whether the user's last message has not come to its ending yet."""
    for event in reversed(events):
        if isinstance(event, Finished):
            return False
        if by_user(event):
            return True
    return False


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
