"""Styles, pastes, history."""

import stat
from pathlib import Path

import pytest

from assistant.terminal.history import FileHistory
from assistant.terminal.pastes import Pastes, tidy
from assistant.terminal.theme import theme


def test_painting() -> None:
    line = [("class:strong", "bold"), ("", " plain "), ("class:quote class:keyword", "both")]
    assert theme("dark").paint(line) == "\x1b[1mbold\x1b[0m plain \x1b[3;35mboth\x1b[0m"
    assert theme("mono").paint(line) == "\x1b[1mbold\x1b[0m plain \x1b[3;1mboth\x1b[0m"
    assert theme("text").paint(line) == "bold plain both"
    assert theme("dark").paint([("class:no-such-style", "x"), ("class:strong", "")]) == "x"


def test_which_theme() -> None:
    light, dark = theme("light"), theme("dark")
    assert theme("auto", {"COLORFGBG": "0;15"}) == light
    assert theme("auto", {"COLORFGBG": "15;default;0"}) == dark
    assert theme("auto", {}) == dark
    assert not theme("light", {"NO_COLOR": "1"}).coloured
    assert theme("auto", {"NO_COLOR": ""}).coloured


@pytest.mark.parametrize("name", ["dark", "light", "mono"])
def test_every_style_can_be_painted(name: str) -> None:
    found = theme(name)
    for style in found.styles:
        assert found.paint([(f"class:{style}", "x")]).endswith(("x", "x\x1b[0m"))


def test_mono_has_no_colour() -> None:
    found = theme("mono")
    assert "ansi" not in " ".join(found.styles.values())


def test_pastes() -> None:
    pastes = Pastes()
    assert pastes.fold("a\nb\nc") == "a\nb\nc"
    one, two = pastes.fold("x" * 5000), pastes.fold("\n" * 99)
    assert (one, two) == ("[paste 1: 1 line, about 1k tokens]", "[paste 2: 100 lines]")
    assert pastes.unfold(f"see {one} and {two}!") == f"see {'x' * 5000} and {chr(10) * 99}!"
    assert pastes.unfold("[paste 7: 3 lines]") == "[paste 7: 3 lines]"


def test_tidy() -> None:
    assert tidy("a\r\nb\rc\x00\udcff\ud800") == "a\nb\nc\ufffd\ufffd"


def test_history(tmp_path: Path) -> None:
    path = tmp_path / "new" / "history"
    history = FileHistory(path, lambda text: text.replace("secret", "[redacted]"))
    assert list(history.load_history_strings()) == []
    for text in ("one", "two\nlines\n", "+plus\n# hash", "my secret", "x" * 30_000, "\ud800"):
        history.store_string(text)
    assert list(FileHistory(path).load_history_strings()) == [
        "?",
        "my [redacted]",
        "+plus\n# hash",
        "two\nlines\n",
        "one",
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_history_that_is_damaged_or_large(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_bytes(b"\xff\xfe\n+broken \xff\n\n" + b"# x\n+entry\n\n" * 200_000)
    found = list(FileHistory(path).load_history_strings())
    assert found[0] == "entry"
    assert len(found) < 100_000
