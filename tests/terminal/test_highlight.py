"""Colours, line by line."""

import pytest

from assistant.languages import TABLE
from assistant.terminal.highlight import LONGEST, Highlighter

SAMPLES = {
    "ruby": "x = <<~EOS\nhello #{a}\nEOS\nputs x\n",
    "php": '<?php\necho "x $y";\n',
    "html": '<a href="x">\n<script>\nlet a = 1;\n</script>\n',
    "bash": "cat <<EOF\nfoo\nEOF\nls | wc\n",
    "markdown": "# A\n```py\nx=1\n```\n",
    "diff": "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n",
}
ANY = 'int main() { /* a\n b */ return "x"; }\n# c\n[x]\na: 1 = "b"\n<x y="z"> // f\n'


@pytest.mark.parametrize("name", [*TABLE, "elixir", "haskell", "nonsense", ""])
def test_no_character_is_lost_in_any_language(name: str) -> None:
    colours = Highlighter(name)
    text = SAMPLES.get(name, ANY)
    shown = ["".join(piece for _, piece in colours.line(line)) for line in text.split("\n")]
    assert shown == text.split("\n")


def test_a_string_over_several_lines_stays_a_string() -> None:
    colours = Highlighter("python")
    colours.line('text = """first')
    assert colours.line("def second():") == [("class:string", "def second():")]
    assert colours.line('"""')[0][0] == "class:string"
    assert ("class:keyword", "def") in colours.line("def third():")


def test_a_comment_over_several_lines_stays_a_comment() -> None:
    colours = Highlighter("c")
    colours.line("/* one")
    assert colours.line("int two;") == [("class:comment", "int two;")]


def test_peeking_changes_nothing() -> None:
    colours = Highlighter("py")
    colours.peek('x = """open')
    assert ("class:keyword", "def") in colours.line("def f():")


def test_long_lines_are_left_alone() -> None:
    text = "x = 1; " * LONGEST
    assert Highlighter("python").line(text) == [("", text)]
