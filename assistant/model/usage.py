"""A server's own token counts, checked and made ours."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens of one call as a server counted them; ``completion`` includes ``reasoning``."""

    prompt: int
    cached: int
    completion: int
    reasoning: int


def counts_of(usage: Any) -> Counts | None:
    """The counts in a ``usage`` object of Chat Completions, None where there are none to trust.

    Some servers keep reasoning out of the completion and show it in the total alone.
    """
    prompt = _whole(usage, "prompt_tokens")
    completion = _whole(usage, "completion_tokens")
    if not prompt:
        return None
    total = _whole(usage, "total_tokens")
    return Counts(
        prompt,
        min(_whole(getattr(usage, "prompt_tokens_details", None), "cached_tokens"), prompt),
        max(completion, total - prompt),
        _whole(getattr(usage, "completion_tokens_details", None), "reasoning_tokens"),
    )


def _whole(holder: Any, name: str) -> int:
    value = getattr(holder, name, None)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40:
        return value
    return 0
