"""The scanner against CommonMark, against itself in pieces, and on text that means it ill."""

import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from assistant.code import scanner as scanner_module
from assistant.code.fences import Fence, FenceScanner, fences

_PIECES = """
``` ```` ~~~ ~~~~ ```python ```sh·x=1 ~~~ruby·`a` `` ```a`b \\``` `c` a text x·=·1
- * + 1. 10. 2) > >· # === --- *** *·*·* -· 1.· 2)·
<!--·x --> <pre> </pre> <div> </div> <b> <a·href='x'> <?x ?> <!X <![CDATA[ ]]>
"""
PIECES = [piece.replace("·", " ") for piece in _PIECES.split()] + [" ", "  ", "    ", "\t"]

lines = st.one_of(
    st.just(""), st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
)
documents = st.lists(lines, min_size=1, max_size=14).map(lambda found: "\n".join(found) + "\n")

# Here markdown-it departs from the specification: it takes a mark that stands four columns in for
# that of a quote, and drops what a split tab leaves of a blank line.
DEPARTS = re.compile(r"(?:\t| {4})[ \t]*>|> ?\t")

MD = MarkdownIt("commonmark")


def by_markdown_it(text: str) -> list[tuple[str, str]]:
    tokens = (token for token in MD.parse(text) if token.type == "fence")
    return [(token.info.strip(), token.content.rstrip("\n")) for token in tokens]


def by_us(text: str, *, repair: bool = False) -> list[tuple[str, str]]:
    scanner = FenceScanner(repair=repair)
    found = scanner.feed(text) + scanner.close()
    return [(fence.info, fence.code.rstrip("\n")) for fence in found]


def whole(text: str) -> list[tuple[str, str]]:
    return [(fence.lang, fence.code) for fence in fences(text)]


@given(documents)
@settings(max_examples=400, deadline=None)
@example("- ```\n  a\n      \n  b\n  ```\n")
@example("-\n\n  ```\n  a\n")
@example("> ```\n> a\n\nb\n")
@example("- - - ```\n      a\n")
@example("1. a\n2) ```\n   b\n")
@example("<a b c='d' e=f/>\n```\n```\n")
@example("a\n<b>\n```\nx\n```\n")
def test_agrees_with_markdown_it(text: str) -> None:
    assume(not DEPARTS.search(text))
    assert by_us(text) == by_markdown_it(text)


@given(st.lists(st.sampled_from(["# T", "", "- a", "> q", "1. b", "text", "<b>"]), max_size=6))
def test_repairs_nothing_where_nothing_is_broken(prose: list[str]) -> None:
    text = "\n\n".join([*prose, "```python\nx = 1\n```", "~~~md\n# T\n~~~", "```\ny\n```\n"])
    assert by_us(text, repair=True) == by_us(text) == by_markdown_it(text)


ODD = [
    *PIECES,
    '"""',
    "'''",
    "cat <<'EOF'",
    "EOF",
    "run: ```python",
    "```md",
    "```bash",
    "\r",
    "\r\n",
]
ODD += ["\n", "\n", "\n\n", "\u0085", "\x0c", "\0", "\ud800", "<<<<<<< SEARCH", ">>>>>>> REPLACE"]
odd_texts = st.lists(st.sampled_from([*ODD, "```edit x.py"]), max_size=40).map("".join)


@given(st.one_of(odd_texts, st.text(max_size=80)), st.data())
@settings(max_examples=400, deadline=None)
def test_pieces_make_no_difference(text: str, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=12).map(sorted))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    for parts in (pieces, list(text)):
        scanner = FenceScanner()
        found = [fence for part in parts for fence in scanner.feed(part)] + scanner.close()
        assert found == fences(text)


@given(odd_texts)
@settings(max_examples=300, deadline=None)
def test_fences_stand_in_order_and_hold_lines_of_the_text(text: str) -> None:
    given_lines = re.split(r"\r\n|\r|\n", text)
    end = 0
    for fence in fences(text):
        assert end < fence.line <= fence.end <= len(given_lines)
        end = fence.end if fence.end > fence.line else fence.line
        for line in fence.code.split("\n"):
            assert any(own.endswith(line.lstrip(" ")) for own in given_lines)


def test_tells_a_live_reader_where_it_is() -> None:
    scanner = FenceScanner()
    assert scanner.inside is None
    assert scanner.feed("Hi\n```python title='x.py'") == []
    assert scanner.inside is None  # the line is not complete
    scanner.feed("\nx = 1")
    assert scanner.inside == Fence(
        "python title='x.py'", "python", "", {"title": "x.py"}, closed=False, line=2, end=2
    )
    (fence,) = scanner.feed("\n```\n")
    assert (fence.code, fence.closed, fence.line, fence.end) == ("x = 1", True, 2, 4)
    assert scanner.inside is None
    assert scanner.close() == []


def test_an_end_that_is_missing() -> None:
    (fence,) = fences("```python\nx = 1")
    assert (fence.code, fence.closed, fence.end) == ("x = 1", False, 2)
    (fence,) = fences("> ```\n> x\n\nafter\n")
    assert (fence.code, fence.closed, fence.end) == ("x", True, 2)


class TestOtherReadings:
    """Where CommonMark leaves the writer's evident meaning behind."""

    def test_a_heredoc_with_fences_in_it(self) -> None:
        code = "cat > R.md <<'EOF'\nRun:\n\n```\nmake\n```\n```bash\nls\n```\nEOF\nls"
        assert whole(f"```bash\n{code}\n```\nend") == [("bash", code)]

    def test_a_heredoc_without_an_end_is_read_by_commonmark(self) -> None:
        text = "```bash\ncat <<EOF\nhi\n```\n\n```python\nx\n```\n"
        assert whole(text) == [("bash", "cat <<EOF\nhi"), ("python", "x")]

    @pytest.mark.parametrize("line", ["x <<< EOF", "echo $(( 1 << EOF ))", "# <<EOF"])
    def test_what_is_no_heredoc(self, line: str) -> None:
        text = f"```bash\n{line}\n```\nthen\n```\nEOF\n```\n"
        assert whole(text) == [("bash", line), ("", "EOF")]

    def test_a_triple_quoted_string_with_fences_in_it(self) -> None:
        code = 'readme = """\n```python\nprint()\n```\n"""\nprint(readme)'
        assert whole(f"```python\n{code}\n```\nend") == [("python", code)]

    def test_a_snippet_that_begins_inside_a_string(self) -> None:
        text = '```python\nmore."""\n```\nand\n```python\n"""doc"""\n```\n'
        assert whole(text) == [("python", 'more."""'), ("python", '"""doc"""')]

    def test_a_string_that_mentions_quotes(self) -> None:
        text = "```python\nx = 'say \"\"\" twice'  # and '''\n```\n```py\ny\n```\n"
        assert whole(text) == [("python", "x = 'say \"\"\" twice'  # and '''"), ("py", "y")]

    def test_an_edit_of_a_text_with_fences(self) -> None:
        code = "<<<<<<< SEARCH\n```\n=======\n```bash\n>>>>>>> REPLACE"
        assert whole(f"```edit R.md\n{code}\n```\nend") == [("edit", code)]

    def test_a_document_that_is_not_balanced_is_read_by_commonmark(self) -> None:
        text = "```md\n# T\n```python\nx\n```\nThen:\n```bash\nls\n```\n"
        assert whole(text) == [("md", "# T\n```python\nx"), ("bash", "ls")]

    def test_a_fence_behind_text(self) -> None:
        text = "1. Run: ```bash\n   ls\n   ```\n2. Done"
        assert whole(text) == [("bash", "ls")]

    @pytest.mark.parametrize(
        "text",
        [
            "Write ```python\nfirst, then:\n\n```python\nx = 1\n```\n",
            "Use a ```nosuchtag\nhere\n\n```python\nx = 1\n```\n",
            "Use \\```python\nhere\n\n```python\nx = 1\n```\n",
            "Use x```python\nhere\n\n```python\nx = 1\n```\n",
        ],
    )
    def test_a_mention_of_a_fence_is_none(self, text: str) -> None:
        assert whole(text) == [("python", "x = 1")]

    def test_a_forgotten_end_only_splits_code_that_runs(self) -> None:
        assert whole("```sh\nls\n```py\nx\n```\n") == [("sh", "ls"), ("py", "x")]
        assert whole("```text\nls\n```py\nx\n```\n") == [("text", "ls\n```py\nx")]
        assert whole("```sh\nls\n```nosuchtag\nx\n```\n") == [("sh", "ls\n```nosuchtag\nx")]


def test_depth_beyond_the_limit_is_text() -> None:
    at_limit, beyond = "> " * 100, "> " * 101
    assert whole(f"{at_limit}```py\n{at_limit}x\n") == [("py", "x")]
    assert whole(f"{beyond}```py\n{beyond}x\n") == []


SIZE = 200_000
HOSTILE = {
    "a run of marks": "`" * SIZE,
    "openers without an end": "```python\n" * (SIZE // 10),
    "documents in documents": "```md\n" * (SIZE // 6),
    "fences behind text": "a: ```python\n" * (SIZE // 13),
    "a fence and blanks": "```python\n" + " " * SIZE,
    "a fence and empty lines": "```python\n" + "\n" * SIZE,
    "a fence behind text and empty lines": "a: ```python\n" + "\n" * SIZE,
    "a deep list and blank lines": "- " * 100 + "```\n" + " \n" * (SIZE // 2),
    "one deep quote": ">" * SIZE,
    "deep quotes": ("> " * 100 + "x\n") * (SIZE // 202),
    "one deep list": "- " * (SIZE // 2) + "x",
    "rules that are none": "* " * (SIZE // 2) + "a",
    "fences in a string": '```python\n"""\n' + "```\n" * (SIZE // 4),
    "quotes": "```python\n" + '"""' * (SIZE // 3),
    "escaped quotes": '```python\n""""""' + '\\"' * (SIZE // 2),
    "heredocs": "```sh\n" + "<<'A' " * (SIZE // 6) + "\n" + "A\n" * 100,
    "an endless tag": "<a " + "x " * (SIZE // 2),
    "an endless info string": "```" + "a=b " * (SIZE // 4) + "\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_line_is_read_more_than_twice(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    original = FenceScanner._read

    def counting(self: FenceScanner, found: list[str]) -> None:
        nonlocal read
        read += len(found)
        original(self, found)

    monkeypatch.setattr(scanner_module.FenceScanner, "_read", counting)
    fences(text)
    assert read <= 2 * (text.count("\n") + 1)


def test_a_piece_costs_nothing_before_its_line_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    scanner = FenceScanner()
    monkeypatch.setattr(FenceScanner, "_read", None)  # would raise
    for mark in "```python" * 1000:
        assert scanner.feed(mark) == []
