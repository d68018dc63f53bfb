"""Hostile characters are shown; what a script or an emoji needs stays."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.terminal.sanitize import masked, one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[2J", "␛[2J"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x00\x7f\r\b", "␀␡␍␈"),
        ("\x9b2J\x85", "<U+009B>2J<U+0085>"),
        ("a\u202eb\u2066c", "a<U+202E>b<U+2066>c"),
        ("a\u200bb\ufeff", "a<U+200B>b<U+FEFF>"),
        ("\ud800", "<U+D800>"),
        ("\U000e0041", "<U+E0041>"),
        ("a\U00013437b", "a<U+13437>b"),
        ("line\u2028separator", "line<U+2028>separator"),
        ("\ufffd stays", "\ufffd stays"),
    ],
)
def test_unsafe_characters_become_symbols(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "👨\u200d👩\u200d👧 family",
        "❤\ufe0f\u200d🔥",
        "1\ufe0f\u20e3",
        "نمی\u200cخواهم",
        "क्\u200dष",
        "e\u0301 combining, 漢字, שלום",
        "🏳\ufe0f\u200d🌈",
    ],
)
def test_joiners_that_belong_stay(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\u200db", "a<U+200D>b"),
        ("a\ufe0f", "a<U+FE0F>"),
        ("👨\u200d", "👨<U+200D>"),
        ("pay\u200cpal", "pay<U+200C>pal"),
        ("😀\ufe0f\ufe0f", "😀\ufe0f<U+FE0F>"),
    ],
)
def test_joiners_that_hide_something_are_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_strict_shows_every_hidden_character() -> None:
    assert visible("a\u00a0b", strict=True) == "a<U+00A0>b"
    assert visible("👨\u200d👩", strict=True) == "👨<U+200D>👩"
    assert visible("rm\u3000-rf", strict=True) == "rm<U+3000>-rf"
    assert visible("a\u00a0b") == "a\u00a0b"


def test_masked_keeps_every_position() -> None:
    assert masked("a\x1b\u202eb") == "a\ufffd\ufffdb"


def test_one_line() -> None:
    assert one_line("two\n  lines\x1b") == "two lines␛"
    assert one_line("x" * 300, 10) == "x" * 9 + "…"


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    for shown in (visible(text), visible(text, strict=True), masked(text)):
        for character in shown:
            assert character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
            assert character not in "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2069"
    assert len(masked(text)) == len(text)
    assert visible(visible(text)) == visible(text)


@given(st.text(alphabet=st.characters(min_codepoint=0xA0)))
def test_no_format_character_is_left_by_strict(text: str) -> None:
    allowed = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
    for character in visible(text, strict=True):
        if unicodedata.category(character) == "Cf" and ord(character) < 0x10000:
            assert character in allowed
