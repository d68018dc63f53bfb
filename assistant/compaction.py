"""Makes a history fit the model's window: old outputs shrink, then a note replaces old messages.

What is done is an event, and the view that follows from it is a fold (``transcript``), so that a
replay and a resumed session see the same. Nothing of the record is lost.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from assistant.budget import Exhausted, Left, reserve
from assistant.compaction_note import Note
from assistant.events import (
    Compacted,
    Event,
    ModelError,
    Notice,
    Replied,
    Reserved,
    Retrying,
    Said,
    Summarised,
)
from assistant.feedback import quoted
from assistant.files_in_use import Read, nothing
from assistant.prompts import prompt
from assistant.protocols import Model, window_of
from assistant.transcript import Numbered, history, is_system, middle_cut, numbered

ENDS = (2_000, 400, 80)
"""Characters that outputs keep at each end, the gentlest first."""
LAST_RESULTS = 2
"""So many results at the end stay whole as long as anything else can shrink."""
SUMMARY = 1_200
"""Tokens of a summary at most."""
_PER_MESSAGE = (4_000, 1_000, 250, 60)
"""Characters at each end of each message that is summed up."""

Steps = Generator[Event, None, None]


@dataclass(frozen=True, slots=True)
class Situation:
    """What a shortening goes by besides the history."""

    model: Model
    left: Callable[[], Left]
    check: str = ""
    read: Read = nothing
    """The text of a file as code left it; None where there is none."""


def room(model: Model) -> int | None:
    """Tokens that a prompt may have, so that a reply fits beside it; None: any number."""
    window = window_of(model)
    return None if window is None else window - min(model.max_reply, window // 4)


def compaction(events: Sequence[Event], now: Situation, most: int, *, whole: bool = False) -> Steps:
    """Bring the history down to ``most`` tokens or fewer: events, to be kept as they come.

    Well below it where that can be had, so that it is not needed again at once. ``whole`` sums
    old messages up even where smaller outputs would do. Yields no Compacted where nothing can be
    made smaller. A summary that cannot be had is done without; a Ctrl-C during it comes as a
    Summarised with the finish "interrupted".

    Raises:
        ModelError: what must stay, above all the user's own message, does not fit.
    """
    work = _Work(list(events), now, most)
    found = None if whole else work.smaller_outputs(work.goal) or work.smaller_outputs(work.enough)
    if found:
        yield work.told(found)
        return
    if work.could_drop():
        summary = ""
        for event in work.summary():
            if isinstance(event, Summarised):
                if event.finish == "interrupted":
                    yield event
                    return
                summary = event.text.strip() if event.finish in ("stop", "length") else ""
            yield event
        found = work.with_note(summary)
    else:
        found = work.smaller_outputs(most) or work.smallest_outputs()
    if found:
        yield work.told(found)
    elif work.before > most:
        raise ModelError(
            f"the conversation cannot be made to fit: {work.before:,} tokens, where {most:,} fit",
            "Say it with less in one message, /reset, or use a model with a larger window.",
            "context",
        )


class _Work:
    """One shortening: the view before it, and what each way of making it smaller comes to."""

    def __init__(self, events: list[Event], now: Situation, most: int) -> None:
        self.events, self.now, self.most = events, now, most
        self.goal, self.enough = most * 6 // 10, most * 85 // 100
        self.view: Numbered = [one for one in numbered(events) if not is_system(one[1])]
        self.before = self.size()
        results = [at for at, m in self.view if isinstance(m, Said) and m.role == "result"]
        last = self.view[-1][0] if self.view else 0
        self.old = results[-LAST_RESULTS] - 1 if len(results) >= LAST_RESULTS else last - 1
        self.last = last

    def size(self, *steps: Event) -> int:
        return self.now.model.count(history([*self.events, *steps]))

    def smaller_outputs(self, most: int) -> Compacted | None:
        """The gentlest cut of old outputs that is enough."""
        return self._first(most, (Compacted(cut=self.old, ends=ends) for ends in ENDS))

    def smallest_outputs(self) -> Compacted | None:
        """A cut that reaches the last results too."""
        return self._first(self.most, (Compacted(cut=self.last, ends=ends) for ends in ENDS))

    def _first(self, most: int, ways: Iterator[Compacted]) -> Compacted | None:
        return next((way for way in ways if self.size(way) <= min(most, self.before - 1)), None)

    def could_drop(self) -> int:
        """The number of the last message that a note would stand for, 0 for none."""
        return self._border(self.goal // 2)

    def _border(self, tail: int) -> int:
        """The last message before those at the end that take ``tail`` tokens or fewer.

        The very last one is always kept: it is what the model has to answer. 0: all of them fit.
        """
        first = len(self.view) - 1
        taken = self.now.model.count([self.view[first][1]]) if self.view else 0
        while first > 0 and taken <= tail:
            first -= 1
            taken += self.now.model.count([self.view[first][1]])
        if taken <= tail or len(self.view) < 2:
            return 0
        return self.view[min(first, len(self.view) - 2)][0]

    def summary(self) -> Generator[Event, None, None]:
        """Ask the model to sum up what a note would stand for; nothing where that cannot be had."""
        model, left = self.now.model, self.now.left()
        window = window_of(model) or self.before + SUMMARY
        largest = min(SUMMARY, model.max_reply, max(window // 8, 1))
        asked = self._question(window - largest - window // 50)
        if not asked:
            return
        try:
            call = reserve(left, model.count(asked), largest, model.cost)
        except Exhausted:
            return
        yield call
        yield (yield from self._answer(asked, call, left.seconds))

    def _answer(
        self, asked: Sequence[Said | Replied], call: Reserved, seconds: float
    ) -> Generator[Event, None, Summarised]:
        reply = self.now.model.reply(asked, max_tokens=call.completion, seconds=seconds)
        while True:
            try:
                event = next(reply)
                if isinstance(event, Retrying | Notice):
                    yield event
            except StopIteration as end:
                got: Replied = end.value
                return Summarised(got.text, got.usage, got.finish, got.detail, got.seconds)
            except ModelError as error:  # It used nothing; the shortening goes on without.
                return Summarised("", finish="failed", detail=error.message)

    def _question(self, most: int) -> list[Said | Replied]:
        """The request for a summary, in ``most`` tokens; empty where not even that can be."""
        old = [message for at, message in self.view if at <= self.could_drop()]
        for ends in _PER_MESSAGE:
            asked = _asked("\n\n".join(_lines(old, ends)))
            if self.now.model.count(asked) <= most:
                return asked
        text = "\n\n".join(_lines(old, _PER_MESSAGE[-1]))
        while len(text) > 400:  # So many messages that even their beginnings are too much.
            text = middle_cut(text, len(text) // 4)
            if self.now.model.count(asked := _asked(text)) <= most:
                return asked
        return []

    def with_note(self, summary: str) -> Compacted | None:
        """The note and the cuts that bring most over and still fit."""
        note = Note(self.events, self.now.check, self.now.left(), self.now.read)
        quarter = self.goal // 4
        tails = (self.goal // 2, self.goal // 4, 0)
        for tail, most in zip(tails, (self.goal, self.goal, self.most), strict=True):
            border = self._border(tail)
            if not border:
                continue
            for files in (quarter, 0):
                text = note.text(border, summary, files * 3, quarter * 3)
                way = Compacted(text, border, border, ENDS[-1])
                if self.size(way) <= most:
                    return way
        text = note.text(border := self._border(0), summary, 0, 0)
        way = Compacted(text, border, self.last)
        short = replace(way, note=note.text(border, "", 0, 0))
        ways = [replace(one, ends=ends) for one in (way, short) for ends in ENDS]
        return self._first(self.most, iter(ways)) or self.smallest_outputs()

    def told(self, way: Compacted) -> Compacted:
        """The same, with what the user is told."""
        steps = []
        if way.dropped:
            count = sum(at <= way.dropped for at, _ in self.view)
            steps.append(f"a note in place of the first {count} messages")
        if way.cut > way.dropped:
            steps.append(f"older outputs cut to {way.ends} characters at each end")
        sizes = f"about {self.before:,} tokens became {self.size(way):,}"
        return replace(way, detail=f"{sizes}: {', '.join(steps)}")


def _asked(transcript: str) -> list[Said | Replied]:
    words = prompt("compact_ask", transcript=quoted(transcript), words=str(SUMMARY // 2))
    return [Said(prompt("compact_system"), "system"), Said(words)]


def _lines(old: Sequence[Said | Replied], ends: int) -> Iterator[str]:
    for message in old:
        who = message.role if isinstance(message, Said) else "assistant"
        yield f"[{who}]\n{middle_cut(message.text, ends)}"
