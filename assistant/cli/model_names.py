"""The names of the models that a session could go on with, asked for when someone wants them."""

import threading
import time
from collections.abc import Sequence

from assistant.cli.model import REPLAY
from assistant.cli.setup import Setup
from assistant.events import ModelError

SECONDS = 5.0
"""The server's list is waited for so long, by nobody who types; and so long after a failure"""
AGAIN = 8.0
"""it is not asked for again."""


class ModelNames:
    """What the server lists. The first who wants it sets off the asking and gets nothing yet."""

    def __init__(self, setup: Setup) -> None:
        self._settings = setup.settings
        self._names: Sequence[str] = ()
        self._asked = float("-inf")

    def __call__(self) -> Sequence[str]:
        settings = self._settings
        reachable = settings.base_url or settings.api_key
        due = not self._names and time.monotonic() > self._asked + SECONDS + AGAIN
        if due and reachable and not settings.model.startswith(REPLAY):
            self._asked = time.monotonic()
            # A daemon: a server that says nothing must not hold up who leaves.
            threading.Thread(target=self._ask, name="model names", daemon=True).start()
        return self._names

    def _ask(self) -> None:
        from assistant.model.openai_model import resolve_model
        from assistant.model.options import OPENAI_URL, Secret

        settings = self._settings
        key = Secret(settings.api_key) if settings.api_key else None
        try:
            found = resolve_model(settings.base_url or OPENAI_URL, key, seconds=SECONDS)
        except ModelError:
            return
        self._names = sorted(found)
