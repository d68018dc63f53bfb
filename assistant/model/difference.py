"""Where two requests differ, shown so that a reader finds the place at once."""

import difflib
from collections.abc import Callable, Sequence

from assistant.events import Replied, Said

MOST_LINES = 200
"""Lines of a message, from the first that differs, that a diff looks at."""
SHOWN_LINES = 60
MOST_COLUMNS = 500


def difference(
    recorded: Sequence[Said | Replied],
    given: Sequence[Said | Replied],
    masked: Callable[[str], str],
) -> str:
    """The first message that differs, with a unified diff of it; "" where none does."""
    for place in range(max(len(recorded), len(given))):
        old = _shown(recorded[place : place + 1], masked)
        new = _shown(given[place : place + 1], masked)
        if old != new:
            roles = old[0] if old[0] == new[0] else f"{old[0]}, now {new[0]}"
            return f"in message {place + 1} ({roles}):\n{_diff(old[1], new[1])}"
    return ""


def _shown(message: Sequence[Said | Replied], masked: Callable[[str], str]) -> tuple[str, str]:
    """Role and masked text of one message, or of none."""
    if not message:
        return "none", ""
    role = "assistant" if isinstance(message[0], Replied) else message[0].role
    return role, masked(message[0].text)


def _diff(old: str, new: str) -> str:
    """A unified diff that stays small and quick, however long the texts are."""
    before, now = old.splitlines(), new.splitlines()
    same = 0
    while same < min(len(before), len(now)) and before[same] == now[same]:
        same += 1
    start = max(same - 3, 0)
    lines = list(
        difflib.unified_diff(
            [line[:MOST_COLUMNS] for line in before[start : start + MOST_LINES]],
            [line[:MOST_COLUMNS] for line in now[start : start + MOST_LINES]],
            f"recorded, from line {start + 1}",
            f"now, from line {start + 1}",
            lineterm="",
        )
    )
    if not lines:  # They differ in blanks at the end of a line, its ending, or far to the right.
        return f"line {same + 1} differs beyond what a diff shows"
    hidden = len(lines) - SHOWN_LINES
    return "\n".join([*lines[:SHOWN_LINES], *([f"({hidden} more lines)"] if hidden > 0 else [])])
