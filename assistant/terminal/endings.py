"""How a turn ends on the screen: what it came to, what it used, and what to type next."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from assistant.events import Event, Finished, Ran, Replied, Reserved, Summarised
from assistant.terminal import words
from assistant.terminal.sanitize import one_line
from assistant.terminal.theme import Fragment

_HEADLINES = {
    "done": "done",
    "check-failed": "the check still fails",
    "budget": "the budget of this message is spent",
    "model-error": "the model cannot answer",
    "sandbox-error": "the sandbox failed",
    "stuck": "stuck",
    "refused": "the model refused",
    "gave-up": "the model stopped short",
    "interrupted": "stopped by you",
}
_SAID_ALREADY = "stopped by the user"
_NEXT = {
    "check-failed": "Say what to try, or /check to run it again.",
    "budget": "Say “go on” to spend as much again, or raise a cap with /budget.",
    "model-error": "Nothing is lost: say it again, or choose another with /model.",
    "sandbox-error": "Nothing is lost: say it again once the remedy is done.",
    "stuck": "Say what to try instead, or take a step back with /undo.",
    "refused": "Say it in another way.",
    "gave-up": "Say what to try, or “go on”.",
}


@dataclass
class Turn:
    """Sums over one turn, for its ending."""

    replies: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)
    unpriced: bool = False
    blocks: int = 0
    files: dict[str, None] = field(default_factory=dict)
    uncounted: int = 0
    """Tokens that the budget counts besides, for replies whose usage the server did not tell."""
    call: Reserved | None = None

    def add(self, event: Event) -> None:
        match event:
            case Reserved():
                self.call = event
            case Replied(usage=used, finish=finish) if finish != "failed":
                if self.call and used.estimated and finish != "stop":
                    self.uncounted += self.call.prompt + self.call.completion - used.total
                self.call = None
                self.replies += 1
                self.tokens += used.total
                self.cost += used.cost or Decimal(0)
                self.unpriced |= used.cost is None and used.total > 0
            case Summarised(usage=used):
                self.call = None
                self.tokens += used.total
                self.cost += used.cost or Decimal(0)
                self.unpriced |= used.cost is None and used.total > 0
            case Ran(result=result):
                self.blocks += result.reason != "declined"
                self.files.update(dict.fromkeys(result.files))

    def used(self) -> str:
        """Replies, tokens, money and blocks on one line; empty where nothing was used."""
        counted = f"the budget counts {self.tokens + self.uncounted:,}" if self.uncounted else ""
        price = words.money(None if self.unpriced else self.cost) if self.tokens else ""
        return words.joined(
            (
                words.count(self.replies, "reply") if self.replies else "",
                words.count(self.tokens, "token") if self.tokens else "",
                counted,
                price,
                words.count(self.blocks, "block") + " run" if self.blocks else "",
            )
        )


def ending(finished: Finished, turn: Turn, took: float, hints: bool) -> Iterable[list[Fragment]]:
    """The lines of an ending; ``hints`` says what can be typed next, for interactive use."""
    interrupted = finished.status == "interrupted"
    good = finished.status == "done" or interrupted
    head = _HEADLINES[finished.status]
    detail = [line for line in finished.detail.splitlines() if line.strip()]
    if detail and not (interrupted and detail[0] == _SAID_ALREADY):
        head += f"{', ' if interrupted else ': '}{one_line(detail[0], 500)}"
    if interrupted and hints:
        head += "; the session goes on"
    style = "class:good" if finished.status == "done" else "class:warn" if good else "class:bad"
    yield [(style, head)]
    for line in detail[1:10]:
        yield [("", one_line(line, 500))]
    if used := words.joined((turn.used(), words.seconds(took) if took >= 0.05 else "")):
        yield [("class:dim", used)]
    if turn.files:
        files = f"changed: {words.names(turn.files)}"
        yield [
            ("", f"{files} (/diff shows it, /apply writes it to your folder)" if hints else files)
        ]
    if hints and finished.status in _NEXT:
        yield [("class:dim", _NEXT[finished.status])]
