"""Whole-file answers: what stays keeps every byte; placeholders for code are found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.code.whole import left_out, whole_text
from assistant.sandbox.linediff import changed_blocks

LINES = st.lists(st.sampled_from(["a", "b", "", "  c", "d\t"]), max_size=12)
FILES = st.builds(
    lambda lines, ends, bare: (
        "".join(a + b for a, b in zip(lines, ends, strict=False)) + ("last" if bare else "")
    ),
    LINES,
    st.lists(st.sampled_from(["\n", "\r\n"]), min_size=12, max_size=12),
    st.booleans(),
)


def answer(text: str) -> str:
    """As a fence has it."""
    text = text.replace("\r\n", "\n")
    return text if text.endswith("\n") or not text else text + "\n"


@given(FILES)
def test_the_same_text_is_the_same_file(text: str) -> None:
    assert whole_text(text, answer(text), changed_blocks) == text


@given(FILES, FILES)
def test_a_new_text_has_its_lines_and_the_last_line_end_of_the_file(before: str, new: str) -> None:
    made = whole_text(before, answer(new), changed_blocks)
    bare = bool(before) and not before.endswith("\n")
    same = answer(new) == answer(before)
    expected = answer(new).removesuffix("\n") if bare and not same else answer(new)
    assert same or made.replace("\r\n", "\n") == expected
    if "\r" not in before:
        assert "\r" not in made


@pytest.mark.parametrize(
    ("before", "new", "made"),
    [
        ("a\r\nb\nc\r\nd", "a\nB\nc\nd\n", "a\r\nB\nc\r\nd"),
        ("a\r\nb\r\n", "a\nx\nb\n", "a\r\nx\r\nb\r\n"),
        ("a\nb\nc", "a\nb\n", "a\nb"),
        ("a\nb", "a\nb\nc\n", "a\nb\nc"),
        ("", "x", "x\n"),
    ],
)
def test_line_ends_are_those_of_the_file(before: str, new: str, made: str) -> None:
    assert whole_text(before, new, changed_blocks) == made


@pytest.mark.parametrize(
    "line",
    [
        "# ... rest of the code unchanged ...",
        "    # ... existing code ...",
        "// ... existing code ...",
        "/* the rest of the file stays the same */",
        "-- … other functions",
        "<!-- rest of the file unchanged -->",
    ],
)
def test_a_line_that_stands_for_code_is_found(line: str) -> None:
    assert left_out("", f"x\n{line}\n") == 2
    assert left_out(f"y\n{line}\n", f"x\n{line}\n") == 0  # The file has it itself.


@pytest.mark.parametrize(
    "line", ["...", "    ...", "x = ...  # other", "print('the rest')", "# the other one is new"]
)
def test_code_and_comments_are_not_taken_for_it(line: str) -> None:
    assert left_out("", line) == 0
