"""Bytes to text and back: the same bytes, whatever they are written in; binary is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.code.encodings import Decoded, NotText, decoded, encoded

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"))


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"", "utf-8", ""),
        ("grüß".encode(), "utf-8", "grüß"),
        (b"\xef\xbb\xbfx\r\n", "utf-8", "x\r\n"),
        (b"\xff\xfex\0", "utf-16-le", "x"),
        (b"\xfe\xff\0x", "utf-16-be", "x"),
        (b"\xff\xfe\0\0x\0\0\0", "utf-32-le", "x"),
        (b"gr\xfc\xdf", "latin-1", "grüß"),
        (b"\x80 5", "cp1252", "€ 5"),
        (b"# -*- coding: latin-1 -*-\n\xc3\xa9", "iso8859-1", "# -*- coding: latin-1 -*-\nÃ©"),
        (b"#!/bin/sh\n# vim: set fileencoding=cp1251 :\n\xe0", "cp1251", None),
        (b"# coding: rot13\nx", "utf-8", None),
        (b"# coding: nothing\nx", "utf-8", None),
        (b'<?xml version="1.0" encoding="iso-8859-2"?>\n\xb1', "iso8859-2", None),
        (b"x = 1\n# coding: latin-1\n", "utf-8", None),
    ],
)
def test_what_a_file_is_written_in(data: bytes, encoding: str, text: str | None) -> None:
    found = decoded(data)
    assert found.encoding == encoding
    assert text is None or found.text == text
    assert encoded(found.text, found) == data


@pytest.mark.parametrize(
    "data",
    [b"a\0b", b"\x81\x8d", b"\xff\xfe\xd8", b"# coding: utf-8\n\xff", b"\xff\xfe\0\0\0\0\0\0"],
)
def test_what_is_no_text_is_told(data: bytes) -> None:
    with pytest.raises(NotText):
        decoded(data)


def test_what_an_encoding_lacks_is_told_by_its_number() -> None:
    with pytest.raises(NotText, match=r"U\+20AC"):
        encoded("€", Decoded("", "latin-1"))


@given(st.binary())
def test_any_bytes_come_back_or_are_refused(data: bytes) -> None:
    try:
        found = decoded(data)
    except NotText:
        return
    assert encoded(found.text, found) == data


@given(TEXTS, st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-be"]))
def test_any_text_can_be_written_where_a_mark_says_how(text: str, encoding: str) -> None:
    like = Decoded("", encoding, "\ufeff".encode(encoding))
    again = decoded(encoded(text, like))
    if encoding == "utf-16-le" and text.startswith("\0"):
        return
    assert again == Decoded(text, encoding, like.mark)
