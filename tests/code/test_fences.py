"""extract_code: the project's cases, AutoGen's return shapes, inline code."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.code.fences import CODE_BLOCK_PATTERN, content_str, extract_code

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "data" / "extract_code.jsonl")
    .read_text("utf-8")
    .splitlines()
]
ALIASES = {
    "python": "py python3",
    "bash": "sh shell zsh console",
    "powershell": "ps1 pwsh",
    "javascript": "js",
    "markdown": "md",
    "cpp": "c++",
    "csharp": "c#",
}
NAMES = {alias: name for name, aliases in ALIASES.items() for alias in aliases.split()}


def compared(found: list[tuple[str, str]], case: dict[str, Any]) -> list[tuple[str, str]]:
    pairs = []
    for lang, code in found:
        name = NAMES.get(lang.lower(), lang.lower())
        text = code if case.get("exact") else code.replace("\r\n", "\n")
        pairs.append((name, "" if name == "unknown" else text.rstrip("\n")))
    return pairs


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_case(case: dict[str, Any]) -> None:
    found = extract_code(case["text"])
    assert compared(found, case) == compared(case["expected"], case)
    if found[0][0] == "unknown":
        assert found == [("unknown", case["text"])]


def test_there_are_all_cases() -> None:
    assert len(CASES) == 64


class TestShapes:
    def test_nothing(self) -> None:
        assert extract_code("no code") == [("unknown", "no code")]
        assert extract_code("") == [("unknown", "")]
        assert extract_code(None) == [("unknown", "")]

    def test_an_untagged_fence(self) -> None:
        assert extract_code("```\nx\n```") == [("", "x")]

    def test_parts_of_a_message(self) -> None:
        parts: list[dict[str, object]] = [
            {"type": "text", "text": "See:\n"},
            {"type": "image_url", "image_url": {"url": "data:"}},
            {"type": "text", "text": "\n```py\nx\n```"},
        ]
        assert content_str(parts) == "See:\n<image>\n```py\nx\n```"
        assert extract_code(parts) == [("py", "x")]

    def test_parts_that_are_wrong(self) -> None:
        with pytest.raises(TypeError, match="parts"):
            content_str(7)  # type: ignore[arg-type]  # Wrong on purpose.
        with pytest.raises(TypeError, match="dict"):
            content_str(["x"])  # type: ignore[list-item]  # Wrong on purpose.
        with pytest.raises(ValueError, match="'sound'"):
            content_str([{"type": "sound"}])

    def test_another_pattern_runs_as_it_is(self) -> None:
        text = "<code>a\nb</code> <code>c</code>"
        found: list[Any] = extract_code(text, r"<code>(.*?)</code>")
        assert found == ["a\nb", "c"]
        assert extract_code(text, r"\[(\w+)\](.*)") == [("unknown", text)]

    def test_the_default_pattern_is_not_run(self) -> None:
        text = "````md\n```py\nx\n```\n````"
        assert extract_code(text, CODE_BLOCK_PATTERN) == [("md", "```py\nx\n```")]


class TestInlineCode:
    def test_in_order_and_stripped(self) -> None:
        text = (
            "Run `pip install x` first.\n\n```python\n\n  print(1)\n\n```\nThen ``a ` b``, `c\nd`."
        )
        assert extract_code(text, detect_single_line_code=True) == [
            ("", "pip install x"),
            ("python", "print(1)"),
            ("", "a ` b"),
            ("", "c d"),
        ]

    def test_no_match_is_an_empty_list(self) -> None:
        assert extract_code("none", detect_single_line_code=True) == []

    @pytest.mark.parametrize("text", ["\\`a\\`", "`a\n\nb`", "<!-- `rm x` -->", "``a`", "` `"])
    def test_what_is_no_code(self, text: str) -> None:
        assert extract_code(text, detect_single_line_code=True) == []

    def test_a_backslash_ends_a_span_like_any_letter(self) -> None:
        assert extract_code(r"`a\` b", detect_single_line_code=True) == [("", "a\\")]

    @given(st.text(alphabet="`\\a \n", max_size=60))
    def test_any_text_is_read(self, text: str) -> None:
        for lang, code in extract_code(text, detect_single_line_code=True):
            assert code == code.strip() != ""
            assert lang.strip("a\\ ") == ""
