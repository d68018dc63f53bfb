"""The figures of a session: what is left to spend, how full the window is, what a text costs."""

from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from assistant.budget import Left, Spent, left, narrower
from assistant.events import Compacted, Replied, Reserved, Reset, Rewound, Said, Summarised
from assistant.protocols import window_of
from assistant.terminal import words
from assistant.terminal.sanitize import one_line
from assistant.transcript import history, under_way

if TYPE_CHECKING:
    from assistant.chat import Chat


class Sitting(Protocol):
    """What is needed of a session."""

    chat: "Chat"


class Standing:
    """The figures of a session, as they are now."""

    def __init__(self, session: Sitting) -> None:
        self._session = session
        self.asked = False
        """The model was asked something since the session was opened."""

    @property
    def _chat(self) -> "Chat":
        return self._session.chat

    def next_message(self) -> Left:
        """What the next message has, of the session's caps too."""
        terms = self._chat.terms
        whole = left(terms.budget, Spent())
        return narrower(whole, left(terms.session, self._chat.spent())) if terms.session else whole

    def most_used(self) -> tuple[float, str]:
        """The cap that is nearest to its end: the share that is used, and its name."""
        rests, caps = self._chat.left(), self._chat.terms.budget
        shares = [
            (1 - float(rest) / float(cap), name)
            for name, rest in rests._asdict().items()
            if (cap := getattr(caps, name)) is not None and name != "seconds"
        ]
        return max(shares, default=(0.0, ""))

    def line(self) -> str:
        """Model, budget and window, for the line under the prompt."""
        # What was not ended before a crash is not under way now.
        going_on = under_way(self._chat.events[self._chat.opened :])
        now = self._chat.left() if going_on else self.next_message()
        capped = now.dollars < Decimal(10**6) and self.priced()
        dollars = words.money(now.dollars) if capped else ""
        rest = words.joined((dollars, f"{now.replies:g} replies", f"{_short(now.tokens)} tokens"))
        return words.joined(
            (
                one_line(self._chat.model.name, 40),
                f"{'left' if going_on else 'next message'}: {rest}",
                self._context(),
            )
        )

    def priced(self) -> bool:
        """Whether what the model costs is known. Before the first call nobody has looked."""
        for event in reversed(self._chat.events):
            if isinstance(event, Reserved):
                return event.cost is not None
        return self._chat.terms.budget.dollars_required

    def _context(self) -> str:
        """How full the window is; of an unknown one, what is in it."""
        used = self.used_context()
        if not used:
            return ""
        # Sizes and prices take a while to load: not before the model is asked for the first time.
        window = window_of(self._chat.model) if self.asked else None
        return f"context {_short(used)}" + (f" of {_short(window)}" if window else " tokens")

    def used_context(self) -> int:
        """Tokens of the conversation so far, by the last reply's count."""
        for event in reversed(self._chat.events):
            if isinstance(event, Compacted | Rewound | Reset):
                return 0 if not self.asked else self._chat.model.count(history(self._chat.events))
            if isinstance(event, Replied) and event.usage.total:
                return event.usage.total
        return 0

    def tokens(self, text: str) -> int:
        """What a text adds to the conversation.

        The difference, since a model's count of a prompt is a bound that holds for whole prompts:
        of a text on its own it may be as much as the first prompt had.
        """
        before = history(self._chat.events)
        return self._chat.model.count([*before, Said(text)]) - self._chat.model.count(before)

    def price(self, text: str) -> str:
        """The same in words, with the money."""
        tokens = self.tokens(text)
        cost = self._chat.model.cost(tokens, 0)
        return words.joined((words.count(tokens, "token"), words.money(cost)))

    def cost(self) -> Decimal:
        """What all calls cost by what is known; the budget counts an unknown one at its most."""
        used = (e.usage.cost for e in self._chat.events if isinstance(e, Replied | Summarised))
        return sum((cost for cost in used if cost), Decimal(0))

    def used(self) -> int:
        """Tokens of all calls by what is known, as a list of sessions has them."""
        events = self._chat.events
        return sum(e.usage.total for e in events if isinstance(e, Replied | Summarised))

    def dearest(self, text: str) -> Decimal | None:
        """What the first call of a message can cost at most; None where no price is known."""
        tokens = self.used_context() + self.tokens(text)
        return self._chat.model.cost(tokens, self._chat.model.max_reply)


def _short(tokens: float) -> str:
    """``639``, ``6.3k``, ``268k``."""
    if tokens < 1000 or tokens == float("inf"):
        return f"{tokens:g}"
    return (
        f"{tokens / 1000:.1f}".removesuffix(".0") + "k"
        if tokens < 9_950
        else (f"{tokens / 1000:.0f}k")
    )
