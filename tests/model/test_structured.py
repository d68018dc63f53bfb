"""JSON found in replies."""

import time

import pydantic
import pytest

from assistant.model.structured import NO_JSON, fitting, in_words, settled


class Point(pydantic.BaseModel):
    x: int
    y: int = 0


GOOD = '{"x": 1}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"\n {GOOD}\n",
        f"Here you are:\n```json\n{GOOD}\n```\nBye.",
        f"~~~\n{GOOD}\n~~~",
        f"````\n{GOOD}\n````",
        f"The answer is {GOOD}, I think.",
        f'First {{"z": 1}} and then {GOOD}',
        f"{{not json}} {GOOD}",
        f"```json\n{{}}\n```\n```json\n{GOOD}\n```",
        f"```python\nprint()\n``` and {GOOD}",
    ],
)
def test_the_json_that_fits_is_found(text: str) -> None:
    assert fitting(text, Point) == (GOOD, "")
    assert settled(text, Point) == (GOOD, "stop", "")


def test_what_does_not_fit_says_why() -> None:
    text, finish, detail = settled('{"x": "one"}', Point)
    assert (text, finish) == ('{"x": "one"}', "broken")
    assert "x" in detail
    assert "valid integer" in detail
    assert settled("no json at all", Point)[2] == NO_JSON
    assert "no valid JSON" in settled('{"x": ', Point)[2] or "JSON" in settled('{"x": ', Point)[2]


def test_complaints_stay_short() -> None:
    _, complaint = fitting('{"x": "' + "y" * 100_000 + '"}', Point)
    assert complaint
    assert len(complaint) < 600


@pytest.mark.parametrize(
    "hostile",
    ["[" * 1_000_000, "{" * 1_000_000, "```a\n" * 300_000, '{"x":' * 300_000, "{\n" * 300_000],
)
def test_hostile_text_costs_linear_time(hostile: str) -> None:
    began = time.process_time()
    assert fitting(hostile, Point)[1]
    assert time.process_time() - began < 20


def test_a_schema_in_words_names_its_fields() -> None:
    assert '"x"' in in_words(Point)
