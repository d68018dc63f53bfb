"""What is to be done with each fence of a reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.code import blocks as blocks_module
from assistant.code.blocks import blocks
from assistant.events import CodeBlock

SURE = {"import os\n": "python", "ls -la\n": "bash", "{}\n": "json"}


@pytest.fixture(autouse=True)
def _known_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What untagged code is, is not the matter here."""
    monkeypatch.setattr(blocks_module, "infer_lang", lambda code: SURE.get(code, "unknown"))


def block(info: str, code: str = "x\n") -> CodeBlock:
    (found,) = blocks(f"Text\n\n````{info}\n{code}````\n")
    return found


@pytest.mark.parametrize(
    ("info", "lang"),
    [
        ("python", "python"),
        ("Py", "python"),
        ("python3.11", "python"),
        ("{python}", "python"),
        ("python {1,3-4}", "python"),
        ("python 3.11", "python"),
        ("{.python .numberLines}", "python"),
        ('python title="An example"', "python"),
        ("bash", "bash"),
        ("zsh", "bash"),
        ("sh", "sh"),
        ("js{1}", "javascript"),
        ("rust,ignore", "rust"),
    ],
)
def test_code_that_runs_is_run(info: str, lang: str) -> None:
    assert block(info) == CodeBlock(lang, "x\n", None, "run")


@pytest.mark.parametrize(
    ("info", "lang"),
    [
        ("text", "text"),
        ("output", "text"),
        ("console", "console"),
        ("pycon", "console"),
        ("diff", "diff"),
        ("patch", "diff"),
        ("json", "json"),
        ("html", "html"),
        ("brainfuck", "brainfuck"),
        ("python2", "python2"),
        ("Python no-run", "python"),
        ("rust,no_run", "rust"),
        ("{r, eval=FALSE}", "r"),
        ('python no-run title="x.py"', "python"),
        ("no-run", "text"),
        ("12:15:app/main.py", "12:15:app/main.py"),
    ],
)
def test_what_does_not_run_is_shown(info: str, lang: str) -> None:
    assert block(info) == CodeBlock(lang, "x\n", None, "show")


def test_untagged_code_runs_only_where_its_language_is_sure_and_runs() -> None:
    assert block("", "import os\n") == CodeBlock("python", "import os\n", None, "run")
    assert block("", "ls -la\n") == CodeBlock("bash", "ls -la\n", None, "run")
    assert block("", "{}\n") == CodeBlock("", "{}\n", None, "show")
    assert block("", "hm\n") == CodeBlock("", "hm\n", None, "show")


@pytest.mark.parametrize(
    ("info", "lang", "path"),
    [
        ('python title="x.py"', "python", "x.py"),
        ("python filename=x.py", "python", "x.py"),
        ("python file='my x.py'", "python", "my x.py"),
        ("python path=a/x", "python", "a/x"),
        ("python a/x.py", "python", "a/x.py"),
        ("python:src/app.py", "python", "src/app.py"),
        ("src/app.py", "python", "src/app.py"),
        ("main.rs", "rust", "main.rs"),
        ('title="x.py"', "python", "x.py"),
        ('text title="notes.txt"', "text", "notes.txt"),
        ("vue App.vue", "vue", "App.vue"),
        ("dockerfile Dockerfile", "dockerfile", "Dockerfile"),
        ("text .gitignore", "text", ".gitignore"),
        ('{.json filename="a.json"}', "json", "a.json"),
    ],
)
def test_a_name_in_the_info_string_saves(info: str, lang: str, path: str) -> None:
    assert block(info) == CodeBlock(lang, "x\n", path, "save")


@pytest.mark.parametrize(
    ("info", "first", "path", "action"),
    [
        ("python", "# filename: a/x.py", "a/x.py", "run"),
        ("python", "#filename:x.py (new)", "x.py", "run"),
        ("python", '# filename: "my x.py"', "my x.py", "run"),
        ("python", "# Filename: my x.py", "my x.py", "run"),
        ("js", "// filename: x.js", "x.js", "run"),
        ("c", "/* filename: x.c */", "x.c", "run"),
        ("lua", "-- filename: x.lua", "x.lua", "run"),
        ("html", "<!-- filename: x.html -->", "x.html", "save"),
        ("yaml", "# filename: x.yml", "x.yml", "save"),
        ("ini", "; filename: x.ini", "x.ini", "save"),
        ("vue", "// filename: App.vue", "App.vue", "save"),
    ],
)
def test_a_name_in_the_first_line(info: str, first: str, path: str, action: str) -> None:
    found = block(info, f"{first}\nx\n")
    assert (found.path, found.action) == (path, action)
    assert found.code == f"{first}\nx\n"  # as written


@pytest.mark.parametrize(
    ("info", "first"),
    [
        ("python", "# x.py"),
        ("python", "# the filename: x.py"),
        ("python", "// filename: x.py"),
        ("html", "# filename: x.html"),
        ("python", "# filename:"),
        ("python", 'print("# filename: x.py")'),
    ],
)
def test_what_is_no_name(info: str, first: str) -> None:
    assert block(info, f"{first}\nx\n").path is None


def test_a_name_below_a_line_that_must_be_first() -> None:
    assert block("python", "#!/usr/bin/env python3\n# filename: x.py\nx\n").path == "x.py"
    assert block("html", "<!doctype html>\n<!-- filename: x.html -->\n").path == "x.html"
    assert block("python", "x\n# filename: x.py\n").path is None


def test_a_name_where_the_language_has_no_comments_is_left_out() -> None:
    assert block("json", "// filename: a.json\n{}\n") == CodeBlock("json", "{}\n", "a.json", "save")
    assert block("text", "# filename: a.txt\nx\n") == CodeBlock("text", "x\n", "a.txt", "save")


def test_an_untagged_block_with_a_name_is_what_its_name_says() -> None:
    code = "# filename: a.py\nx\n"
    assert block("", code) == CodeBlock("python", code, "a.py", "run")
    code = "# filename: a.yml\nx\n"
    assert block("", code) == CodeBlock("yaml", code, "a.yml", "save")


@pytest.mark.parametrize(
    ("info", "path"),
    [
        ('edit title="x.py"', "x.py"),
        ("edit x.py", "x.py"),
        ("edit Rakefile", "Rakefile"),
        ("edit:x.py", "x.py"),
        ("edit", None),
        ("diff x.py", "x.py"),
        ('patch filename="x.py"', "x.py"),
    ],
)
def test_edits(info: str, path: str | None) -> None:
    found = block(info)
    assert (found.code, found.path, found.action) == ("x\n", path, "edit")


def test_the_name_in_the_first_line_of_an_edit_is_no_part_of_it() -> None:
    found = block("diff", "# filename: x.py\n@@ @@\n")
    assert (found.code, found.path, found.action) == ("@@ @@\n", "x.py", "edit")
    assert block("edit no-run x.py").action == "show"


def test_a_reply() -> None:
    reply = """First look:

1. The files
   ```bash
   ls
   ```
2. Nothing here:
   ```python
   ```

It prints:
```text
a.py
```
Then the package and its test:
```python title="pkg/__init__.py"
```
```python
# filename: test.py
print(1)"""
    assert blocks(reply) == [
        CodeBlock("bash", "ls\n", None, "run"),
        CodeBlock("text", "a.py\n", None, "show"),
        CodeBlock("python", "", "pkg/__init__.py", "save"),
        CodeBlock("python", "# filename: test.py\nprint(1)\n", "test.py", "run"),
    ]


def test_what_a_document_holds_is_not_run() -> None:
    reply = "```md\n# Use\n```bash\nrm -rf .\n```\n```\n<!--\n```sh\nls\n```\n-->\n"
    assert [(block.lang, block.action) for block in blocks(reply)] == [("markdown", "show")]


@given(st.text(alphabet="`~#: \n\tabc./=\"'{}<>-;filenamediffedit\ud800\0", max_size=80))
def test_any_reply_can_be_read(reply: str) -> None:
    for found in blocks(reply):
        assert found.path != ""
        assert "\r" not in found.code
