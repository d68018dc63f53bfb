"""Replies as they stream: final rows, the same however the text was cut."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assistant.terminal.markdown import Markdown, Rows
from assistant.terminal.sanitize import visible
from assistant.terminal.theme import plain
from tests.timing import least

DOCUMENT = """\
# The title

A paragraph with **bold**, `code` and a [link](http://x.y) that is long enough to be wrapped.
Second line.


- one item that is long enough to be wrapped somewhere
  - nested
- [x] done
1. first

> quoted *words*

| Name | Size |
|------|-----:|
| a | 1 |
| bb | 22 |

***

```python
def f():
    \"\"\"doc
    string\"\"\"

    return 1
```
The end.
"""


def rendered(text: str, columns: int = 40, step: int = 10**9, *, draw: bool = True) -> Rows:
    stream = Markdown(lambda: columns, visible)
    rows: Rows = []
    for at in range(0, len(text), step):
        rows.extend(stream.feed(text[at : at + step]))
        preview = stream.preview()
        if draw:
            preview()
    return [*rows, *stream.close()]


def lines(text: str, columns: int = 40) -> list[str]:
    return [line.rstrip() for line in plain(rendered(text, columns))]


def test_a_document() -> None:
    assert lines(DOCUMENT) == [
        "The title",
        "",
        "A paragraph with bold, code and a link",
        "(http://x.y) that is long enough to be",
        "wrapped.",
        "Second line.",
        "",
        "• one item that is long enough to be",
        "  wrapped somewhere",
        "  • nested",
        "• ☑ done",
        "1. first",
        "",
        "│ quoted words",
        "",
        "Name │ Size",
        "─────┼─────",
        "a    │    1",
        "bb   │   22",
        "",
        "─" * 40,
        "",
        "```python",
        "def f():",
        '    """doc',
        '    string"""',
        "",
        "    return 1",
        "```",
        "The end.",
    ]


def test_styles() -> None:
    cells = {text: style for row in rendered(DOCUMENT) for style, text in row}
    assert cells["The title"] == "class:title"
    assert cells["bold"] == "class:strong"
    assert cells["code"] == "class:code"
    assert cells["words"] == "class:quote class:emphasis"
    assert cells["def"] == "class:keyword"
    assert cells['    string"""'] == "class:string"
    assert cells["```python"] == "class:fence"


@pytest.mark.parametrize("step", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("columns", [20, 40, 400])
def test_rows_do_not_depend_on_the_pieces(step: int, columns: int) -> None:
    assert plain(rendered(DOCUMENT, columns, step)) == plain(rendered(DOCUMENT, columns))


_PARTS = [
    "word ",
    "**",
    "*",
    "`",
    "\n",
    "\n\n",
    "```",
    "```py\n",
    "| a |",
    "|-|\n",
    "- ",
    "> ",
    "# ",
]
_PARTS += ["[x](y) ", "漢字", "    ", "\r\n", "\x1b[2J", "---\n", "1. ", "long " * 120]
_TEXTS = st.lists(st.sampled_from(_PARTS), max_size=30).map("".join)


@settings(deadline=None)
@given(_TEXTS, st.integers(1, 60), st.integers(20, 120))
@example("```" + "long " * 120 + "漢字|-|\n", 18, 53)
@example("long " * 120 + "[x](y) ```py\n", 1, 59)
def test_any_text_gives_the_same_words_however_it_is_cut(
    text: str, step: int, columns: int
) -> None:
    whole = " ".join(plain(rendered(text, columns)))
    cut = " ".join(plain(rendered(text, columns, step)))
    # The start of a long line is set before its end may turn out to be a fence's, which is set as
    # it stands: what is between the letters can differ.
    assert re.findall(r"\w", cut) == re.findall(r"\w", whole)
    assert "\x1b" not in whole
    assert re.findall(r"word|long|漢", whole) == re.findall(r"word|long|漢", text)


def test_a_long_paragraph_becomes_final_while_it_comes() -> None:
    stream = Markdown(lambda: 40, visible)
    rows = []
    for _ in range(300):
        rows.extend(stream.feed("words "))
    assert len(rows) > 20
    assert len(stream.preview()()) < 20
    rows.extend(stream.close())
    assert plain(rows) == plain(rendered("words " * 300))


def test_a_fence_may_hold_fences() -> None:
    text = "````markdown\n```py\nx\n```\n````\nafter **bold**\n"
    assert lines(text) == ["````markdown", "```py", "x", "```", "````", "after bold"]


def test_markup_in_code_is_text() -> None:
    assert lines("```\n**x** | y\n# z\n```\n") == ["```", "**x** | y", "# z", "```"]


def test_a_fence_that_is_never_closed_ends_with_the_reply() -> None:
    stream = Markdown(lambda: 40, visible)
    rows = stream.feed("```python\nx = 1")
    rows += stream.close()
    rows += stream.feed("**bold**\n")
    assert plain(rows) == ["```python", "x = 1", "bold"]


def test_tables_on_a_narrow_screen_become_lists() -> None:
    text = "| One | Two | Three | Four |\n|---|---|---|---|\n| a | b | c | d |\n"
    assert lines(text, 20) == ["One: a", "Two: b", "Three: c", "Four: d"]


def test_wide_cells_are_wrapped() -> None:
    text = "| A | B |\n|---|---|\n| x | some words that do not fit here |\n"
    assert lines(text, 20) == [
        "A │ B",
        "──┼─────────────────",
        "x │ some words that",
        "  │ do not fit here",
    ]


def test_a_lone_row_is_text() -> None:
    assert lines("| no table\nnext\n") == ["| no table", "next"]


def test_bars_in_cells() -> None:
    text = "| a | b |\n|---|---|\n| `x|y` | p\\|q |\n"
    assert lines(text)[2] == "x|y │ p|q"


def test_the_preview_shows_what_is_not_final() -> None:
    stream = Markdown(lambda: 40, visible)
    assert stream.preview()() == []
    stream.feed("some **bold** te")
    assert plain(stream.preview()()) == ["some bold te"]
    stream.feed("xt\n```python\ndef f")
    assert ("class:keyword", "def") in stream.preview()()[0]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 300_000,
        "*a " * 100_000,
        "    " + "y" * 300_000,
        "| " + "z " * 150_000,
        "```py\n" + "x = 1; " * 40_000,
        "[" * 300_000,
    ],
)
def test_a_line_without_end_takes_linear_time(text: str) -> None:
    def took(size: int) -> float:
        return least(lambda: rendered(text[:size], 80, 64, draw=False))

    took(1000)
    # Quadratic would be 64 times and more.
    assert took(len(text)) < 40 * max(took(len(text) // 8), 0.005)


def test_a_line_of_quotes_alone_is_not_drawn_quote_by_quote() -> None:
    """Every row would begin with as many bars as there are quotes: their number squared."""
    marks = Markdown(lambda: 80, lambda line: line)
    rows = [*marks.feed(">" * 20_000), *marks.feed(" text\n"), *marks.close()]
    assert sum(len(text) for row in rows for _, text in row) < 100_000
