"""Waits: what servers ask for, and how long is waited without a word from them."""

import time
from email.utils import formatdate
from typing import Any

import pytest

from assistant.model.faults import Fault
from assistant.model.retry import Patience, asked_wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "3", "retry-after-ms": "200"}, 0.2),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 0.0),
    ],
)
def test_what_headers_ask_for(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(headers, 1_000_000.0) == seconds


def test_a_date_is_a_wait_from_now() -> None:
    now = time.time()
    wait = asked_wait({"retry-after": formatdate(now + 90, usegmt=True)}, now)
    assert wait is not None
    assert 88 <= wait <= 91


def test_a_wait_is_never_shorter_than_asked() -> None:
    fault = Fault("status", "", status=429)
    fault.wait = 1.00049
    for _ in range(200):
        wait = Patience(8, lambda: 60.0).after(fault, "why")
        assert wait is not None
        assert 1.00049 <= wait.seconds < 1.2


def test_a_wait_that_does_not_fit_is_none() -> None:
    fault = Fault("status", "", status=503)
    fault.wait = 10
    assert Patience(8, lambda: 9.0).after(fault, "why") is None
    assert Patience(8, lambda: 12.0).after(fault, "why") is not None


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert Fault("status", "", status=status).retryable


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 413, 422, 501])
def test_what_stays_is_not(status: int) -> None:
    assert not Fault("status", "", status=status).retryable


@pytest.mark.parametrize("kind", ["certificate", "redirect", "wrong-page", "garbled", "silent"])
def test_only_an_unreachable_server_is_tried_again_without_a_status(kind: Any) -> None:
    assert not Fault(kind, "").retryable
    assert Fault("connect", "").retryable
