"""Prices: the user's table first, then the shipped one, and never a 0 for "unknown"."""

from decimal import Decimal
from pathlib import Path

import pytest

from assistant.events import UsageError
from assistant.model.prices import Price, Prices, load_table

OPENAI = "https://api.openai.com/v1"
LOCAL = "http://127.0.0.1:11434/v1"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(
        """
["gpt-4o"]
input = 1.1
output = 2
cached = 0.5
window = 1000
max_output = 100

["llama*"]
input = 0
output = 0
window = 32768

["half"]
input = 1
"""
    )
    return path


def test_the_users_table_wins(table: Path) -> None:
    prices = Prices("gpt-4o", OPENAI, table)
    assert prices.cost(1_000_000, 1_000_000) == Decimal("3.1")
    assert prices.cost(1_000_000, 0, cached=400_000) == Decimal("0.86")
    assert (prices.window, prices.max_output) == (1000, 100)


def test_wildcards_and_free_models(table: Path) -> None:
    prices = Prices("llama3.2:8b", LOCAL, table)
    assert prices.cost(10**6, 10**6) == 0
    assert prices.window == 32768
    assert prices.max_output is None


def test_what_the_table_leaves_out_is_looked_up(table: Path) -> None:
    assert Prices("half", LOCAL, table).cost(1, 1) is None
    assert Prices("gpt-4o-mini", OPENAI, table).cost(1_000_000, 0) == Decimal("0.15")


def test_the_shipped_table() -> None:
    prices = Prices("gpt-4o", OPENAI)
    assert prices.cost(1_000_000, 100_000) == Decimal("3.5")
    assert prices.cost(1_000_000, 0, cached=1_000_000) == Decimal("1.25")
    assert prices.cost(1_000_000, 0, cached=2_000_000) == Decimal("1.25")
    assert prices.window == 128_000
    assert Prices("gpt-4o", OPENAI).cost(0, 0) == 0


@pytest.mark.parametrize(
    ("model", "url"),
    [("no-such-model", OPENAI), ("gpt-4o", LOCAL), ("gpt-oss:20b", LOCAL), ("m", "http://x/v1")],
)
def test_unknown_is_none(model: str, url: str) -> None:
    prices = Prices(model, url)
    assert prices.cost(1000, 1000) is None
    assert prices.window is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = [", "no TOML"),
        ("gpt = 3", "a table is needed"),
        ("[m]\ninptu = 3", "Did you mean 'input'"),
        ("[m]\nzzz = 3", "Known: input"),
        ("[m]\ninput = -1", "dollars"),
        ("[m]\ninput = nan", "dollars"),
        ("[m]\ninput = inf", "dollars"),
        ("[m]\ninput = true", "dollars"),
        ('[m]\ninput = "1"', "dollars"),
        ("[m]\nwindow = 0", "whole number"),
        ("[m]\nwindow = 1.5", "whole number"),
    ],
)
def test_a_wrong_table_says_what_and_where(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_table(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_table_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        Prices("m", LOCAL, tmp_path / "none.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\0")
    with pytest.raises(UsageError, match="no UTF-8"):
        load_table(binary)
    with pytest.raises(UsageError, match="directory"):
        load_table(tmp_path)


def test_exact_names_win_over_wildcards(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text('["*"]\ninput = 1\noutput = 1\n["a"]\ninput = 2\noutput = 2\n')
    assert load_table(path)["a"] == Price(Decimal(2), Decimal(2))
    assert Prices("a", LOCAL, path).cost(10**6, 0) == 2
    assert Prices("b", LOCAL, path).cost(10**6, 0) == 1
