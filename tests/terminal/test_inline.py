"""Markup inside a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.terminal.inline import parse, settled
from tests.timing import least


def styled(text: str) -> str:
    """The fragments in a short form: ``<strong:bold>``."""
    parts = []
    for style, piece in parse(text):
        name = style.replace("class:", "").replace(" ", "+")
        parts.append(f"<{name}:{piece}>" if name else piece)
    return "".join(parts)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a **bold** b", "a <strong:bold> b"),
        ("*it* and _em_", "<emphasis:it> and <emphasis:em>"),
        ("***both***", "<strong+emphasis:both>"),
        ("**a *b* c**", "<strong:a ><strong+emphasis:b><strong: c>"),
        ("`code **x**`", "<code:code **x**>"),
        ("`` a`b ``", "<code:a`b>"),
        ("~~gone~~", "<strike:gone>"),
        ("[t](http://x/a_(b))", "<link:t><url: (http://x/a_(b))>"),
        ("[http://x](http://x)", "<link:http://x>"),
        ("![alt](p.png)", "<link:alt><url: (p.png)>"),
        ('[t](u "title")', "<link:t><url: (u)>"),
        ("<https://a.b>", "<link:https://a.b>"),
        (r"\*no\* \`", "*no* `"),
        ("snake_case_name", "snake_case_name"),
        ("__init__ stays", "__init__ stays"),
        ("2**3 and 4**5", "2**3 and 4**5"),
        ("a * b * c", "a * b * c"),
        ("**open", "**open"),
        ("un*closed", "un*closed"),
        ("a [list] item [0](", "a [list] item [0]("),
        ("one `open tick", "one `open tick"),
    ],
)
def test_markup(text: str, shown: str) -> None:
    assert styled(text) == shown


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("one two thr", "one two "),
        ("one **two thr", "one "),
        ("one **two** thr", "one **two** "),
        ("see `co de", "see "),
        ("see [the li", "see "),
        ("word", ""),
    ],
)
def test_settled_text_cannot_be_restyled(text: str, whole: str) -> None:
    assert text[: settled(text)] == whole


@given(st.text(alphabet="ab *_`~[]()\\<>!", max_size=40))
def test_no_word_is_lost(text: str) -> None:
    shown = "".join(piece for _, piece in parse(text))
    assert [c for c in shown if c in "ab"] == [c for c in text if c in "ab"]


@given(st.text(alphabet="ab *_`~[]()\\", max_size=40), st.text(alphabet="ab *_`[]()", max_size=20))
def test_settled_holds_whatever_follows(text: str, more: str) -> None:
    cut = settled(text)
    assert _cells(text[:cut]) + _cells(text[cut:] + more) == _cells(text + more)


def _cells(text: str) -> list[tuple[str, str]]:
    return [(style, character) for style, piece in parse(text) for character in piece]


@pytest.mark.parametrize(
    "part", ["*a ", "**a *b ", '[a](b "', "`a ``b ", "_a* **b_ ", "[", "![a]("]
)
def test_hostile_markup_takes_linear_time(part: str) -> None:
    def took(count: int) -> float:
        text = part * count
        return least(lambda: parse(text))

    took(100)
    assert took(8000) < 60 * max(took(1000), 0.001)  # Quadratic would be 64 times and more.
