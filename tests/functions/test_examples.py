"""The examples of docs/functions.md, run as written: each prints what stands under it."""

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest

import assistant
from assistant.code.fences import fences

PAGE = Path(__file__).parent.parent.parent / "docs" / "functions.md"

MIDDLE = "def middle(text: str) -> str:\n    return text[(len(text) - 1) // 2 : len(text) // 2 + 1]"
AREA = """def area(w, h):
    if w < 0 or h < 0:
        raise ValueError("a size cannot be negative")
    return w * h"""
# What the model answers, one reply after the other, by the section's name.
REPLIES = {
    "generate_code": ["```python\ndef double(x):\n    return 2 * x\n```"],
    "improve_function": [f"It now refuses them:\n\n```python\n{AREA}\n```"],
    "improve_code": ["1. shapes.py, area: name the parameters width and height."],
    "generate_assertions": [
        '```python\nassert middle("abc") == "b"\nassert middle("abcd") == "bc"\n```'
    ],
    "implement": ["    return text[0]\n", f"```python\n{MIDDLE}\n```"],
}


def sections() -> list[tuple[str, str, str]]:
    """Name, code and output of each example."""
    found = []
    for part in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        blocks = fences(part)
        if blocks:
            code, output = blocks
            assert (code.lang, output.lang) == ("python", "text")
            found.append((part.partition("\n")[0], code.code, output.code))
    return found


def test_each_function_has_an_example() -> None:
    assert set(assistant.__all__) <= {name for name, _, _ in sections()}


@pytest.mark.docker
def test_the_examples_do_what_they_say(
    llmock: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", llmock.base_url())
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake-canary-0123456789abcdef")
    names: dict[str, Any] = {"__name__": "examples"}
    for name, code, output in sections():
        for text in REPLIES.get(name, []):
            llmock.reply(text, times=1)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"{PAGE.name}: {name}", "exec"), names)
        assert printed.getvalue().rstrip("\n") == output, name
