"""No known secret gets through, whatever form it takes and wherever the text is split."""

import base64
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.redact import MARK, KeyBlocks, Redactor

KEY = "canary-9f/8e+7d=6c5b4a"
PLAIN = "The key is canary-9f, and nothing else is hidden. " * 3


def test_the_exact_value_is_replaced_everywhere() -> None:
    assert Redactor([KEY]).text(f"{KEY} and {KEY}!") == f"{MARK} and {MARK}!"


def test_text_without_a_secret_is_the_same_object() -> None:
    assert Redactor([KEY]).text(PLAIN) is PLAIN
    assert Redactor().text(PLAIN) is PLAIN


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "user::"])
@pytest.mark.parametrize("after", ["", "x", "xy", "xyz"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_at_every_offset(before: str, after: str, encode: Callable[[bytes], bytes]) -> None:
    for secret in (KEY, "sixteen letters.", "seventeen letters", "eighteen letters.."):
        hidden = encode(f"{before}{secret}{after}".encode()).decode()
        shown = Redactor([secret]).text(f"Basic {hidden} end")
        assert MARK in shown
        # At most the characters at the two ends, which the neighbours share, are left.
        core = encode(secret.encode()).decode()[4:-4]
        assert not before or core not in shown
        assert len(shown) <= len(f"Basic {MARK} end") + len(encode((before + after).encode())) + 8


def test_url_encoded_and_json_escaped() -> None:
    secret = 'pass word/ü"\\x'
    redactor = Redactor([secret])
    for form in (
        quote(secret, safe=""),
        quote(secret, safe="").lower(),
        quote_plus(secret),
        '"pass word/\\u00fc\\"\\\\x"'[1:-1],
        '"pass word/ü\\"\\\\x"'[1:-1],
    ):
        assert redactor.text(f"<{form}>") == f"<{MARK}>"


def test_short_secrets_are_ignored() -> None:
    assert Redactor(["", "1234567"]).text("1234567") == "1234567"
    assert Redactor(["12345678"]).text("12345678") == MARK


def test_overlapping_secrets_leave_no_piece() -> None:
    redactor = Redactor(["abcdefgh", "efghijkl", "abcdefghij-longer"])
    assert redactor.text("<abcdefghijkl>") == f"<{MARK}>"
    assert redactor.text("<abcdefghij-longer>") == f"<{MARK}>"


def test_bytes() -> None:
    redactor = Redactor([KEY, "schlüssel-ä"])
    data = b"\xff\x00" + KEY.encode() + b"\xfe" + "schlüssel-ä".encode()
    assert redactor.bytes(data) == b"\xff\x00[redacted]\xfe[redacted]"
    assert redactor.bytes(b"\xff") == b"\xff"


def test_repr_shows_no_secret() -> None:
    redactor = Redactor([KEY])
    stream = redactor.stream()
    stream.feed(KEY[:10])
    assert KEY[:8] not in repr(redactor) + repr(stream) + str(redactor)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("key sk-proj-abcdefghijklmnop1234 end", f"key {MARK} end"),
        ("risk-management-and-task-lists-of-length", "risk-management-and-task-lists-of-length"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", MARK),
        ("github_pat_11ABCDEFG0123456789_abcdef", MARK),
        ("id AKIAIOSFODNN7EXAMPLE.", f"id {MARK}."),
        ("Authorization: Bearer abc.def-ghi_jkl", f"Authorization: Bearer {MARK}"),
        ("bearer  abcdefgh12", f"bearer  {MARK}"),
        ("Authorization: Basic dXNlcjpwYXNz", f"Authorization: Basic {MARK}"),
        ("https://user:hunter2@example.org/x", f"https://{MARK}@example.org/x"),
        ("https://example.org:8080/a@b", "https://example.org:8080/a@b"),
        (
            "a\n-----BEGIN RSA PRIVATE KEY-----\nMII\nabc\n-----END RSA PRIVATE KEY-----\nb",
            f"a\n{MARK}\nb",
        ),
        ("-----BEGIN PRIVATE KEY-----\ncut off", MARK),
        ("the bearer of news", "the bearer of news"),
    ],
)
def test_patterns(text: str, left: str) -> None:
    assert Redactor().patterns(text) == left
    if text != left:
        assert Redactor().text(text) == text, "patterns are for screens and logs alone"


def test_patterns_include_the_known_secrets() -> None:
    assert Redactor([KEY]).patterns(f"{KEY} ghp_{'a' * 36}") == f"{MARK} {MARK}"


@pytest.mark.parametrize(
    "hostile",
    [
        "://" * 300_000,
        "-----BEGIN " * 90_000,
        "-----BEGIN PRIVATE KEY-----" * 40_000,
        "bearer " * 140_000,
        "sk-" * 300_000,
        "https://" + "a" * 1_000_000,
        "-----BEGIN " + "A" * 1_000_000,
    ],
)
def test_patterns_stay_linear(hostile: str) -> None:
    redactor = Redactor([KEY])
    started = time.process_time()
    redactor.patterns(hostile)
    # A pattern that goes back over the text would need minutes; the bound is only against that.
    assert time.process_time() - started < 20


def test_a_secret_split_over_two_pieces() -> None:
    for cut in range(1, len(KEY)):
        stream = Redactor([KEY]).stream()
        shown = stream.feed("x" + KEY[:cut]) + stream.feed(KEY[cut:] + "y") + stream.close()
        assert shown == f"x{MARK}y"


def test_a_stream_holds_back_only_what_may_become_a_secret() -> None:
    stream = Redactor([KEY]).stream()
    assert stream.feed("nothing here") == "nothing here"
    assert stream.feed("so far canar") == "so far "
    assert stream.feed("ies sing") == "canaries sing"
    assert stream.feed("cana") == ""
    assert stream.close() == "cana"


ALPHABET = st.text("ab-", max_size=60)


@given(
    secrets=st.lists(st.text("ab-", min_size=8, max_size=12), max_size=3),
    pieces=st.lists(st.text("ab-", max_size=9), max_size=12),
    planted=st.integers(0, 11),
)
def test_a_stream_adds_up_to_the_whole(secrets: list[str], pieces: list[str], planted: int) -> None:
    if secrets and pieces:
        half = len(secrets[0]) // 2
        pieces[planted % len(pieces) : 0] = [secrets[0][:half], secrets[0][half:]]
    redactor = Redactor(secrets)
    stream = redactor.stream()
    shown = [stream.feed(piece) for piece in pieces]
    fed = "".join(pieces)
    assert "".join([*shown, stream.close()]) == redactor.text(fed)
    assert not any(secret in redactor.text(fed) for secret in secrets)


@given(st.lists(ALPHABET, max_size=8))
def test_a_stream_holds_less_than_the_longest_secret(pieces: list[str]) -> None:
    secret = "abababab-abababab"
    redactor = Redactor([secret])
    longest = max(map(len, redactor._forms))
    stream = redactor.stream()
    for piece in pieces:
        stream.feed(piece)
        assert len(stream._held) < longest


PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4\n\nMIIBOgIBAAJBAKj34Gkx\nabc+/=\n"
    "-----END RSA PRIVATE KEY-----"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40, 10_000])
def test_a_key_of_many_lines_is_hidden_while_it_streams(size: int) -> None:
    text = f"--- a -- b\n{PEM}\nafter ----- -----BEGIN CERTIFICATE-----\n{PEM} end -----BEGIN"
    keys = KeyBlocks()
    shown = [keys.feed(text[at : at + size]) for at in range(0, len(text), size)]
    whole = "".join(shown) + keys.close()
    assert whole == text.replace(PEM, MARK)
    cut = KeyBlocks()
    assert cut.feed(f"x {PEM[:60]}") + cut.close() == f"x {MARK}"


def test_what_is_no_key_waits_for_nothing() -> None:
    keys = KeyBlocks()
    assert [keys.feed(piece) for piece in ("a - b", "-", " c", "word")] == [
        "a - b",
        "",
        "- c",
        "word",
    ]
