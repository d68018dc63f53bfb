"""The next sandbox opens before it is asked for; never more than one waits, and none stays."""

import os
import threading

import pytest

from assistant.events import SandboxError
from assistant.sandbox.ahead import Ahead
from assistant.sandbox.local import LocalOptions, LocalSandbox
from tests.sandbox.contract import go


class Counted:
    """Opens local sandboxes; knows which were opened, and which closed."""

    def __init__(self) -> None:
        self.made: list[LocalSandbox] = []
        self.closed: list[LocalSandbox] = []
        self.opened = threading.Event()
        self.broken = False

    def __call__(self) -> LocalSandbox:
        if self.broken:
            raise SandboxError("there is no engine")
        counted = self

        class Told(LocalSandbox):
            def open(self) -> None:
                super().open()
                counted.opened.set()

            def close(self) -> None:
                counted.closed.append(self)
                super().close()

        self.made.append(Told(LocalOptions(dict(os.environ), "fresh")))
        return self.made[-1]


@pytest.fixture
def opener() -> Counted:
    return Counted()


def test_one_that_was_prepared_is_taken(opener: Counted) -> None:
    with Ahead(opener) as ahead:
        ahead.prepare()
        ahead.prepare()
        assert opener.opened.wait(60)
        with ahead.take() as sandbox:
            assert go(sandbox, "print(1)").output == "1\n"
            assert len(opener.made) == 1
        assert opener.closed == opener.made
        with ahead.take() as sandbox:  # Nobody prepared this one.
            assert go(sandbox, "print(2)").output == "2\n"
    assert opener.closed == opener.made
    assert len(opener.made) == 2


def test_one_that_is_not_wanted_is_closed(opener: Counted) -> None:
    with Ahead(opener) as ahead:
        ahead.prepare()
    assert opener.closed == opener.made
    ahead.prepare()
    assert len(opener.made) == 1


@pytest.mark.parametrize("spoil", ["ended", "failed"])
def test_one_that_is_gone_by_then_is_replaced(opener: Counted, spoil: str) -> None:
    with Ahead(opener) as ahead:
        opener.broken = spoil == "failed"
        ahead.prepare()
        if spoil == "ended":
            assert opener.opened.wait(60)
            link = opener.made[0]._link
            assert link is not None
            link.close()
        else:
            waiting = ahead._waiting
            assert waiting is not None
            assert not waiting.stands()
        opener.broken = False
        with ahead.take() as sandbox:
            assert go(sandbox, "print(1)").output == "1\n"
    assert opener.closed[-1] is opener.made[-1]


def test_where_there_is_none_that_is_raised_where_it_is_used(opener: Counted) -> None:
    opener.broken = True
    with Ahead(opener) as ahead:
        ahead.prepare()
        with ahead.take() as sandbox, pytest.raises(SandboxError, match="no engine"):
            go(sandbox, "print(1)")
