"""The lines of a text are the same in whatever pieces it comes."""

from hypothesis import given
from hypothesis import strategies as st

from assistant.terminal.line_pieces import LinePieces


@given(st.lists(st.text("ab\n", max_size=6)))
def test_the_pieces_make_the_lines_of_the_whole(pieces: list[str]) -> None:
    unfinished = LinePieces()
    lines: list[str] = []
    for piece in pieces:
        lines += unfinished.feed(piece)
    *whole, last = "".join(pieces).split("\n")
    assert lines == whole
    assert unfinished.end(3) == last[-3:]
    assert unfinished.close() == ([last] if last else [])
    assert unfinished.close() == []
