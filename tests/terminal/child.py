"""The real session over a model and an executor that do what the message says; run by the tests."""

import json
import signal
import sys
import time
from collections.abc import Generator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from assistant.chat import Chat, Openers
from assistant.events import (
    AssistantError,
    Checked,
    Checking,
    Chunk,
    CodeBlock,
    ExecResult,
    Output,
    Replied,
    Retrying,
    Said,
    Started,
    Usage,
    UsageError,
)
from assistant.protocols import Terms
from assistant.terminal.console import TerminalOptions
from assistant.terminal.repl import run_terminal

HOSTILE = (
    "title \x1b]0;owned\x07 clipboard \x1b]52;c;aGk=\x07 dcs \x1bP1$r\x1b\\ clear \x1b[2J\x1b[H "
    "csi \x9b2J bell \x07 back \x08\x08 return \rover bidi \u202eabc\u202c zero\u200bwidth del \x7f"
)
REPLIES = {
    "hello": "Hello **there**, friend.\n",
    "code": "Look:\n```python\ndef double(n):\n    return n * 2\nprint(double(21))\n```\nDone.\n",
    "shell": "```bash\nls \u202e-l\n```\n",
    "fail": "```python\nfail()\n```\n",
    "sleep": "```python\nsleep()\n```\n",
    "flood": "```python\nflood()\n```\n",
    "wideout": "```python\nwideout()\n```\n",
    "hostile": f"Some text {HOSTILE}\n\n```text\n{HOSTILE}\n```\n",
    "emit": "```python\nemit_hostile()\n```\n",
    "wide": "漢字漢字漢字漢字漢字漢字漢字漢字 é e\u0301 שלום עולם مرحبا\n\n👨\u200d👩\u200d👧\n",
    "table": "| Name | Size |\n|---|--:|\n| one | 1 |\n| twenty | 20 |\n",
    "long": "word " * 3000 + "\n",
    "lines": "".join(f"line {n}\n\n" for n in range(200)),
}

told: list[int] = []
"""Signals that came, and that the program is to end of."""


class TalkingModel:
    """Answers by the last word of the message, word by word; "slow" takes its time."""

    name = "talker"
    max_reply = 1000

    def count(self, messages: Sequence[Said | Replied]) -> int:
        return sum(len(message.text) // 4 for message in messages)

    def cost(self, prompt: int, completion: int) -> Decimal | None:
        return Decimal(prompt + completion) / 10_000

    def reply(
        self,
        messages: Sequence[Said | Replied],
        *,
        max_tokens: int,
        seconds: float,
        schema: Any = None,
    ) -> Generator[Chunk | Retrying, None, Replied]:
        asked = messages[-1]
        users = isinstance(asked, Said) and asked.role == "user"
        key = asked.text.split()[-1] if users else ""
        if key == "retry":
            yield Retrying(3, "the server is busy \x1b[31m")
            key = "hello"
        if key == "crash":
            raise AssistantError("something of ours failed", "Try another way.")
        if key == "wrapped":  # As Python before 3.12 does while a class is made.
            told.append(signal.SIGTERM)
            raise RuntimeError("Error calling __set_name__") from KeyboardInterrupt()
        text = REPLIES.get(key) or f"You said: {asked.text}\n" if users else "All done.\n"
        text, pause = ("tick " * 400, 0.05) if key == "slow" else (text, 0.001)
        sent = 0
        try:
            for at in range(0, len(text), 5):
                yield Chunk(text[at : at + 5])
                sent = at + 5
                time.sleep(pause if len(text) < 5000 else 0)
        except KeyboardInterrupt:
            return Replied(text[:sent], Usage(10, 0, sent // 4, estimated=True), "interrupted")
        return Replied(text, Usage(self.count(messages), 0, len(text) // 4, cost=Decimal("0.0123")))


class PretendExecutor:
    """Prints what the code's name says."""

    def __init__(self) -> None:
        self.state = 0

    def look(self) -> Sequence[str]:
        return ()

    def run(self, block: CodeBlock, seconds: float) -> Generator[Output, None, ExecResult]:
        output, code = f"ran {block.lang}\n", 0
        if "double" in block.code:
            output = "42\n"
        elif "fail" in block.code:
            output, code = "Traceback: no\n", 1
        elif "hostile" in block.code:
            output = HOSTILE
        elif "many" in block.code:
            output = "".join(f"{n}\n" for n in range(1, 501))
        elif "wideout" in block.code:
            output = "漢字" * 40 + "\n" + "y" * 100 + "\n"
        elif "sleep" in block.code:
            return (yield from self.sleep("sleeping\n"))
        elif "flood" in block.code:
            return (yield from self.sleep("".join(f"{n}\n" for n in range(1, 20_001))))
        yield Output(output)
        return ExecResult(code, output, 0.2, files=("made.py",) if code == 0 else ())

    def sleep(self, output: str) -> Generator[Output, None, ExecResult]:
        yield Output(output)
        try:
            for _ in range(600):
                time.sleep(0.05)
        except KeyboardInterrupt:
            return ExecResult(130, output, 0.5, "cancelled")
        return ExecResult(0, output, 30)


class PretendWorkspace:
    def __init__(self) -> None:
        self.done = 0

    def read(self, path: str, most: int) -> bytes:
        raise UsageError(f"there is no file {path}")

    def diff(self, paths: Sequence[str] = ()) -> str:
        return "--- a/made.py\n+++ b/made.py\n@@ -0,0 +1 @@\n+print(42) \x1b[2J\n"

    def conflicts(self) -> list[str]:
        return []

    def resolve(self, path: str, side: str) -> None: ...

    def refusals(self) -> list[str]:
        return ["link: a symbolic link to elsewhere"]

    def apply(self, paths: Sequence[str] | None = None) -> str:
        return f"wrote {', '.join(paths or ['made.py'])}"

    def undo(self, count: int = 1) -> str:
        return f"{count} back"

    def redo(self, count: int = 1) -> str:
        return f"{count} forward"

    def discard(self) -> str:
        return "thrown away"


class PretendCheck:
    def __init__(self, command: str) -> None:
        self.command = command

    def run(self, seconds: float) -> Generator[Checking | Output, None, Checked]:
        yield Checking(self.command)
        yield Output("1 test\n")
        return Checked("pass" in self.command, self.command, 0, "1 test\n", "1 test ran")


def model(name: str) -> TalkingModel:
    found = TalkingModel()
    found.name = name
    return found


def main() -> int:
    given = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    start, broken = given.pop("start", 0.0), given.pop("broken", False)
    folder = given.pop("folder", "/tmp/work")
    for name in ("history", "commands"):
        if name in given:
            given[name] = Path(given[name])
    if "dearest" in given:
        given["dearest"] = Decimal(given["dearest"])

    def chat() -> Chat:
        time.sleep(start)
        if broken:
            raise AssistantError("no engine answers", "Start Docker \x1b[2J")
        made = Chat(
            TalkingModel(),
            PretendExecutor(),
            Terms(),
            workspace=PretendWorkspace(),
            openers=Openers(model, PretendCheck),
        )
        made.session, made.folder = "s-1", folder
        made.pour(Started("1", "talker", folder))
        return made

    return run_terminal(chat, TerminalOptions(ended=lambda: bool(told), **given))


if __name__ == "__main__":
    sys.exit(main())
