"""Counting: once per text, never a crash, never short of what the server counts."""

import math
import os
import threading
import time
from collections.abc import Callable

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st

from assistant.events import Replied, Said
from assistant.model.tokens import PIECE, Correction, Counter, Table, Tables, encoding_name, pieces

NEVER = 60.0


def letters() -> Table:
    """A real encoding, so small that it needs no download: one token per byte."""
    return tiktoken.Encoding(
        "letters",
        pat_str=r"\S+|\s+",
        mergeable_ranks={bytes([byte]): byte for byte in range(256)},
        special_tokens={"<|endoftext|>": 256},
    )


class Counting:
    """A table that writes down what it is asked to encode."""

    def __init__(self, fail: Callable[[str], None] = lambda text: None) -> None:
        self.asked: list[str] = []
        self._fail = fail

    def encode(self, text: str, /, *, disallowed_special: tuple[()]) -> list[int]:
        self.asked.append(text)
        self._fail(text)
        return [0] * len(text)


def counter_with(table: Table, model: str = "gpt-4o") -> Counter:
    return Counter(model, Tables(lambda name: table))


@pytest.mark.parametrize(
    ("model", "name", "sure"),
    [
        ("gpt-4o", "o200k_base", True),
        ("gpt-5.2-mini", "o200k_base", True),
        ("openai/gpt-4o", "o200k_base", True),
        ("openai/gpt-oss-20b:free", "o200k_harmony", True),
        ("gpt-4", "cl100k_base", True),
        ("gpt-6", "o200k_base", False),
        ("claude-sonnet-5", "o200k_base", False),
        ("qwen3:8b", "o200k_base", False),
        ("", "o200k_base", False),
    ],
)
def test_a_models_table(model: str, name: str, sure: bool) -> None:
    assert encoding_name(model) == (name, sure)


def test_special_tokens_in_a_text_are_text() -> None:
    assert counter_with(letters()).count_text("<|endoftext|>") == 13


def test_lone_surrogates_and_nul_are_counted() -> None:
    assert counter_with(letters()).count_text("a\ud800\0" * 100) > 0
    nothing = Counter("m", Tables(_raises(OSError())))
    assert nothing.count_text("a\ud800\0") == 2


def test_each_message_is_counted_once() -> None:
    table = Counting()
    counter = counter_with(table)
    history: list[Said | Replied] = [Said("s" * 500, "system"), Said("u" * 400), Replied("r" * 300)]
    first = counter.count(history)
    assert first == 3 + 3 * 4 + 1200
    assert counter.count([*history, Said("v" * 100)]) == first + 104
    assert [len(text) for text in table.asked] == [500, 400, 300, 100]


def test_long_texts_are_counted_in_pieces() -> None:
    table = Counting()
    assert counter_with(table).count_text("x" * (2 * PIECE + 5)) == 2 * PIECE + 5
    assert [len(text) for text in table.asked] == [PIECE, PIECE, 5]


@given(st.text(alphabet="ab\n", max_size=300))
def test_pieces_add_up_and_end_with_lines(text: str) -> None:
    long = text * 2000
    cut = list(pieces(long))
    assert "".join(cut) == long
    assert all(len(piece) <= PIECE for piece in cut)
    if "\n" in text:
        assert all(piece.endswith("\n") for piece in cut[:-1])


class PanicException(BaseException):
    """Named as the encoder's own, which has no public name and is no Exception either."""


def _raises(error: BaseException) -> Callable[[str], Table]:
    def load(name: str) -> Table:
        raise error

    return load


@pytest.mark.parametrize("error", [PanicException("stack"), ValueError("stack")])
def test_an_encoder_that_gives_up_is_done_without(error: BaseException) -> None:
    def fail(text: str) -> None:
        raise error

    assert counter_with(Counting(fail)).count_text("x" * 400) == 100


def test_other_interruptions_go_through() -> None:
    def fail(text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        counter_with(Counting(fail)).count_text("x" * 400)


@pytest.mark.parametrize("error", [OSError("no net"), ValueError("bad hash"), ImportError("gone")])
def test_without_a_table_bytes_are_counted_and_the_loading_is_not_repeated(
    error: Exception,
) -> None:
    loads: list[str] = []

    def load(name: str) -> Table:
        loads.append(name)
        raise error

    tables = Tables(load)
    one, other = Counter("gpt-4o", tables), Counter("claude", tables)
    assert one.count_text("x" * 400) == 100
    assert other.count_text("é" * 200) == 100
    assert one.estimated
    assert other.estimated
    assert loads == ["o200k_base"]


def test_a_table_that_does_not_come_is_not_waited_for() -> None:
    over = threading.Event()

    def load(name: str) -> Table:
        over.wait(NEVER)
        raise OSError

    began = time.monotonic()
    counter = Counter("gpt-4o", Tables(load, seconds=0.05))
    assert counter.count_text("x" * 400) == 100
    assert counter.estimated
    assert time.monotonic() - began < NEVER / 2
    over.set()


def test_a_known_model_with_its_table_is_not_estimated() -> None:
    assert not counter_with(letters()).estimated
    assert counter_with(letters(), "claude").estimated


def test_an_estimate_is_above_the_count() -> None:
    history = [Said("word " * 1000)]
    known, unknown = counter_with(letters()), counter_with(letters(), "claude")
    assert known.count(history) <= known.bound(history) <= known.count(history) + 10
    assert unknown.bound(history) > 1.1 * unknown.count(history)


@given(
    slope=st.floats(0.7, 3.5),
    offset=st.integers(0, 2000),
    sizes=st.lists(st.integers(100, 8000), min_size=2, max_size=12),
)
def test_a_growing_conversation_is_not_counted_short(
    slope: float, offset: int, sizes: list[int]
) -> None:
    """The server counts by another table and adds a template: steady, but unknown to us."""
    correction = Correction(1.15)
    ours = 50
    for prompts, size in enumerate(sizes, 1):
        correction.learn(ours, int(slope * ours + offset))
        ours += size
        if prompts >= 2:
            assert correction.corrected(ours) >= int(slope * ours + offset)


@given(slope=st.floats(0.7, 2.0), size=st.integers(0, 8000))
def test_one_long_prompt_tells_the_ratio(slope: float, size: int) -> None:
    correction = Correction(1.15)
    correction.learn(600, math.ceil(slope * 600))
    assert correction.corrected(600 + size) >= int(slope * (600 + size))


def test_a_correction_stays_close() -> None:
    correction = Correction(1.15)
    for ours in (1000, 2000, 4000, 8000):
        correction.learn(ours, int(1.3 * ours) + 300)
    expected = 1.3 * 16_000 + 300
    assert expected <= correction.corrected(16_000) <= 1.1 * expected
    assert correction.corrected(500) <= correction.corrected(2000) <= 1.3 * 8000 + 300


def test_absurd_counts_are_not_believed() -> None:
    correction = Correction()
    correction.learn(1000, 1)
    assert correction.corrected(1000) >= 500
    correction.learn(1100, 10**12)
    assert correction.corrected(1100) <= 50_000


@pytest.fixture(scope="session")
def real_tables() -> Tables:
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", "")
    if not folder or not os.listdir(folder):
        pytest.skip("needs tiktoken's tables: set TIKTOKEN_CACHE_DIR to their folder")
    return Tables(seconds=NEVER)


def test_real_counts(real_tables: Tables) -> None:
    counter = Counter("gpt-4o", real_tables)
    assert not counter.estimated
    assert counter.count_text("hello world") == 2
    assert counter.count([Said("hello world")]) == 3 + 4 + 2


@pytest.mark.parametrize("blank", [" ", "\t", "　", "\n", "a", "漢"])
def test_a_million_of_one_character_is_counted(real_tables: Tables, blank: str) -> None:
    count = Counter("gpt-4o", real_tables).count_text(blank * 1_100_000)
    assert 1000 < count <= 1_100_000
