"""What the loop itself costs, with a model and a sandbox that answer at once."""

import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from assistant.budget import Budget
from assistant.chat import Chat
from assistant.events import ExecResult
from assistant.model.replay import ScriptedModel
from assistant.protocols import Terms
from tests.fakes import ListExecutor

REPLY = "Next step:\n\n```python\nprint('hello')\n```\n"
BUDGET = Budget(replies=None, tokens=None, dollars=None, seconds=None, blocks=None)


def conversation(turns: int) -> float:
    """Seconds for one chat of so many turns, each with one block that runs."""
    chat = Chat(
        ScriptedModel([text for _ in range(turns) for text in (REPLY, "Done.")]),
        ListExecutor(*[ExecResult(0, "hello\n")] * turns),
        Terms(BUDGET),
    )
    began = time.perf_counter()
    for _ in range(turns):
        chat.say("go on")
    return time.perf_counter() - began


def main() -> None:
    for turns in (10, 100, 400):
        took = conversation(turns)
        print(f"{turns:4} turns: {took / turns / 2 * 1000:6.3f} ms a reply (cap: 2 ms a turn)")
    threads = [threading.Thread(target=conversation, args=(10,)) for _ in range(100)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    print(f"100 conversations of 10 turns in 100 threads: {took:.2f} s (cap: 2 s)")


if __name__ == "__main__":
    main()
