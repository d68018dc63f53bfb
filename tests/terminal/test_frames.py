"""The task that draws frames ends when it is told to, whatever happens at that moment."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from assistant.terminal.desk import Desk


@pytest.mark.parametrize("turns", range(4))
def test_news_of_the_same_moment_do_not_keep_it(turns: int) -> None:
    async def ended() -> bool:
        exchange = SimpleNamespace(state="idle")
        desk: Any = SimpleNamespace(exchange=exchange, _hint="x", _told="", _paused=True)
        desk.news = asyncio.Event()
        task = asyncio.create_task(Desk._frames(desk))
        await asyncio.sleep(0.01)
        desk.news.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=1)
        task.cancel()
        return bool(done)

    assert asyncio.run(ended())
