"""Values arrive as they were sent, with their exact types; nonsense is refused."""

import math
import socket
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.verdicts import wire

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None))
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.dates()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(scalars, inner)
        | st.sets(scalars)
        | st.frozensets(scalars)
    ),
)


def refuse(node: Any) -> Any:
    raise wire.Damaged(str(node))


def packed(value: Any) -> Any:
    return wire.pack(value, lambda odd: wire.pack_more(odd) or ["?"])


def sent(value: Any) -> Any:
    """Through a real channel."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        wire.Channel(ours).send(packed(value))
        return wire.unpack(wire.Channel(theirs).receive(), refuse)


def exact(one: Any, other: Any) -> bool:
    """Equal with equal types all the way down."""
    return one == other and repr(one) == repr(other)


@settings(deadline=None)
@given(values)
def test_values_arrive_exactly(value: Any) -> None:
    back = wire.unpack(packed(value), refuse)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        [1, True, 1.0, -0.0, math.inf, None, "", b"", 10**4000, -(10**700)],
        [[1, 2], (3, [4, {5}]), {"a": (1,)}, frozenset({2}), range(3, 9, 2), slice(1, None)],
        {1: {(2, 3): [4]}, None: ..., "x": False},
        "\ud800 \udfff \ud83d\ude00 \U0001f600 \0",
        OrderedDict([("b", 1), ("a", 2)]),
        deque([1, [2]], maxlen=3),
        [Decimal("1.50"), Fraction(-3, 7), date(2024, 2, 29), timedelta(1, 2, 3)],
        datetime(2024, 2, 29, 12, 30, 1, 5),
        bytearray(b"\x00\xff"),
        [complex(1, -2), complex(math.inf, 0)],
    ],
)
def test_a_channel_carries(value: Any) -> None:
    back = sent(value)
    assert exact(back, value)
    assert type(back) is type(value)


def test_nan_and_standard_containers() -> None:
    assert math.isnan(sent(math.nan))
    counted = sent(Counter("hello"))
    assert (type(counted), counted) == (Counter, Counter("hello"))
    grouped = sent(defaultdict(list, {1: [2]}))
    assert grouped.default_factory is list
    assert grouped == {1: [2]}


def test_two_surrogates_are_not_one_letter() -> None:
    assert sent("\ud83d\ude00") != "\U0001f600"


@pytest.mark.parametrize(
    "node",
    [
        {},
        [],
        [1],
        ["L"],
        ["L", 5],
        ["L", [[1]]],
        ["t", [1, 2]],
        ["i", "zz"],
        ["r", 1, "a", None],
        ["s", ["l", [["L", [1]]]]],
        ["b", "not hex"],
        ["T", "eval", [1]],
        ["T", "date", ["a"]],
        ["F", "0x1", "0x0"],
        ["c", "1", 2],
        ["q", ["L", [1]], "a"],
        ["?", 1],
    ],
)
def test_nonsense_is_refused(node: Any) -> None:
    with pytest.raises(wire.Damaged):
        wire.unpack(node, refuse)


def test_depth_and_size_are_bounded() -> None:
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    with pytest.raises(wire.Unfit):
        packed(deep)
    node: Any = ["l", []]
    for _ in range(400):
        node = ["l", [node]]
    with pytest.raises(wire.Damaged):
        wire.unpack(node, refuse)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        with pytest.raises(wire.Unfit):
            wire.Channel(ours).send("x" * (wire.LARGEST + 1))
        ours.send(b"\xff" * 8)
        with pytest.raises(wire.Damaged):
            wire.Channel(theirs).receive()
