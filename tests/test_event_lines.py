"""Every event becomes one line and the same event again; nothing else is taken for one."""

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.budget import spent
from assistant.event_lines import (
    TYPES,
    OtherVersion,
    decode,
    encode,
    intact,
    redacted,
    to_json,
)
from assistant.events import (
    CodeBlock,
    Event,
    ExecResult,
    Finished,
    Notice,
    Ran,
    RecordError,
    Replied,
    Retrying,
    Said,
    Started,
    Usage,
)
from assistant.redact import Redactor
from assistant.session_summary import summary

AT = datetime(2025, 6, 1, 12, 30, 0, 123456, tzinfo=UTC)
TEXT = st.text(st.characters(exclude_categories=()), max_size=30)


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type hint that compares equal to itself."""
    simple = {
        str: TEXT,
        int: st.integers(),
        bool: st.booleans(),
        float: st.floats(allow_nan=False),
        Decimal: st.decimals(allow_nan=False, allow_infinity=False),
        type(None): st.none(),
    }
    if hint in simple:
        return simple[hint]
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) in (Union, UnionType):
        return st.one_of(*map(values, get_args(hint)))
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), max_size=3).map(tuple)
    if get_origin(hint) is Mapping:
        return st.dictionaries(st.text(max_size=9), TEXT, max_size=3)
    assert isinstance(hint, type)
    hints = get_type_hints(hint)
    return st.builds(hint, **{field.name: values(hints[field.name]) for field in fields(hint)})


@given(st.sampled_from(sorted(TYPES)).flatmap(lambda name: values(TYPES[name])))
def test_every_event_comes_back(event: Event) -> None:
    line = encode(event, 7, AT)
    one = decode(line)
    assert (one.seq, one.at, one.event) == (7, AT, event)
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert line.endswith(b"}\n")
    assert intact(line)
    assert intact(line[:-1])


def test_the_envelope() -> None:
    line = encode(Said("hi"), 3, AT)
    value = json.loads(line)
    assert list(value) == ["v", "seq", "at", "type", "text", "role", "crc"]
    assert value["v"] == 1
    assert value["at"] == "2025-06-01T12:30:00.123456Z"
    assert json.loads(to_json(Said("hi"))) == {"v": 1, "type": "Said", "text": "hi", "role": "user"}


@pytest.mark.parametrize(
    "text",
    [
        "\0",
        "a\ud800b",
        "\udcff\udc80",
        "\ud83d" + "\ude00" + "\U0001f600",  # Two surrogates are not one character.
        "\x1b]52;c;aGk=\x07",
        "\u2028\x85\r\n",
        "\x7f\x9b31m",
        "é" * 10,
    ],
)
def test_text_that_is_not_clean_comes_back_exactly(text: str) -> None:
    assert decode(encode(Said(text), 1, AT)).event == Said(text)


def test_numbers_that_json_does_not_know() -> None:
    assert decode(encode(Retrying(float("inf"), "w"), 1, AT)).event == Retrying(float("inf"), "w")
    event = Replied("x", Usage(cost=Decimal("0.000120")))
    back = decode(encode(event, 1, AT)).event
    assert isinstance(back, Replied)
    assert str(back.usage.cost) == "0.000120"


def test_fields_with_a_default_may_be_missing() -> None:
    line = encode(Said("hi"), 1, AT).replace(b',"role":"user"', b"")
    assert decode(again(line)).event == Said("hi")


def again(line: bytes) -> bytes:
    """The line with a checksum that fits."""
    import zlib

    body = line.rsplit(b',"crc"', 1)[0]
    return b'%s,"crc":"%08x"}\n' % (body, zlib.crc32(body + b"}"))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"type":"Said"', b'"type":"Sang"', "unknown event 'Sang'"),
        (b'"role":"user"', b'"rule":"user"', "Said has no field 'rule'"),
        (b'"role":"user"', b'"role":"root"', "expected one of system, user, result, got 'root'"),
        (b'"role":"user"', b'"role":7', "expected one of system, user, result, got 7"),
        (b',"text":"hi"', b"", "Said lacks its field 'text'"),
        (b'"text":"hi"', b'"text":7', "expected str, got 7"),
        (b'"text":"hi"', b'"text":{"base64":"?"}', "base64"),
        (b'"text":"hi"', b'"text":{"base64":"/w=="}', "utf-8"),
        (b'"seq":1', b'"seq":"1"', "not a line of a record"),
        (b'"seq":1,', b"", "not a line of a record"),
        (b'"v":1', b'"v":true', "not a line of a record"),
        (b'"at":"2025-06-01T12:30:00.123456Z"', b'"at":"noon"', "noon"),
        (b'"at":"2025-06-01T12:30:00.123456Z"', b'"at":"2025-06-01"', "without a zone"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: bytes, new: bytes, why: str) -> None:
    line = encode(Said("hi"), 1, AT)
    assert old in line
    with pytest.raises(RecordError, match=r"line 12: ") as caught:
        decode(again(line.replace(old, new)), 12)
    assert why in caught.value.message


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"v":1}',
        b'{"v":1,"n":' + b"9" * 5000 + b"}",
        b'{"type":"Said","text":"hi"}',
        encode(Said("hi"), 1, AT).replace(b"hi", b"ho"),
        encode(Said("hi"), 1, AT)[:-3],
        encode(Said("hi"), 1, AT)[1:],
    ],
)
def test_other_bytes_are_refused(line: bytes) -> None:
    with pytest.raises(RecordError, match="line 3: "):
        decode(line, 3)


def test_another_version_is_told_apart() -> None:
    with pytest.raises(OtherVersion, match="version 2") as caught:
        decode(again(encode(Said("hi"), 1, AT).replace(b'"v":1', b'"v":2')), 1)
    assert caught.value.remedy


def test_what_is_no_event_is_not_written() -> None:
    with pytest.raises(RecordError, match="Said cannot be written: expected str, got 7"):
        encode(Said(7), 1, AT)  # type: ignore[arg-type]  # Wrong on purpose.
    with pytest.raises(RecordError, match="expected one of"):
        encode(Finished("fine"), 1, AT)  # type: ignore[arg-type]  # Wrong on purpose.


def test_redaction_reaches_all_text_and_nothing_else() -> None:
    secret = "reasoning"  # Also the name of a field, and of a tokens count.
    redactor = Redactor([secret, 'quo"te\ud800d'])
    event = Ran(
        CodeBlock("python", f"print('{secret}')", f"{secret}.py"),
        ExecResult(0, f'{secret} quo"te\ud800d', notes=(secret,), files=(f"a/{secret}",)),
    )
    clean = Ran(
        CodeBlock("python", "print('[redacted]')", "[redacted].py"),
        ExecResult(0, "[redacted] [redacted]", notes=("[redacted]",), files=("a/[redacted]",)),
    )
    assert decode(encode(event, 1, AT, redactor)).event == clean
    assert secret not in to_json(event, redactor)
    assert redacted(event, redactor) == clean
    reply = Replied("x", Usage(reasoning=5), reasoning="because")
    assert decode(encode(reply, 1, AT, redactor)).event == reply
    assert redacted(reply, redactor) is reply
    started = Started("1", "m", budget={secret: secret})
    assert secret not in to_json(started, redactor)


def test_notices_and_all_names_are_known() -> None:
    assert TYPES["Notice"] is Notice
    envelope = {"v", "seq", "at", "type", "crc"}
    for kind in TYPES.values():
        assert envelope.isdisjoint(field.name for field in fields(kind)), kind


def forged(event: Event, **fields: str) -> bytes:
    """A line of a record with raw JSON in place of some of its fields, and the right checksum."""
    line = encode(event, 1, AT).partition(b',"crc"')[0].decode()
    for name, raw in fields.items():
        found = re.search(rf'"{name}":("[^"]*"|[^,}}]*)', line)
        assert found
        line = f'{line[: found.start()]}"{name}":{raw}{line[found.end() :]}'
    data = f"{line}}}".encode()
    return b'%s,"crc":"%08x"}\n' % (data[:-1], zlib.crc32(data))


@pytest.mark.parametrize(
    "fields",
    [
        {"at": '"0001-01-01T00:00:00+14:00"'},
        {"at": '"9999-12-31T23:59:59-14:00"'},
        {"seconds": "1" * 400},
        {"prompt": "1" * 4200},
        {"prompt": "[" * 100_000},
        {"cost": '"1e999999999"'},
        {"cost": '"1e-999999999"'},
        {"cost": '"sNaN"'},
    ],
    ids=lambda fields: " ".join(f"{name} {raw:.12}" for name, raw in fields.items()),
)
def test_what_nobody_wrote_is_damage_and_no_crash(tmp_path: Path, fields: Any) -> None:
    line = forged(Replied("x", Usage(1, 0, 1, 0, Decimal(1))), **fields)
    with pytest.raises(RecordError):
        decode(line, 1)
    record = tmp_path / "s" / "record.jsonl"
    record.parent.mkdir()
    record.write_bytes(line)
    assert summary(record).id == "s"


def test_a_record_gives_nothing_back_to_the_budget() -> None:
    line = forged(Replied("x", Usage(1, 0, 9, 0, Decimal(1))), prompt="-5", cost='"-3"')
    event = decode(line).event
    used = spent([event])
    assert (used.tokens, used.dollars) == (9, Decimal(0))
