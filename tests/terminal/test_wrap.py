"""Rows by display width."""

from hypothesis import given
from hypothesis import strategies as st

from assistant.terminal.theme import plain
from assistant.terminal.wrap import clip, fold, line_width, width, wrap


def rows(text: str, columns: int, first: str = "", rest: str = "") -> list[str]:
    return plain(wrap([("", text)], columns, [("", first)], [("", rest)]))


def test_words_are_kept_whole() -> None:
    assert rows("one two three four", 9) == ["one two", "three", "four"]


def test_hanging_indent() -> None:
    assert rows("one two three", 9, "• ", "  ") == ["• one two", "  three"]


def test_a_word_wider_than_the_screen_stays_whole() -> None:
    assert rows("see https://example.org/long/path now", 12) == [
        "see",
        "https://example.org/long/path",
        "now",
    ]


def test_wide_characters_take_two_columns_and_break_anywhere() -> None:
    assert rows("漢字漢字漢字", 5) == ["漢字", "漢字", "漢字"]
    assert width("漢字") == 4
    assert width("e\u0301") == 1


def test_a_word_may_change_its_style() -> None:
    line = [("b", "bold"), ("", "ly said")]
    assert plain(wrap(line, 7)) == ["boldly", "said"]


@given(st.text(alphabet="ab 漢é👍", max_size=60), st.integers(1, 30))
def test_no_character_is_lost_but_blanks_at_the_breaks(text: str, columns: int) -> None:
    shown = "".join(plain(wrap([("", text)], columns)))
    assert shown.replace(" ", "") == text.replace(" ", "")


@given(st.text(alphabet="ab 漢", max_size=60), st.integers(2, 30))
def test_fold_fills_rows_and_loses_nothing(text: str, columns: int) -> None:
    found = fold([("", text)], columns)
    assert "".join(plain(found)) == text
    assert all(line_width(row) <= columns for row in found)


def test_tabs_are_as_wide_as_the_terminal_sets_them() -> None:
    assert plain(fold([("", "a\tb"), ("x", "\tc")], 40)) == ["a       b       c"]


@given(st.text(alphabet="ab 漢", max_size=60), st.integers(0, 30))
def test_clip_fits(text: str, columns: int) -> None:
    clipped = clip([("a", text[:5]), ("b", text[5:])], columns)
    assert line_width(clipped) <= columns
    assert text.startswith("".join(plain([clipped])))
