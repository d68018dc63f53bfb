"""Counting tokens: each text once, by tiktoken where its table can be had, else by bytes."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from assistant.events import Pictured, Replied, Said

PIECE = 100_000
"""Characters encoded at once: a run of a million blanks makes the encoder panic."""
TABLE_SECONDS = 2.0
"""A table that is not there by then (it may be downloaded) is done without."""
FALLBACK = "o200k_base"
PER_MESSAGE = 4
"""Tokens the chat format adds to each message, and PER_PROMPT once, as OpenAI's models count."""
PER_PROMPT = 3
PER_PICTURE = 1_600
"""Of a thousand pixels each way, for most models; the server's own count corrects it."""
BYTES_PER_TOKEN = 4
MOST_KEPT = 100_000


class Table(Protocol):
    """The part of a tiktoken encoding that is used here."""

    def encode(self, text: str, /, *, disallowed_special: tuple[()]) -> list[int]: ...


def _tiktoken_name(model: str) -> str | None:
    from tiktoken.model import encoding_name_for_model  # Late: only who counts pays for it.

    try:
        return encoding_name_for_model(model)
    except KeyError:
        return None


def _tiktoken_table(name: str) -> Table:
    import tiktoken  # Late: see above.

    return tiktoken.get_encoding(name)


class Tables:
    """The encoding tables of this process: each is loaded once, or given up once."""

    def __init__(
        self, load: Callable[[str], Table] = _tiktoken_table, seconds: float = TABLE_SECONDS
    ) -> None:
        self._load, self._seconds = load, seconds
        self._tables: dict[str, Table | None] = {}
        self._lock = threading.Lock()

    def table(self, name: str) -> Table | None:
        """The table, or None where it could not be loaded in time; asked for once only."""
        with self._lock:
            if name not in self._tables:
                self._tables[name] = self._fetched(name)
            return self._tables[name]

    def _fetched(self, name: str) -> Table | None:
        got: list[Table] = []

        def fetch() -> None:
            # Without a network: requests' errors are OSErrors. A damaged table: ValueError.
            try:
                got.append(self._load(name))
            except (OSError, ValueError, ImportError, RuntimeError):
                return

        # A daemon, as a download behind a silent firewall may hang far beyond the deadline.
        loader = threading.Thread(target=fetch, name=f"load {name}", daemon=True)
        loader.start()
        loader.join(self._seconds)
        return got[0] if got else None


TABLES = Tables()


def encoding_name(model: str) -> tuple[str, bool]:
    """The encoding of a model and whether that is sure; ``provider/name`` and ``name:tag`` work.

    Only OpenAI's own names are sure: a model of another maker has another table.
    """
    own = model.lower().removeprefix("openai/").removeprefix("azure/").partition(":free")[0]
    name = _tiktoken_name(own)
    return (name, True) if name else (FALLBACK, False)


class Counter:
    """Counts the tokens of texts and messages for one model. Nothing is loaded until it counts."""

    def __init__(self, model: str, tables: Tables = TABLES) -> None:
        self._model, self._tables = model, tables
        self._table: Table | None = None
        self._estimated: bool | None = None
        self._counts: dict[tuple[int, int], int] = {}
        self._correction = Correction()

    @property
    def estimated(self) -> bool:
        """The counts are no more than estimates: an unknown model, or no table."""
        if self._estimated is None:
            try:
                name, sure = encoding_name(self._model)
            except ImportError:
                name, sure = FALLBACK, False
            self._table = self._tables.table(name)
            self._estimated = self._table is None or not sure
            prior = 1.0 if not self._estimated else 1.15 if self._table else 1.5
            self._correction = Correction(prior)
        return self._estimated

    def count_text(self, text: str) -> int:
        """Tokens of a text. A text is counted once; only its hash and length are remembered."""
        if len(text) < 64:
            return self._counted(text)
        key = (hash(text), len(text))
        if key not in self._counts:
            if len(self._counts) >= MOST_KEPT:
                self._counts.clear()
            self._counts[key] = self._counted(text)
        return self._counts[key]

    def _counted(self, text: str) -> int:
        if self.estimated and self._table is None:
            return by_bytes(text)
        assert self._table is not None
        try:
            return sum(
                len(self._table.encode(piece, disallowed_special=())) for piece in pieces(text)
            )
        except ValueError:
            return by_bytes(text)
        except (
            BaseException
        ) as error:  # The encoder's panic is no Exception, and has no public name.
            if type(error).__name__ != "PanicException":
                raise
            return by_bytes(text)

    def count(self, history: Sequence[Said | Replied]) -> int:
        """Tokens of a prompt by our own count, the chat format included."""
        pictures = sum(isinstance(m, Pictured) for m in history)
        texts = sum(PER_MESSAGE + self.count_text(m.text) for m in history)
        return PER_PROMPT + texts + PER_PICTURE * pictures

    def bound(self, history: Sequence[Said | Replied]) -> int:
        """Tokens that the server will count at most, going by what it counted so far."""
        estimated = self.estimated
        raw = self.count(history)
        most = self._correction.corrected(raw)
        return math.ceil(most * 1.02) + 16 if estimated else most + 8

    def learn(self, history: Sequence[Said | Replied], counted: int) -> None:
        """The server counted so many prompt tokens for this history."""
        if counted > 0:
            _ = self.estimated
            self._correction.learn(self.count(history), counted)


@dataclass
class Correction:
    """What a server's own counts teach about ours: a line through the last known prompt.

    A server's count is about ``offset + slope * ours`` (its template, another table). The slope
    is the steepest seen, so that a conversation that grows is not counted short; before two
    prompts are known it is ``prior``, or the first ratio where the prompt was long enough.
    """

    prior: float = 1.0
    _seen: list[tuple[int, int]] = field(default_factory=list)
    """(ours, the server's), the first and the last prompt."""
    _slope: float = 0.0

    def corrected(self, ours: int) -> int:
        if not self._seen:
            return math.ceil(ours * self.prior)
        (first, first_counted), (last, counted) = self._seen[0], self._seen[-1]
        slope = self._slope or self._first_slope()
        if ours >= last:
            return counted + math.ceil((ours - last) * slope)
        steepest = max(first_counted / first, counted / last, self.prior)
        least = first_counted if first > ours else 0
        return min(counted, max(math.ceil(ours * steepest), least))

    def _first_slope(self) -> float:
        ours, counted = self._seen[0]
        if ours < 500:  # Too short to tell a template's overhead from another table.
            return self.prior
        return min(max(counted / ours, self.prior), 2.0)

    def learn(self, ours: int, counted: int) -> None:
        counted = min(max(counted, ours // 2), ours * 20 + 20_000)  # Beyond that it is no count.
        if self._seen:
            last, before = self._seen[-1]
            if ours - last >= 100:
                grown = (counted - before) / (ours - last)
                self._slope = min(max(self._slope, grown * 1.05, 1.0), 4.0)
        self._seen = [self._seen[0] if self._seen else (ours, counted), (ours, counted)]


def by_bytes(text: str) -> int:
    """Tokens of a text where no table is at hand: a token is about four bytes of UTF-8."""
    return math.ceil(len(text.encode("utf-8", "surrogatepass")) / BYTES_PER_TOKEN)


def pieces(text: str) -> Iterator[str]:
    """The text in pieces of at most PIECE characters, cut after a line where there is one."""
    start = 0
    while len(text) - start > PIECE:
        end = text.rfind("\n", start, start + PIECE) + 1 or start + PIECE
        yield text[start:end]
        start = end
    yield text[start:]
