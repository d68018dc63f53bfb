"""The one line that tells a verdict to the host, and what goes into it.

Sent as text into a sandbox (Python 3.8 or newer, standard library only), before session.py.
"""

import contextlib
import json
import os
import signal
import time
from typing import TYPE_CHECKING, Any, Dict, NoReturn, Optional

if TYPE_CHECKING:
    from assistant.verdicts.proxies import Proxy
    from assistant.verdicts.session import Session


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 4] + " ..."


def shown(value: Any, most: int = 300) -> str:
    """The start of a plain value's text; a proxy is not asked for its own."""
    if isinstance(value, Proxy):
        return f"<{value._kind} object>"
    if type(value) in (list, tuple) and any(isinstance(item, Proxy) for item in value):
        return f"[{', '.join(shown(item, 50) for item in value[:10])}]"
    try:
        return cut(repr(value), most)
    except Exception as error:  # noqa: BLE001 - a test's own __repr__ may raise any
        return f"<{type(error).__name__} while it was shown>"


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Events:
    """How often the kernel has enforced one of this container's limits."""

    def __init__(self, kind: str, word: str) -> None:
        self.word = word
        names = (kind + ".events", kind + "/" + kind + ".events", kind + "/memory.oom_control")
        self.paths = ["/sys/fs/cgroup/" + name for name in names]
        self.before = self.count()

    def count(self) -> int:
        for path in self.paths:
            with contextlib.suppress(OSError, ValueError), open(path) as file:
                for line in file:
                    if line.startswith(self.word + " "):
                        return int(line.split()[1])
        return 0

    def more(self) -> bool:
        return self.count() > self.before


class Report:
    """The one line that the host believes. Whoever tells it ends this process."""

    def __init__(self, fd: int, nonce: str) -> None:
        self.fd, self.nonce = fd, nonce
        self.session: Optional[Session] = None
        self.started = time.monotonic()

    def tell(self, outcome: str, detail: str = "", kind: str = "") -> NoReturn:
        session = self.session
        signal.setitimer(signal.ITIMER_REAL, 0)
        told: Dict[str, Any] = {"outcome": outcome, "detail": cut(detail, 2000), "kind": kind}
        told["seconds"] = round(time.monotonic() - self.started, 4)
        if session is not None:
            session.end()
            told["calls"] = session.calls
            told["output"] = cut(bytes(session.printed.start).decode("utf-8", "replace"), 4000)
            if outcome != "passed":
                told["input"] = session.last_call()
        line = f"\n{self.nonce} {json.dumps(told, ensure_ascii=False)}\n"
        data = line.encode("utf-8", "backslashreplace")
        while data:
            data = data[os.write(self.fd, data) :]
        os._exit(0)
