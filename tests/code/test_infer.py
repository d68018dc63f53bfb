"""What `infer_lang` answers, how it fails to fail, and where its weights come from."""

import gc
import hashlib
import json
import os
import sys
import threading
import warnings
from pathlib import Path

import pytest

from assistant.code import infer
from assistant.code.features import features, sample
from assistant.code.infer import WEIGHTS, Weights, decide, infer_lang
from assistant.code.python_text import is_python2, parses
from assistant.languages import TABLE

WELL_KNOWN = {
    "pip install autogen": "sh",
    "pip3 install -r requirements.txt\npython3 -m pytest": "sh",
    "# set up\npython setup.py install": "sh",
    "python --version": "sh",
    "dummy text": "unknown",
    "print('hello world'))": "unknown",
    "hello world": "unknown",
    "": "unknown",
    " \n\t\n": "unknown",
    "pipeline = 1": "python",
    "pip = 3\npython = pip + 1": "python",
    "print('hello world')": "python",
    "import os": "python",
    "ls -la": "bash",
    "git clone https://example.org/x.git && cd x": "bash",
    "cd src\npip install .": "bash",
    'for f in *.txt; do\n  wc -l "$f"\ndone': "bash",
    "const a = [1, 2].map(x => x * 2);\nconsole.log(a);": "javascript",
    "function add(a, b) {\n  return a + b;\n}\nmodule.exports = { add };": "javascript",
    "Get-ChildItem -Recurse | Where-Object { $_.Length -gt 1MB }": "powershell",
    'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println("hi")\n}': "go",
    'fn main() {\n    let mut x = vec![1];\n    println!("{}", x[0]);\n}': "rust",
    '#include <stdio.h>\n\nint main(void) {\n  printf("hi\\n");\n  return 0;\n}': "c",
    '#include <iostream>\n\nint main() {\n  std::cout << "hi" << std::endl;\n}': "cpp",
    "SELECT name, count(*) FROM users WHERE age > 3 GROUP BY name;": "sql",
    'FROM python:3-slim\nRUN pip install flask\nCMD ["python", "app.py"]': "dockerfile",
    ".PHONY: all\nall: main.o\n\t$(CC) -o $@ $^": "makefile",
}


@pytest.mark.parametrize("code", WELL_KNOWN)
def test_well_known(code: str) -> None:
    assert infer_lang(code) == WELL_KNOWN[code]


@pytest.mark.parametrize(
    ("code", "lang"),
    [
        ("#!/usr/bin/env node\nlet x", "javascript"),
        ("#!/bin/sh\nx", "sh"),
        ("#!/bin/bash -e\nx", "bash"),
        ("#!/usr/bin/env python3\nx", "python"),
        ("#!/usr/bin/env -S perl -w\nx", "perl"),
        ("$ ls\na.txt\nb.txt", "bash"),
        ("(venv) me@host:~/src$ make\ngcc -c a.c", "bash"),
        (">>> 1 + 1\n2", "python"),
        (">>> print 'old'\nold", "python"),
        ("In [3]: df.head()\nOut[3]:\n   a  b", "python"),
        ("PS C:\\Users\\me> Get-Date", "powershell"),
        ("!pip install requests\nimport requests", "python"),
        ("%timeit sum(range(10))", "python"),
        ("def f(x):\n    print x, 'items'\n    return x", "python"),
        ("<?php echo 1;", "php"),
        ("<?xml version='1.0'?>\n<a/>", "xml"),
        ("<!DOCTYPE html>\n<p>x", "html"),
        ('{"a": [1, 2, {"b": null}]}', "json"),
        ("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b", "diff"),
        ("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: x", "yaml"),
        (
            "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          for (;;) {\n          }",
            "yaml",
        ),
        ("curl https://example.org/x -H 'A: b' -d '{\"x\": 1}'", "bash"),
    ],
)
def test_rules(code: str, lang: str) -> None:
    assert infer_lang(code) == lang


NOT_CODE = [
    "The report is ready. It lists every customer, and what each of them bought last year.",
    "Please check that you have the right version before you go on.",
    "1. Open the file\n2. Change the second line\n3. Save it again",
    'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nNameError: name',
    "error: could not compile `x` due to previous error\nwarning: unused variable: `y`",
    "name      size   date\n----      ----   ----\na.txt     10     2024-01-01",
    "| name | size |\n|------|------|\n| a    | 10   |",
    ".\n├── src\n│   └── main.py\n└── README.md",
    "=== 3 passed, 1 failed in 0.12s ===",
    "2024-05-01 12:00:01,123 INFO Starting the server on port 8080",
    "HTTP/1.1 200 OK\nContent-Type: text/html\nServer: nginx",
    " def f():\n-    return 1\n+    return 2",
    "name,size\na.txt,10\nb.txt,20",
    '[tool.ruff]\nline-length = 100\n\n[project]\nname = "x"',
    "body {\n  margin: 0;\n  color: #333;\n}",
    '<div class="a">\n  <p>Hello</p>\n</div>',
]


@pytest.mark.parametrize("text", NOT_CODE)
def test_what_is_no_program_is_never_called_one(text: str) -> None:
    lang = infer_lang(text)
    assert lang == "unknown" or not TABLE[lang].runs


def test_every_answer_is_in_the_table() -> None:
    weights = Weights.read(WEIGHTS.read_bytes())
    assert set(weights.languages) <= set(TABLE)


def _hostile(size: int) -> list[str]:
    units = ["a", "\0", "\ud800", "(", "[{(", " ", "\t", "\n", "\r\n", "\x0b", "not ", "-", "1+"]
    units += ["a.", "/*", '"', '"""', "\\", "$ '\n", "$ \\\n", ">>> x\n", "PS> (\n", "!ls\n", "é"]
    units += ['{"a":', "[", "a:\n b:\n", "a-", "<a", "<!--", "$ cat <<E\n", "lambda:", "if x:\n "]
    return [(unit * (size // len(unit) + 1))[:size] for unit in units]


@pytest.mark.parametrize("size", [3000, 3999, 5_000_000])
def test_hostile_text_gets_an_answer(size: int) -> None:
    """Time is held by the suite's own limit: what is looked at is bounded, each pattern linear."""
    for text in _hostile(size):
        assert infer_lang(text) in {*TABLE, "unknown"}


def test_a_thread_with_a_small_stack_survives_deep_nesting() -> None:
    before = threading.stack_size(512 * 1024)
    answers: list[str] = []
    try:
        thread = threading.Thread(target=lambda: answers.extend(map(infer_lang, _hostile(3999))))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert len(answers) == len(_hostile(1))


def test_no_warning_leaks() -> None:
    """Neither as a warning nor, under a filter that makes errors of them, as another answer."""
    code = 'import re\nx = re.compile("\\d+\\.\\w")\nif x is 3: y = 1if x else 2\n'
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        calm = infer_lang(code), parses(code)
    assert told == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (infer_lang(code), parses(code)) == calm == ("python", "yes")


def test_a_long_text_is_known_by_head_and_tail() -> None:
    program = "import os\n\n\ndef main():\n    print(os.getcwd())\n\n\n" * 20_000
    assert infer_lang(program) == "python"
    assert len(sample(program)) <= 3001


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("make", "bare"),
        ("ls -la", "bare"),
        ("a / b", "bare"),
        ("name: Foo", "bare"),
        ("x: int", "yes"),
        ("x = 1", "yes"),
        ("f()", "yes"),
        ("def", "no"),
        ("\0", "no"),
        ("\ud800", "no"),
        ("(" * 100 + ")" * 100, "no"),
        ("x = 1\n" * 1000, "no"),
    ],
)
def test_parses(code: str, answer: str) -> None:
    assert parses(code) == answer


@pytest.mark.parametrize(
    "code",
    [
        "print 'x'",
        "print x % y\n",
        "if x: print x",
        "print >>sys.stderr, 'x'",
        "try:\n    f()\nexcept IOError, e:\n    pass",
        "raise ValueError, 'x'",
        "import urllib2\nurllib2.urlopen('x')",
        "name = raw_input('? ')",
        "for i in xrange(3):\n    print(i)",
        "x = 0777\nprint x",
    ],
)
def test_python_2(code: str) -> None:
    assert is_python2(code)


@pytest.mark.parametrize(
    "code",
    [
        "print('x')",
        "print = 3",
        "print",
        '"""\nprint x\n"""\nx = (',  # broken, but no Python 2
        "# print x\nx = (",
        "try:\n    import urllib2\nexcept ImportError:\n    import urllib.request as urllib2",
        "xrange = range\nfor i in xrange(3):\n    pass",
        "def f(raw_input):\n    return raw_input()",
        "except_ = 1",
        "",
    ],
)
def test_not_python_2(code: str) -> None:
    assert not is_python2(code)


def test_careful_where_the_likeliest_would_run() -> None:
    flat = dict.fromkeys(("bash", "text", "python", "go", "javascript", "typescript"), -9.0)
    assert decide(flat | {"bash": 0.0}) == "bash"
    assert decide(flat | {"text": 0.0}) == "text"
    assert decide(flat | {"bash": 0.0, "text": -0.3}) == "text"
    assert decide(flat | {"bash": 0.0, "python": -0.1, "go": -0.1}) == "unknown"
    assert decide(flat | {"javascript": 0.0, "typescript": -0.1}) == "javascript"
    assert decide(flat | {"javascript": -2.0, "typescript": 0.0, "go": -1.0}) == "typescript"


def test_weights_are_small_and_loaded_at_first_use() -> None:
    assert WEIGHTS.stat().st_size <= 400_000
    infer._weights.cache_clear()
    importing = infer._weights.cache_info().currsize
    infer_lang("x = [1]\ny = x")
    assert (importing, infer._weights.cache_info().currsize) == (0, 1)


def test_weights_hold_no_snippet() -> None:
    """Features are words and runs of three tokens: none is long, none has a line of its own."""
    rows = Weights.read(WEIGHTS.read_bytes()).rows
    assert max(map(len, rows)) < 80
    assert not any("\n" in name for name in rows)


def test_features_are_the_same_for_any_order_of_hashing() -> None:
    weights = Weights.read(WEIGHTS.read_bytes())
    text = "for x in y:\n    print(x)"
    assert features(text, weights.kept) == features(text, weights.kept)
    assert weights.odds(text) == weights.odds(text)
    gc.collect()
    assert sys.getsizeof(weights.rows) < 2_000_000


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("ASSISTANT_DATA")
    if not folder:
        pytest.skip("ASSISTANT_DATA is not set: it names the folder of data sets")
    path = Path(folder) / "infer_lang" / "dev.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def test_weights_name_the_data_they_come_from(data: Path) -> None:
    told = Weights.read(WEIGHTS.read_bytes()).sha256
    assert told == hashlib.sha256(data.read_bytes()).hexdigest()


def test_prompts_of_the_data_are_heeded(data: Path) -> None:
    rows = [json.loads(line) for line in data.read_text("utf-8").splitlines()]
    for kind, least in {"session": 0.9, "doctest": 0.9, "ipython": 0.9, "py2": 0.9}.items():
        some = [row for row in rows if row["kind"] == kind]
        right = [infer_lang(row["code"]) in (row["lang"], "text") for row in some]
        assert sum(right) >= least * len(some), kind
