"""The model against a server on loopback that breaks the connection in every way it can."""

import gzip
import signal
import socket
import threading
import time
import zlib

import pytest

from assistant.events import ModelError, Replied, Retrying
from assistant.model.openai_model import OpenAIModel
from assistant.model.options import ModelOptions, Timeouts
from tests.model.helpers import (
    HISTORY,
    STREAM_HEAD,
    FakeTime,
    Talk,
    ask,
    faulty_server,
    piece,
    sse,
)

ENDLESS = 30.0
"""Seconds; a test that runs into this has found a hang."""


def talk_to(talk: Talk, *, silence: float = 5.0, seconds: float = ENDLESS) -> tuple[Replied, float]:
    with faulty_server(talk) as url:
        options = ModelOptions("m", base_url=url, timeouts=Timeouts(2.0, silence))
        began = time.monotonic()
        _, replied = ask(OpenAIModel(options), seconds=seconds)
        return replied, time.monotonic() - began


def test_a_connection_that_drops_in_the_middle_keeps_the_text() -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        head = STREAM_HEAD.replace(b"\r\n\r\n", b"\r\ncontent-length: 9999\r\n\r\n")
        connection.sendall(head + sse(piece("half a ")))

    replied, _ = talk_to(talk)
    assert (replied.text, replied.finish) == ("half a ", "broken")
    assert "dropped" in replied.detail
    assert replied.usage.estimated


def test_a_stream_that_just_ends_is_broken() -> None:
    replied, _ = talk_to(lambda connection, _: connection.sendall(STREAM_HEAD + sse(piece("half"))))
    assert (replied.text, replied.finish) == ("half", "broken")
    assert "before the reply was finished" in replied.detail


def test_a_call_without_any_limit_of_time() -> None:
    body = b'{"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]}'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n"
    forever = float("inf")
    stream = STREAM_HEAD + sse(piece("ok", "stop"))
    assert (
        talk_to(lambda connection, _: connection.sendall(stream), seconds=forever)[0].text == "ok"
    )
    with faulty_server(lambda connection, _: connection.sendall(head + body)) as url:
        done = OpenAIModel(ModelOptions("m", base_url=url)).complete(HISTORY, seconds=forever)
    assert done.texts == ("ok",)


def test_a_stream_that_drops_after_its_end_is_whole() -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        head = STREAM_HEAD.replace(b"\r\n\r\n", b"\r\ncontent-length: 9999\r\n\r\n")
        connection.sendall(head + sse(piece("all"), piece(finish="stop")))

    replied, _ = talk_to(talk)
    assert (replied.text, replied.finish) == ("all", "stop")


def test_bytes_that_are_no_utf8_are_no_crash() -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(STREAM_HEAD + sse(piece("ok")) + b'data: {"a": "\xff\xfe"}\n\n')

    replied, _ = talk_to(talk)
    assert (replied.text, replied.finish) == ("ok", "broken")


def test_a_stall_ends_after_the_allowed_silence() -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(STREAM_HEAD + sse(piece("half")))
        over.wait(ENDLESS)

    replied, took = talk_to(talk, silence=0.2)
    assert (replied.text, replied.finish) == ("half", "broken")
    assert "silent" in replied.detail
    assert took < ENDLESS / 2


@pytest.mark.parametrize("answered", [True, False])
def test_a_slow_first_word_breaks_the_call_and_doubles_the_patience(answered: bool) -> None:
    tries: list[float] = []

    def talk(connection: socket.socket, over: threading.Event) -> None:
        tries.append(time.monotonic())
        connection.sendall(STREAM_HEAD if answered else b"")
        over.wait(0.6 if len(tries) > 1 else ENDLESS)
        connection.sendall((b"" if answered else STREAM_HEAD) + sse(piece("late", "stop")))

    with faulty_server(talk) as url:
        model = OpenAIModel(ModelOptions("m", base_url=url, timeouts=Timeouts(2.0, 0.4)))
        _, first = ask(model)
        _, second = ask(model)
    assert (first.text, first.finish) == ("", "broken")
    assert first.usage.prompt > 0
    assert (second.text, second.finish) == ("late", "stop")


def test_a_server_that_keeps_the_line_alive_for_ever_is_cut_at_the_calls_end() -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(STREAM_HEAD + sse(piece("half")))
        while not over.wait(0.02):
            connection.sendall(b": still there\n\n")

    replied, took = talk_to(talk, seconds=0.5)
    assert (replied.text, replied.finish) == ("half", "broken")
    assert "time of the call was over" in replied.detail
    assert took < ENDLESS / 2


def test_a_stream_that_runs_past_the_calls_end_is_cut() -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(STREAM_HEAD)
        while not over.wait(0.02):
            connection.sendall(sse(piece("word ")))

    replied, took = talk_to(talk, seconds=0.5)
    assert replied.text.startswith("word word ")
    assert replied.finish == "broken"
    assert "time of the call was over" in replied.detail
    assert took < ENDLESS / 2


CHUNKED = STREAM_HEAD.replace(b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n")
DRIBBLES = {
    "a header": (b"HTTP/1.1 200 OK\r\nx-long: ", b"a", 0.1),
    "provisional answers": (b"", b"HTTP/1.1 102 Processing\r\n\r\n", 0.1),
    "provisional answers at once": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500, 0.0),
    "the size of a piece": (CHUNKED + b"5;", b"a", 0.1),
    "what follows the last piece": (CHUNKED + b"0\r\n", b"x: a\r\n", 0.1),
}


@pytest.mark.parametrize("name", DRIBBLES)
def test_a_server_that_dribbles_holds_no_call_beyond_its_end(name: str) -> None:
    begun, again, pause = DRIBBLES[name]

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(begun)
        while not over.wait(pause):
            connection.sendall(again)

    replied, took = talk_to(talk, seconds=1.0)
    assert replied.finish == "broken"
    assert "the time of the call was over" in replied.detail
    assert took < ENDLESS


def test_a_reply_that_goes_on_after_its_end_is_cut() -> None:
    flood = sse(piece("x" * 10_000)) * 20

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(STREAM_HEAD + sse(piece("Hi", "stop")))
        while not over.is_set():
            connection.sendall(flood)

    replied, _ = talk_to(talk)
    assert replied.finish == "length"
    assert len(replied.text) < 100_000


@pytest.mark.parametrize(
    ("packing", "data", "finish", "said"),
    [
        ("gzip", gzip.compress(sse(piece("Hi", "stop"))), "stop", ""),
        ("deflate", zlib.compress(sse(piece("Hi", "stop"))), "stop", ""),
        ("gzip", gzip.compress(sse(piece("Hi")))[:-20], "broken", ""),
        ("gzip", b"no gzip at all", "broken", "damaged"),
        ("gzip", gzip.compress(b" " * (70 << 20)), "broken", "too long"),
        ("gzip, gzip", b"", "", "not asked for"),
        ("br", b"", "", "not asked for"),
    ],
)
def test_a_packed_answer_is_unpacked_within_bounds(
    packing: str, data: bytes, finish: str, said: str
) -> None:
    head = STREAM_HEAD.replace(b"\r\n\r\n", f"\r\ncontent-encoding: {packing}\r\n\r\n".encode())
    if not finish:
        with (
            pytest.raises(ModelError, match=said),
            faulty_server(lambda c, _: c.sendall(head)) as url,
        ):
            ask(OpenAIModel(ModelOptions("m", base_url=url, tries=1)))
        return
    replied, _ = talk_to(lambda connection, _: connection.sendall(head + data))
    assert replied.finish == finish, replied
    assert said in replied.detail


@pytest.mark.parametrize("said", ["1e300", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_without_sense_is_not_waited_for(said: str) -> None:
    answer = f"HTTP/1.1 429 No\r\nretry-after: {said}\r\ncontent-length: 0\r\n\r\n".encode()
    with pytest.raises(ModelError) as caught:
        talk_to(lambda connection, _: connection.sendall(answer), seconds=float("inf"))
    assert "asks to wait" in caught.value.remedy


def test_a_line_without_an_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.model.connection.MOST_LINE", 100_000)

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(STREAM_HEAD + sse(piece("half")) + b"data: ")
        while True:
            connection.sendall(b"x" * 10_000)

    replied, _ = talk_to(talk)
    assert (replied.text, replied.finish) == ("half", "broken")
    assert "too long" in replied.detail


def test_an_error_without_end_is_cut() -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        while True:
            connection.sendall(b"x" * 100_000)

    with pytest.raises(ModelError) as caught:
        talk_to(talk)
    assert caught.value.kind == "bad-request"
    assert len(str(caught.value)) < 1000


def test_a_server_that_leaves_before_it_answers_is_asked_again() -> None:
    tries: list[int] = []

    def talk(connection: socket.socket, over: threading.Event) -> None:
        tries.append(1)
        if len(tries) > 1:
            connection.sendall(STREAM_HEAD + sse(piece("back", "stop")))

    with faulty_server(talk) as url:
        waits = FakeTime()
        model = OpenAIModel(ModelOptions("m", base_url=url), clock=waits.clock)
        happened, replied = ask(model)
    assert isinstance(happened[0], Retrying)
    assert replied.text == "back"
    assert len(waits.slept) == 1


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    waits = FakeTime()
    options = ModelOptions("m", base_url=f"http://127.0.0.1:{port}/v1")
    with pytest.raises(ModelError, match=f"127.0.0.1:{port}.*cannot be reached") as caught:
        ask(OpenAIModel(options, clock=waits.clock))
    assert caught.value.kind == "unavailable"
    assert len(waits.slept) == 3


def test_a_plain_server_asked_for_tls_is_named() -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with faulty_server(talk, reads=False) as url:
        options = ModelOptions("m", base_url=url.replace("http:", "https:"))
        with pytest.raises(ModelError, match="cannot be reached"):
            ask(OpenAIModel(options, clock=FakeTime().clock))


def test_ctrl_c_while_waiting_for_a_word_returns_what_came() -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(STREAM_HEAD + sse(piece("half")))
        time.sleep(0.1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        over.wait(ENDLESS)

    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with faulty_server(talk) as url:
            model = OpenAIModel(ModelOptions("m", base_url=url))
            model.warm()
            _, replied = ask(model)
    finally:
        signal.signal(signal.SIGINT, previous)
    assert replied.finish == "interrupted"
    assert replied.text in ("half", "")


def test_closing_a_reply_in_the_middle_closes_the_connection() -> None:
    gone = threading.Event()

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(STREAM_HEAD + sse(piece("half")))
        connection.settimeout(ENDLESS)
        if connection.recv(1) == b"":
            gone.set()

    with faulty_server(talk) as url:
        reply = OpenAIModel(ModelOptions("m", base_url=url)).reply(
            HISTORY, max_tokens=10, seconds=ENDLESS
        )
        next(reply)
        reply.close()
        assert gone.wait(ENDLESS)
