"""The system message: complete, short, and honest about whose words are whose."""

import os
from pathlib import Path
from string import Template
from typing import Any

import pytest

from assistant.briefing import Briefing, system_message
from assistant.prompts import prompt

PROMPTS = Path(__file__).parent.parent / "prompts"


def briefing(**values: Any) -> Briefing:
    return Briefing("shop", ("python", "bash"), **values)


def test_it_says_where_code_runs_and_how() -> None:
    text = system_message(briefing(check="pytest -q"))
    for words in ('"shop"', "python, bash", "120 s", "no network", "`pytest -q`", "SEARCH"):
        assert words in text
    assert "$" not in text


def test_it_is_short() -> None:
    assert len(system_message(briefing(check="pytest -q"))) < 600 * 4


@pytest.mark.skipif("TIKTOKEN_CACHE_DIR" not in os.environ, reason="set TIKTOKEN_CACHE_DIR")
def test_it_is_short_in_tokens_too() -> None:
    import tiktoken

    table = tiktoken.get_encoding("o200k_base")
    assert len(table.encode(system_message(briefing(check="pytest -q")))) < 600


def test_a_projects_words_are_marked_and_bounded() -> None:
    words = "Use tabs.\x1b[31m" + "x" * 20_000
    text = system_message(briefing(project_file="AGENTS.md", project_words=words))
    assert text.index("project's own words") < text.index("Use tabs.")
    assert "\x1b" not in text
    assert len(text) < 20_000


@pytest.mark.parametrize("place", ["container", "local"])
@pytest.mark.parametrize("network", ["none", "packages", "full"])
def test_every_form_can_be_filled(place: str, network: str) -> None:
    assert system_message(briefing(place=place, network=network))


def test_every_prompt_is_a_valid_template() -> None:
    for file in PROMPTS.glob("*.txt"):
        assert Template(file.read_text(encoding="utf-8")).is_valid(), file.name


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        prompt("restored")
