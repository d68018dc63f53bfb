"""Every test starts without memory of servers, and leaves no connection behind."""

from collections.abc import Iterator

import pytest

from assistant.model import quirks
from assistant.model.openai_model import close_clients


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    quirks.forget()
    yield
    close_clients()
