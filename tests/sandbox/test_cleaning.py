"""What cleaning takes away, and what a rebuild leaves behind. Every image here has a mark of the
test's own, so that no other is at stake."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, NotFound

from assistant.sandbox.building.workbench import NAME
from assistant.sandbox.cleaning import clean, remove_predecessors
from assistant.sandbox.engine import Engine
from assistant.sandbox.host import Host
from assistant.sandbox.image import BuiltImage, find_image

pytestmark = pytest.mark.docker

MARK = f"assistant.test.clean={os.getpid()}"
DEAD = f"{NAME}{2**22 + 1}-none-0123abcd"
Commit = Callable[..., str]


def tag_of(name: str) -> str:
    return f"assistant-test-{os.getpid()}:{name}"


@pytest.fixture
def host(engine: Engine, tmp_path: Path) -> Host:
    environment = {"PATH": os.environ["PATH"], "DOCKER_HOST": engine.endpoint.url}
    return Host(environment, tmp_path / "state", tmp_path / "cache")


@pytest.fixture
def commit(client: Any, sandbox_image: BuiltImage) -> Iterator[Commit]:
    """Makes an image of the sandbox's, with a tag or none; all are gone at the end."""
    made = client.containers.create(sandbox_image.id, ["true"], name=DEAD, network_mode="none")
    ids: list[str] = []

    def commit(tag: str = "", /, **labels: str) -> str:
        words = " ".join(f"assistant.{name}={value}" for name, value in labels.items())
        changes = f"LABEL {MARK} {words}\nENV number={len(ids)}"
        image = made.commit(*(tag.split(":") if tag else ()), changes=changes)
        ids.append(str(image.id))
        return ids[-1]

    try:
        yield commit
    finally:
        with suppress(APIError):
            made.remove(force=True)
        for image in reversed(ids):
            with suppress(APIError):
                client.images.remove(image, force=True)


def there(client: Any, name: str) -> bool:
    try:
        client.images.get(name)
    except NotFound:
        return False
    return True


def test_all_of_ours_goes_but_what_is_used_and_what_is_theirs(
    client: Any, host: Host, commit: Commit, sandbox_image: BuiltImage
) -> None:
    free, used, theirs = (tag_of(name) for name in ("free", "used", "theirs"))
    for tag, own in ((free, free), (used, used), (theirs, free)):
        commit(tag, tag=own)
    user = client.containers.create(used, ["true"], network_mode="none")
    try:
        lines = list(clean(host, MARK, everything=True))
        assert not there(client, free)
        assert there(client, used)
        assert there(client, theirs), "made of ours by somebody else"
        assert find_image(client, sandbox_image.tag) == sandbox_image
        names = {c.name for c in client.containers.list(all=True)}
        assert DEAD not in names
        assert user.name in names
    finally:
        user.remove(force=True)
    assert f"Removed the container {DEAD}" in lines
    assert f"Removed the image {free}" in lines
    assert f"Kept the image {used}: a container or another image uses it" in lines
    assert not any(theirs in line for line in lines)


def test_what_is_up_to_date_stays(client: Any, host: Host, commit: Commit) -> None:
    mine = tag_of("mine")
    older, newer, other = (f"assistant-project:test{os.getpid()}{n}" for n in "abc")
    commit(mine, tag=mine)
    for tag, folder in ((older, "x"), (newer, "x"), (other, "y")):
        commit(tag, tag=tag, folder=folder)
    nameless = commit(tag="assistant-none:none")
    lines = list(clean(host, MARK))
    assert [there(client, name) for name in (mine, newer, other)] == [True] * 3
    assert not there(client, older), "the folder has a newer one"
    assert not there(client, nameless)
    (told,) = (line for line in lines if "--all" in line)
    assert all(name in told for name in (mine, newer, other))
    assert older not in told


def test_a_new_image_takes_the_old_ones_away(client: Any, commit: Commit) -> None:
    tag = tag_of("rebuilt")
    old, used, new = (commit(tag, tag=tag) for _ in range(3))
    user = client.containers.create(used, ["true"], network_mode="none")
    work = client.containers.create(new, ["true"], network_mode="none")
    theirs = str(work.commit(changes="ENV mine=1").id)
    try:
        remove_predecessors(client, tag, new)
        assert [there(client, image) for image in (old, used, new, theirs)] == [
            False, True, True, True,
        ]  # fmt: skip
    finally:
        user.remove(force=True)
        work.remove(force=True)
        client.images.remove(theirs, force=True)
