"""What the tests of the models share: running a reply, canned answers, a server that misbehaves."""

import json
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from assistant.events import Chunk, Notice, Replied, Retrying, Said
from assistant.following import followed
from assistant.model.call import Clock
from assistant.model.openai_model import OpenAIModel
from assistant.model.options import ModelOptions, Secret

KEY = "sk-fake-canary-0123456789abcdef"
HISTORY = [Said("You write code.", "system"), Said("Say hello.")]
Happened = list[Chunk | Retrying | Notice]


def run(
    reply: Generator[Chunk | Retrying | Notice, None, Replied],
) -> tuple[Happened, Replied]:
    """All events of a reply, and what it returned."""
    happened: Happened = []
    replied = followed(reply, happened.append)
    return happened, replied


def ask(model: OpenAIModel, **asked: Any) -> tuple[Happened, Replied]:
    wanted: dict[str, Any] = {"max_tokens": 500, "seconds": 30.0, **asked}
    history = wanted.pop("history", HISTORY)
    return run(model.reply(history, **wanted))


def text_of(happened: Sequence[object], kind: str = "text") -> str:
    return "".join(e.text for e in happened if isinstance(e, Chunk) and e.kind == kind)


@dataclass
class FakeTime:
    """A clock that stands still but for the sleeps, which it writes down."""

    time: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.time, self.sleep)


def sse(*chunks: object) -> bytes:
    """Server-sent events: each chunk as JSON, a str as it is."""
    lines = [chunk if isinstance(chunk, str) else json.dumps(chunk) for chunk in chunks]
    return "".join(f"data: {line}\n\n" for line in lines).encode("utf-8", "surrogatepass")


def piece(text: str | None = None, finish: str | None = None, **delta: object) -> dict[str, Any]:
    """One chunk of Chat Completions."""
    if text is not None:
        delta["content"] = text
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }


def usage(prompt: int, completion: int, **more: object) -> dict[str, Any]:
    counts = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        **more,
    }
    return {**piece(), "choices": [], "usage": counts}


def stream_of(*chunks: object) -> httpx2.Response:
    headers = {"content-type": "text/event-stream"}
    return httpx2.Response(200, headers=headers, content=sse(*chunks))


HELLO = (piece("Hel"), piece("lo"), piece(finish="stop"), usage(20, 2), "[DONE]")


def refusal(
    status: int, message: str, headers: Mapping[str, str] | None = None, **fields: object
) -> httpx2.Response:
    body = {"error": {"message": message, "type": "error", **fields}}
    return httpx2.Response(status, json=body, headers=headers)


Answer = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]


@dataclass
class Canned:
    """Answers in order, the last one for ever; keeps the bodies of the requests."""

    answers: list[Answer]
    bodies: list[dict[str, Any]] = field(default_factory=list)
    requests: list[httpx2.Request] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        self.bodies.append(json.loads(request.content or b"{}"))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise type(answer)(str(answer))  # A new one: errors change as they are handled.
        if isinstance(answer, httpx2.Response):
            return httpx2.Response(
                answer.status_code, headers=answer.headers, content=answer.content
            )
        return answer(request)


def model_of(
    *answers: Answer, time: FakeTime | None = None, **options: Any
) -> tuple[OpenAIModel, Canned]:
    """A model over canned answers, with a clock that stands still."""
    canned = Canned(list(answers))
    given = {
        "model": "test-model",
        "api_key": Secret(KEY),
        "base_url": "http://server.test/v1",
        **options,
    }
    clock = (time or FakeTime()).clock
    model = OpenAIModel(ModelOptions(**given), clock=clock, transport=httpx2.MockTransport(canned))
    return model, canned


Talk = Callable[[socket.socket, threading.Event], None]


@contextmanager
def faulty_server(talk: Talk, *, reads: bool = True) -> Iterator[str]:
    """A loopback server that hands each connection, its request read, to ``talk``: the base URL.

    ``talk`` also gets an event that is set when the test is over.
    """
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    talks: list[threading.Thread] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            talks.append(threading.Thread(target=converse, args=(connection,), daemon=True))
            talks[-1].start()

    def converse(connection: socket.socket) -> None:
        with connection:
            try:
                if reads:
                    _read_request(connection)
                talk(connection, over)
            except OSError:
                return

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (server, *talks):
            thread.join(5)


def _read_request(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            while len(body) < int(line.split(b":")[1]):
                body += connection.recv(65536)


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
