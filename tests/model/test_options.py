"""Options: what cannot be meant is refused at once, and keys are not shown."""

import pickle
import traceback
from typing import Any

import pytest

from assistant.events import UsageError
from assistant.model.options import ModelOptions, Secret
from tests.model.helpers import KEY


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "localhost:8000/v1",
        "ftp://host/v1",
        "http://",
        "http://host:99999/v1",
        "http://host:port/v1",
        "http://[::1/v1",
        "http://ho st/v1",
        "http://host/v1\n",
        "file:///etc/passwd",
    ],
)
def test_a_url_that_cannot_be_asked_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        ModelOptions("m", base_url=url)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/v1", "https://host", "http://[::1]:8000/v1", "HTTP://HOST/v1/"]
)
def test_a_url_that_can_be_asked_is_taken(url: str) -> None:
    assert ModelOptions("m", base_url=url).host


@pytest.mark.parametrize("key", [f"{KEY}\nX-Evil: 1", f"{KEY}é", f"{KEY}\0", f"a {KEY}\t"])
def test_a_key_that_no_header_can_hold_is_refused_unseen(key: str) -> None:
    if key.strip().isprintable() and key.isascii():
        ModelOptions("m", Secret(key))
        return
    with pytest.raises(UsageError) as caught:
        ModelOptions("m", Secret(key))
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_blanks_around_a_key_are_dropped() -> None:
    assert Secret(f" {KEY}\n").reveal() == KEY
    assert not Secret("  ")
    assert Secret("a") == Secret("a")
    assert len({Secret("a"), Secret("a")}) == 1


def test_nothing_shows_the_key() -> None:
    options = ModelOptions("m", Secret(KEY), "http://user:hunter2hunter2@host:1/v1")
    shown = f"{options} {options!r} {Secret(KEY)} {[Secret(KEY)]!r} {options.host}"
    assert KEY not in shown
    assert options.host == "host:1"
    assert set(options.secrets) == {KEY, "hunter2hunter2"}


def test_a_key_is_not_pickled_by_accident() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(KEY))


@pytest.mark.parametrize(
    "options", [{"model": " "}, {"model": "m", "max_reply": 0}, {"model": "m", "tries": 0}]
)
def test_senseless_values_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        ModelOptions(**options)
