"""Edits: what is read, where it is put, what stays as it was, what is refused and why."""

import difflib

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from assistant.code.edits import (
    Edit,
    EditError,
    Note,
    apply_edit,
    named_edits,
    parse_edit,
    parse_edits,
)


def section(old: str, new: str) -> str:
    return f"<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n"


def applied(original: str, code: str) -> str:
    result = apply_edit(original, parse_edit(code))
    assert result.notes == ()
    return result.text


def fault(original: str, code: str) -> EditError:
    with pytest.raises(EditError) as raised:
        apply_edit(original, parse_edit(code))
    return raised.value


def malformed(code: str) -> EditError:
    with pytest.raises(EditError) as raised:
        parse_edits(code)
    assert raised.value.fault == "malformed"
    assert raised.value.message.startswith(f"line {raised.value.line} of the edit: ")
    return raised.value


def unified(a: str, b: str, context: int = 3) -> str:
    """The diff as GNU diff writes it."""
    pieces = []
    for text in (a, b):
        lines = [line + "\n" for line in text.split("\n")]
        lines[-1] = lines[-1][:-1]
        pieces.append(lines if lines[-1] else lines[:-1])
    diff = difflib.unified_diff(pieces[0], pieces[1], "a/x.py", "b/x.py", n=context)
    no_end = "\n\\ No newline at end of file\n"
    return "".join(line if line.endswith("\n") else line + no_end for line in diff)


def with_search(a: str, b: str) -> str:
    """The smallest sections that are found once, one for each place that differs."""
    old, new = a.splitlines(keepends=True), b.splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    groups = [(g[0][1], g[-1][2], g[0][3], g[-1][4]) for g in matcher.get_grouped_opcodes(1)]
    return "".join(section("".join(old[i:j]), "".join(new[k:m])) for i, j, k, m in groups)


LINES = [
    "a",
    "b",
    "",
    "  a",
    "\ta",
    "-- a",
    "++ b",
    "@@ x",
    "--- q",
    "+++ z",
    "x = 1",
    "\x0c",
    "é ",
]
texts = st.builds(
    lambda lines, end: "\n".join(lines) + end if lines else "",
    st.lists(st.sampled_from(LINES), max_size=12),
    st.sampled_from(["", "\n"]),
)


class TestRoundTrips:
    @given(texts, texts, st.sampled_from([0, 1, 3]))
    @settings(max_examples=500, deadline=None)
    @example("x\n-- a\n", "x\n++ b\n--- q\n", 3)
    @example("a", "a\n", 3)
    @example("a\n", "a", 3)
    @example("a\n", "", 3)
    def test_a_diff_makes_the_one_text_the_other(self, a: str, b: str, context: int) -> None:
        assume(a != b)
        edit = parse_edit(unified(a, b, context))
        assert edit.path == "x.py"
        assert apply_edit(a, edit).text == b

    @given(texts, texts)
    @settings(max_examples=300, deadline=None)
    def test_line_ends_and_a_mark_at_the_start_stay(self, a: str, b: str) -> None:
        assume(a != b and "\n" in a)
        edit = parse_edit(unified(a, b))
        found = apply_edit("\ufeff" + a.replace("\n", "\r\n"), edit).text
        assert found == "\ufeff" + b.replace("\n", "\r\n")

    @given(st.permutations([f"line {n}" for n in range(12)]), st.data())
    @settings(max_examples=200, deadline=None)
    def test_sections_make_the_one_text_the_other(
        self, lines: list[str], data: st.DataObject
    ) -> None:
        a = "".join(f"{line}\n" for line in lines)
        kept = data.draw(st.lists(st.sampled_from([*lines, "new", ""]), min_size=1, max_size=12))
        b = "".join(f"{line}\n" for line in kept)
        assume(a != b)
        assert applied(a, with_search(a, b)) == b

    @given(
        st.lists(st.sampled_from(["\n", "\r\n"]), min_size=6, max_size=6),
        st.integers(0, 5),
        st.booleans(),
    )
    def test_outside_the_change_every_character_stays(
        self, ends: list[str], at: int, bare: bool
    ) -> None:
        lines = [f"line {n} \t{end}" for n, end in enumerate(ends)]
        if bare:
            lines[-1] = lines[-1].rstrip("\r\n")
        original = "\ufeff" + "".join(lines)
        found = applied(original, section(f"line {at} \t\n", "new\n"))
        before, after = "\ufeff" + "".join(lines[:at]), "".join(lines[at + 1 :])
        assert found.startswith(before)
        assert found.endswith(after)
        changed = found[len(before) : len(found) - len(after)]
        assert changed == "new" + lines[at][len("line 0 \t") :]

    def test_lines_that_both_halves_share_are_not_touched(self) -> None:
        original = "a\r\nb\nc\r\n"
        assert applied(original, section("a\nb\nc\n", "A\nb\nC\n")) == "A\r\nb\nC\r\n"


class TestMissingLastLineEnd:
    def test_stays_missing(self) -> None:
        assert applied("a\nb", section("b\n", "c\n")) == "a\nc"
        assert applied("a\nb", section("b\n", "b\nc\n")) == "a\nb\nc"
        assert applied("a\nb", "@@ -1,2 +1,3 @@\n a\n b\n+c\n") == "a\nb\nc"
        assert applied("a\r\nb", section("b\n", "b\nc\n")) == "a\r\nb\r\nc"

    def test_a_diff_can_say_otherwise(self) -> None:
        assert applied("a", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n") == "a\n"
        assert applied("a\n", "@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n") == "a"

    def test_what_stays_keeps_its_own(self) -> None:
        assert applied("a\nb", section("a\nb\n", "a\n")) == "a\n"


class TestPlaces:
    def test_several_sections_in_any_order(self) -> None:
        code = section("c\n", "C\n") + "\n" + section("a\n", "A\n")
        assert applied("a\nb\nc\n", code) == "A\nb\nC\n"

    def test_the_numbers_of_a_diff_are_hints(self) -> None:
        original = "".join(f"{n}\n" for n in range(30))
        diff = "--- a/x\n+++ b/x\n@@ -1,9 +77,2 @@ def f():\n 20\n-21\n+x\n 22\n"
        assert applied(original, diff) == original.replace("21\n", "x\n")
        assert applied(original, "@@ ... @@\n 20\n-21\n+x\n") == original.replace("21\n", "x\n")

    def test_a_right_number_decides_between_places(self) -> None:
        original = "a\nx\na\nx\na\nx\n"
        assert applied(original, "@@ -3,2 +3,2 @@\n a\n-x\n+y\n") == "a\nx\na\ny\na\nx\n"
        error = fault(original, "@@ -9,2 +9,2 @@\n a\n-x\n+y\n")
        assert (error.fault, error.places) == ("ambiguous", (1, 3, 5))

    def test_the_numbers_of_later_hunks_move_with_the_text(self) -> None:
        original = "a\n" * 6
        code = "@@ -1 +1,3 @@\n+x\n+y\n a\n@@ -4 +6 @@\n-a\n+b\n"
        assert applied(original, code) == "x\ny\na\na\na\nb\na\na\n"

    def test_a_text_that_is_there_twice(self) -> None:
        error = fault("a\nb\na\nb\n", section("a\n", "c\n"))
        assert (error.fault, error.line, error.places) == ("ambiguous", 1, (1, 3))

    def test_a_text_that_is_not_there(self) -> None:
        original = "".join(f"line {n}\n" for n in range(50))
        error = fault(original, section("line 30\nline 31!\n", "x\n"))
        assert (error.fault, error.line) == ("not-found", 1)
        assert (32, "line 31") in error.nearest
        assert len(error.nearest) <= 15
        error = fault(original, section("lime 37\n", "x\n"))
        assert (38, "line 37") in error.nearest
        assert fault(original, section("§§§§\n", "x\n")).nearest == ()
        assert fault("", section("a\n", "x\n")).nearest == ()

    def test_nothing_to_find(self) -> None:
        result = apply_edit("a\nb\n", parse_edit("@@ -1,0 +2 @@\n+x\n"))
        assert result.text == "a\nx\nb\n"
        assert result.notes == (Note("number", 1, 1, 1),)
        assert fault("a\n", "@@ -9,0 +9 @@\n+x\n").fault == "no-place"
        assert fault("a\n", "@@ @@\n+x\n").fault == "no-place"

    def test_an_error_leaves_the_first_section_unapplied(self) -> None:
        error = fault("a\nb\n", section("a\n", "A\n") + section("c\n", "C\n"))
        assert error.line == 6


class TestWhiteSpace:
    """What matches in all but its white space is applied, and told."""

    def test_at_line_ends(self) -> None:
        result = apply_edit("a  \nb\t\nc\n", parse_edit(section("a\nb\n", "a\nB\n")))
        assert result.text == "a  \nB\nc\n"
        assert result.notes == (Note("spaces", 1, 1, 2),)

    def test_exactly_wins(self) -> None:
        assert applied("a \na\n", section("a\n", "b\n")) == "a \nb\n"

    @pytest.mark.parametrize(
        ("original", "old", "new", "expected"),
        [
            ("    if a:\n        b\n", "if a:\n    b\n", "if a:\n    c\n\n    d\n",
             "    if a:\n        c\n\n        d\n"),
            ("if a:\n    b\n", "  if a:\n      b\n", "  if a:\n      c\n", "if a:\n    c\n"),
            ("if a:\n\tb\n", "if a:\n    b\n", "if a:\n    if c:\n        d\n",
             "if a:\n\tif c:\n\t\td\n"),
            ("if a:\n    b\n", "if a:\n\tb\n", "if a:\n\tif c:\n\t\td\n",
             "if a:\n    if c:\n        d\n"),
        ],
    )  # fmt: skip
    def test_an_indent_that_is_shifted(
        self, original: str, old: str, new: str, expected: str
    ) -> None:
        result = apply_edit(original, parse_edit(section(old, new)))
        assert result.text == expected
        assert [note.kind for note in result.notes] == ["spaces"]

    def test_indents_that_no_shift_explains(self) -> None:
        error = fault("if a:\n   b\n  c\n", section("if a:\n  b\n  c\n", "x\n"))
        assert error.fault == "not-found"

    def test_blank_lines_around(self) -> None:
        result = apply_edit("a\nb\nc\n", parse_edit(section("\nb\n\n", "\nB\n\n")))
        assert result.text == "a\nB\nc\n"
        assert result.notes == (Note("spaces", 1, 2, 2),)

    def test_white_space_inside_a_line_counts(self) -> None:
        assert fault("a  b\n", section("a b\n", "x\n")).fault == "not-found"

    def test_a_blank_line_of_a_diff_may_lack_its_blank(self) -> None:
        assert applied("a\n\nb\n", "@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n\n") == "a\n\nc\n"


class TestFiles:
    def test_a_new_file(self) -> None:
        edit = parse_edit(section("", "a\nb\n"))
        assert edit.create
        assert apply_edit("", edit).text == "a\nb\n"
        edit = parse_edit("--- /dev/null\n+++ b/x.py\n@@ -0,0 +1,2 @@\n+a\n+b\n")
        assert (edit.create, edit.path) == (True, "x.py")
        assert apply_edit("", edit).text == "a\nb\n"
        error = fault("old\n", section("", "a\n"))
        assert error.fault == "exists"

    def test_a_file_that_goes(self) -> None:
        code = "--- a/x.py\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-a\n-b\n"
        edit = parse_edit(code)
        assert (edit.delete, edit.path) == (True, "x.py")
        assert apply_edit("a\nb\n", edit).text == ""
        assert fault("a\nb\nc\n", code).fault == "leftover"
        edit = parse_edit("diff --git a/x b/x\ndeleted file mode 100644\nindex 1..0\n")
        assert edit == Edit("x", (), delete=True)

    def test_several_files_in_a_diff(self) -> None:
        code = (
            "diff --git a/one.py b/one.py\nindex 1..2 100644\n--- a/one.py\n+++ b/one.py\n"
            "@@ -1 +1 @@\n-a\n+b\n\n"
            "--- two.py\t2026-01-01\n+++ two.py\t2026-01-02\n@@ -1,9 +1,9 @@\n-a\n+b\n"
            "diff --git a/three b/three\nnew file mode 100644\n"
            'diff --git a/4 b/4\n--- "a/\\303\\251.py"\n+++ "b/\\303\\251.py"\n@@ @@\n-a\n+b\n'
        )
        edits = parse_edits(code)
        assert [edit.path for edit in edits] == ["one.py", "two.py", "three", "é.py"]
        assert [len(edit.hunks) for edit in edits] == [1, 1, 0, 1]
        assert edits[2].create
        with pytest.raises(EditError, match="4 files"):
            parse_edit(code)

    def test_several_files_in_sections(self) -> None:
        code = "a.py\n" + section("a\n", "b\n") + "`lib/b.py`:\n" + section("c\n", "d\n")
        code += section("e\n", "f\n") + "a.py\n" + section("g\n", "h\n")
        edits = parse_edits(code)
        assert [(edit.path, len(edit.hunks)) for edit in edits] == [("a.py", 2), ("lib/b.py", 2)]
        assert apply_edit("a\ng\n", edits[0]).text == "b\nh\n"


class TestNames:
    def test_the_fence_line_names_a_single_file(self) -> None:
        (edit,) = named_edits("--- old.py\n+++ old.py\n@@ @@\n-a\n+b\n", "src/x.py")
        assert edit.path == "src/x.py"
        (edit,) = named_edits("--- a/x.py\n+++ b/x.py\n@@ @@\n-a\n+b\n", None)
        assert edit.path == "x.py"

    def test_of_several_each_has_its_own(self) -> None:
        code = section("a\n", "b\n") + "y.py\n" + section("c\n", "d\n")
        assert [edit.path for edit in named_edits(code, "x.py")] == ["x.py", "y.py"]

    def test_a_file_without_a_name(self) -> None:
        with pytest.raises(EditError, match="no file is named"):
            named_edits(section("a\n", "b\n"), None)


@pytest.mark.parametrize(
    ("code", "line", "reason"),
    [
        ("", 1, "neither"),
        ("x = 1\n", 1, "neither"),
        ("<<<<<<< SEARCH\na\n", 1, "no ======="),
        ("<<<<<<< SEARCH\na\n=======\nb\n", 1, "no >>>>>>> REPLACE"),
        ("<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n", 3, "without ======="),
        ("<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE\n", 5, "a second ======="),
        ("<<<<<<< SEARCH\na\n<<<<<<< SEARCH\n", 3, "inside the section of line 1"),
        ("<<<<<<< SEARCH\na\n=======\na\n>>>>>>> REPLACE\n", 1, "changes nothing"),
        ("<<<<<< SEARCH\na\n======\nb\n>>>>>> REPLACE\n", 1, "expected <<<<<<< SEARCH"),
        ("<<<<<<< HEAD\na\n=======\nb\n>>>>>>> main\n", 1, "expected <<<<<<< SEARCH"),
        (section("a\n", "b\n") + "and then\n", 6, "expected <<<<<<< SEARCH"),
        (section("a\n", "b\n") + "x.py\n", 6, "without a section"),
        (section("a\n", "b\n") + section("", "b\n"), 6, "nothing to search for"),
        ("--- a/x\n+++ b/x\n", 1, "no hunk"),
        ("--- a/x\n+++ b/y\n@@ @@\n-a\n+b\n", 1, "the names differ"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n a\n", 3, "changes nothing"),
        ("@@ -1 +1 @@\n-a\n+b\nstray\n", 4, "begins with a blank"),
        ("--- a/x\n+++ b/x\n-a\n+b\n", 1, "no hunk"),
        ("diff --git a/x b/x\nHere it is:\n", 2, "no part of a diff"),
        ("diff --git a/x b/y\nrename from x\nrename to y\n", 2, "cannot rename"),
        ("diff --git a/x b/x\nBinary files a/x and b/x differ\n", 2, "binary"),
        ("--- /dev/null\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", 3, "creates a file"),
        ("--- a/x\n+++ /dev/null\n@@ -1 +1 @@\n-a\n+b\n", 3, "deletes a file"),
        ("--- /dev/null\n+++ /dev/null\n@@ @@\n+a\n", 1, "no file is named"),
    ],
)
def test_what_cannot_be_read(code: str, line: int, reason: str) -> None:
    error = malformed(code)
    assert (error.line, reason in error.reason) == (line, True), error


MARKS = ["<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "@@"]
MARKS += ["-a", "+b", " a", "", "a", "x.py", "\\ No newline", "diff --git a/x b/x", "--- /dev/null"]


@given(st.lists(st.sampled_from(MARKS), max_size=12).map("\n".join), texts)
@settings(max_examples=500, deadline=None)
def test_any_edit_is_applied_or_refused(code: str, original: str) -> None:
    line = 1
    try:
        for edit in parse_edits(code):
            apply_edit(original, edit)
    except EditError as error:
        line = error.line
    assert 1 <= line <= code.count("\n") + 1


def test_large_files_of_equal_lines_take_no_square_time() -> None:
    original = "a\n" * 50_000
    assert fault(original, section("a\n" * 20_000 + "b\n", "c\n")).fault == "not-found"
    assert fault(original, section("a\n" * 20_000, "c\n")).fault == "ambiguous"


@pytest.mark.parametrize("size", [3, 600])
def test_halves_of_any_size_keep_what_they_share(size: int) -> None:
    lines = [f"{n}\r\n" for n in range(size)]
    old, new = "".join(lines).replace("\r", ""), ["x\n", *lines[1:-1], "y\n", "z\n"]
    for given_new in (new, [*new, "0\n"], [lines[0], *new], [*new, lines[-1]], lines[1:]):
        text = "".join(given_new).replace("\r", "")
        assert applied("".join(lines), section(old, text)) == text.replace("\n", "\r\n")
