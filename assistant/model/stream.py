"""The chunks of a streamed reply put together: text, reasoning, usage and how it ended."""

from collections.abc import Iterator
from typing import Any, Literal

from assistant.events import Chunk, Finish
from assistant.redact import Redactor

Kind = Literal["text", "reasoning"]

OPEN, CLOSE = "<think>", "</think>"
_START_LIMIT = 1000

_FINISHES: dict[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "content_filter": "filtered",
}


def finish_of(reason: str) -> tuple[Finish, str]:
    """Our word for a server's finish reason, and why where it did not simply stop."""
    finish = _FINISHES.get(reason, "broken")
    detail = {
        "stop": "",
        "length": "the reply reached its length limit",
        "filtered": "the server's content filter cut the reply",
        "broken": f"the server ended the reply with {reason!r}",
    }[finish]
    if reason in ("tool_calls", "function_call"):
        detail = "the model called a tool, though none was offered"
    return finish, detail


def whole(text: str) -> str:
    """The text as UTF-8 can hold it: surrogate pairs joined, lone surrogates made U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class Channel:
    """One kind of text as it comes: whole characters only, secrets hidden, pieces kept once."""

    def __init__(self, redactor: Redactor) -> None:
        self._redacted = redactor.stream()
        self._half = ""
        self._parts: list[str] = []
        self.size = 0
        self.repaired = False

    def add(self, piece: str) -> str:
        """What of ``piece`` (and of what was held back) can be shown now."""
        if self._half or not piece.isascii():
            piece = self._mended(self._half + piece)
        return self._kept(self._redacted.feed(piece))

    def _mended(self, piece: str) -> str:
        self._half = piece[-1] if "\ud800" <= piece[-1] <= "\udbff" else ""
        if self._half:  # The other half of the character may come with the next piece.
            piece = piece[:-1]
        mended = whole(piece)
        self.repaired |= mended.count("\ufffd") > piece.count("\ufffd")
        return mended

    def _kept(self, piece: str) -> str:
        if piece:
            self._parts.append(piece)
            self.size += len(piece)
        return piece

    def rest(self) -> str:
        """What was held back until the end."""
        last = "\ufffd" if self._half else ""
        self.repaired |= bool(last)
        self._half = ""
        return self._kept(self._redacted.feed(last) + self._redacted.close())

    def __str__(self) -> str:
        return "".join(self._parts)


def _overlap(piece: str, word: str) -> int:
    """How many characters at the end of ``piece`` could be the beginning of ``word``."""
    longest = min(len(word) - 1, len(piece))
    return next((n for n in range(longest, 0, -1) if piece.endswith(word[:n])), 0)


class Splitter:
    """Tells a leading ``<think>`` block from the text after it, however the pieces are cut."""

    def __init__(self) -> None:
        self._state: Literal["start", "think", "after", "text"] = "start"
        self._held = ""

    @property
    def done(self) -> bool:
        """Everything from here on is text."""
        return self._state == "text"

    def split(self, piece: str) -> Iterator[tuple[Kind, str]]:
        if self.done:
            yield "text", piece
            return
        piece, self._held = self._held + piece, ""
        if self._state == "start":
            begun = piece.lstrip()
            if len(begun) < len(OPEN) and OPEN.startswith(begun) and len(piece) < _START_LIMIT:
                self._held = piece
                return
            self._state = "think" if begun.startswith(OPEN) else "text"
            piece = begun.removeprefix(OPEN) if self._state == "think" else piece
        if self._state == "think":
            thought, closed, piece = piece.partition(CLOSE)
            if closed:
                self._state = "after"
            elif begun_close := _overlap(thought, CLOSE):
                self._held = thought[-begun_close:]
                thought = thought[:-begun_close]
            yield "reasoning", thought
        if self._state == "after":
            piece = piece.lstrip()
            self._state = "text" if piece else "after"
        yield "text", piece

    def rest(self) -> tuple[Kind, str]:
        """What was held back until the end."""
        held, self._held = self._held, ""
        return ("reasoning" if self._state == "think" else "text"), held


class Reading:
    """A reply while it comes. ``feed`` takes the chunks of Chat Completions as the SDK gives them.

    Chunks are hostile: fields may be missing or of another type, and are then passed over.
    """

    def __init__(self, redactor: Redactor) -> None:
        self.text = Channel(redactor)
        self.reasoning = Channel(redactor)
        self.usage: Any = None
        self.asked = False
        """A server may have begun to answer, and to charge for it."""
        self.chunks = 0
        self.reason = ""
        """The server's finish reason."""
        self.refused = False
        self.answered = False
        """A choice came, be it an empty one."""
        self._splitter = Splitter()
        self._shown = redactor.patterns

    def feed(self, chunk: Any) -> Iterator[Chunk]:
        """The pieces that this chunk adds, ready to be shown."""
        self.chunks += 1
        self.usage = getattr(chunk, "usage", None) or self.usage
        choices = getattr(chunk, "choices", None)
        if not isinstance(choices, list) or not choices:
            return
        choice = choices[0]
        reason = getattr(choice, "finish_reason", None)
        if isinstance(reason, str) and reason:
            self.reason = reason
        delta = getattr(choice, "delta", None)
        if delta is None:
            return
        self.answered = True
        if extra := getattr(delta, "model_extra", None):
            thought = extra.get("reasoning_content") or extra.get("reasoning")
            if isinstance(thought, str):
                yield from self._add("reasoning", thought)
        content = getattr(delta, "content", None)
        if content and type(content) is str and self._splitter.done:  # Nearly always.
            if shown := self.text.add(content):
                yield Chunk(shown)
        elif content:
            for kind, piece in self._split(content):
                yield from self._add(kind, piece)
        refusal = getattr(delta, "refusal", None)
        if refusal and isinstance(refusal, str):
            self.refused = True
            yield from self._add("text", refusal)

    def _split(self, content: object) -> Iterator[tuple[Kind, str]]:
        if isinstance(content, str):
            yield from self._splitter.split(content)
        elif isinstance(content, list):  # Some servers stream a list of typed parts.
            for part in content:
                if isinstance(part, dict) and isinstance(part.get("text"), str):
                    yield "text", part["text"]

    def _add(self, kind: Kind, piece: str) -> Iterator[Chunk]:
        shown = (self.text if kind == "text" else self.reasoning).add(piece) if piece else ""
        if shown:
            yield Chunk(shown, kind)

    def rest(self) -> Iterator[Chunk]:
        """The pieces that were held back; to be called once, at the end."""
        yield from self._add(*self._splitter.rest())
        if thought := self.reasoning.rest():
            yield Chunk(thought, "reasoning")
        if text := self.text.rest():
            yield Chunk(text)

    @property
    def size(self) -> int:
        """Characters so far, reasoning included."""
        return self.text.size + self.reasoning.size

    @property
    def repaired(self) -> bool:
        """Something in it was no Unicode."""
        return self.text.repaired or self.reasoning.repaired

    def ending(self) -> tuple[Finish, str]:
        """How a stream that reached its end did end."""
        if self.refused:
            return "refused", "the model refused"
        if self.reason:
            return finish_of(self._shown(self.reason[:1000])[:40])
        if not self.answered:
            return "broken", "the server sent a reply without choices"
        return "broken", "the stream ended before the reply was finished"
