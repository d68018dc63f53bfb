"""What the model hears about an edit that failed or was tolerated."""

from typing import get_args

import pytest

from assistant.code.edit_reports import edit_failed, edit_notes
from assistant.code.edits import EditError, EditFault, Note, apply_edit, parse_edit


def report(original: str, code: str) -> str:
    with pytest.raises(EditError) as raised:
        apply_edit(original, parse_edit(code))
    return edit_failed(raised.value, "x.py")


def test_the_nearest_lines_are_shown_with_their_numbers() -> None:
    original = "".join(f"line {n}\n" for n in range(20))
    code = "<<<<<<< SEARCH\nline 9\nline 10!\n=======\nx\n>>>>>>> REPLACE\n"
    text = report(original, code)
    assert text.startswith("The change to x.py was not made: line 1 of the edit: the text to find")
    assert "10| line 9\n11| line 10\n" in text


def test_the_places_of_an_ambiguous_text_are_named() -> None:
    text = report("a\nb\na\n", "<<<<<<< SEARCH\na\n=======\nx\n>>>>>>> REPLACE\n")
    assert "2 times" in text
    assert "1, 3" in text


@pytest.mark.parametrize("fault", get_args(EditFault))
def test_every_fault_has_its_words(fault: EditFault) -> None:
    text = edit_failed(EditError(fault, "why", 3), "a/$x.py")
    first, advice = text.split("\n", 1)
    assert first == (
        "The change to a/$x.py was not made: line 3 of the edit: why. The file is as it was."
    )
    assert advice


def test_what_was_tolerated_is_told() -> None:
    spaces, number = edit_notes([Note("spaces", 1, 4, 6), Note("number", 9, 7, 7)], "x.py")
    assert "lines 4 to 6 of x.py" in spaces
    assert "line 7 of x.py" in number
