"""What streaming through the model part costs over the bare SDK, on loopback.

    python benchmarks/model.py [CHUNKS]

A server of its own process streams a reply in small chunks. The same reply is read by a loop over
the SDK's chunks and by ``OpenAIModel.reply``; process time (CPU) of this side is compared, the best
of several rounds each, taken in turns.
"""

import json
import multiprocessing
import socket
import sys
import time
from multiprocessing.connection import Connection

from assistant.events import Said
from assistant.model.openai_model import OpenAIModel
from assistant.model.options import ModelOptions, Secret

CHUNKS = 10_000
ROUNDS = 5
KEY = "sk-" + "0123456789abcdef" * 10
TEXT = "def add(a, b):\n    return a + b\n"


def serve(port: Connection, chunks: int) -> None:
    """Answer every request with the same stream, for ever."""
    pieces = [TEXT[i % len(TEXT) :][:4] for i in range(chunks)]
    events = [_event(delta={"content": piece}, finish_reason=None) for piece in pieces]
    events += [_event(delta={}, finish_reason="stop"), "data: [DONE]\n\n"]
    body = "".join(events)
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    answer = (head + body).encode()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port.send(listener.getsockname()[1])
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass


def _event(**choice: object) -> str:
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return f"data: {json.dumps({**chunk, 'choices': [{'index': 0, **choice}]})}\n\n"


def bare(url: str) -> str:
    import openai

    with openai.OpenAI(api_key=KEY, base_url=url, max_retries=0) as client:
        stream = client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "go"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        parts = [c.choices[0].delta.content or "" for c in stream if c.choices]
    return "".join(parts)


def ours(url: str) -> str:
    model = OpenAIModel(ModelOptions("m", Secret(KEY), url))
    reply = model.reply([Said("go")], max_tokens=100_000, seconds=600)
    while True:
        try:
            next(reply)
        except StopIteration as end:
            text: str = end.value.text
            return text


def main(chunks: int) -> None:
    receiver, sender = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.Process(target=serve, args=(sender, chunks), daemon=True)
    server.start()
    sender.close()  # Else a server that died would be waited for.
    url = f"http://127.0.0.1:{receiver.recv()}/v1"
    assert bare(url) == ours(url)  # Also loads what is loaded once.
    best = {bare: float("inf"), ours: float("inf")}
    for _ in range(ROUNDS):
        for way in best:
            began = time.process_time()
            way(url)
            best[way] = min(best[way], time.process_time() - began)
    server.terminate()
    for way, seconds in best.items():
        print(f"{way.__name__:5} {seconds:7.3f} s  {seconds / chunks * 1e6:6.1f} µs per chunk")
    print(f"ratio {best[ours] / best[bare]:7.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CHUNKS)
