"""Chunks put together, however they are cut."""

import itertools
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.events import Chunk
from assistant.model.stream import Reading, whole
from assistant.redact import Redactor

SECRET = "sk-secret-0123456789"


def chunk(content: object, finish: object = None) -> SimpleNamespace:
    delta = SimpleNamespace(content=content)
    return SimpleNamespace(choices=[SimpleNamespace(delta=delta, finish_reason=finish)])


def read(*pieces: str, secrets: tuple[str, ...] = ()) -> tuple[list[Chunk], Reading]:
    reading = Reading(Redactor(secrets))
    shown = [event for piece in pieces for event in reading.feed(chunk(piece))]
    return [*shown, *reading.rest()], reading


def cut(text: str, places: list[int]) -> list[str]:
    borders = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in itertools.pairwise(borders)]


places = st.lists(st.integers(0, 10_000), max_size=12)


@pytest.mark.parametrize(
    ("sent", "reasoning", "text"),
    [
        ("plain", "", "plain"),
        ("<think>hm</think>\n\nanswer", "hm", "answer"),
        ("  \n<think>\nhm\n</think>answer <think>no</think>", "\nhm\n", "answer <think>no</think>"),
        ("<think>never closed", "never closed", ""),
        ("<think></think>x", "", "x"),
        ("<thinking>x", "", "<thinking>x"),
        ("<th", "", "<th"),
        ("a <think>b</think>", "", "a <think>b</think>"),
        ("<think>a</thi b</think>c", "a</thi b", "c"),
        ("<think>a</think", "a</think", ""),
        ("", "", ""),
        ("   ", "", "   "),
    ],
)
@given(places=places)
def test_a_leading_think_block_is_reasoning(
    sent: str, reasoning: str, text: str, places: list[int]
) -> None:
    shown, reading = read(*cut(sent, places))
    assert (str(reading.reasoning), str(reading.text)) == (reasoning, text)
    assert "".join(e.text for e in shown if e.kind == "reasoning") == reasoning
    assert "".join(e.text for e in shown if e.kind == "text") == text


@given(st.text(max_size=60), places)
def test_what_is_shown_is_what_is_kept(sent: str, places: list[int]) -> None:
    shown, reading = read(*cut(sent, places))
    assert "".join(e.text for e in shown if e.kind == "text") == str(reading.text)
    if not sent.lstrip().startswith("<think>"):
        assert str(reading.text) == sent


@given(st.lists(st.sampled_from(["\ud83d", "\ude00", "a", "é", "\0"]), max_size=8), places)
def test_surrogates_come_out_as_unicode(characters: list[str], places: list[int]) -> None:
    sent = "".join(characters)
    _, reading = read(*cut(sent, places))
    assert str(reading.text) == whole(sent)
    str(reading.text).encode()
    assert reading.repaired == ("\ufffd" in whole(sent))


@given(st.text(alphabet="sk-xe ", max_size=20), st.text(alphabet="sk-xe ", max_size=20), places)
def test_a_secret_is_hidden_wherever_it_is_cut(before: str, after: str, places: list[int]) -> None:
    sent = before + SECRET + after
    shown, reading = read(*cut(sent, places), secrets=(SECRET,))
    assert str(reading.text) == Redactor([SECRET]).text(sent)
    assert not any(SECRET in event.text for event in shown)


def test_blanks_without_end_are_not_held_back_for_ever() -> None:
    _, reading = read(*[" " * 100] * 1000)
    assert reading.size > 99_000
    assert len(str(reading.text)) == 100_000


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("stop", "stop"),
        ("eos_token", "stop"),
        ("length", "length"),
        ("content_filter", "filtered"),
        ("function_call", "broken"),
        ("weird", "broken"),
        (None, "broken"),
        (7, "broken"),
    ],
)
def test_finish_reasons(reason: object, finish: str) -> None:
    reading = Reading(Redactor())
    assert list(reading.feed(chunk("x", reason))) == [Chunk("x")]
    assert reading.ending()[0] == finish
