"""Takes away what nobody uses any more: containers left behind, images that are replaced."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from assistant.events import SandboxError
from assistant.sandbox.building.workbench import NAME, left_behind
from assistant.sandbox.engine import connect, engine_errors, find_engine
from assistant.sandbox.host import Host
from assistant.sandbox.owners import OWNER, reap
from assistant.sandbox.ready import LAYERS

if TYPE_CHECKING:
    from docker import DockerClient

_TAG = "assistant.tag"
_BASES = "assistant-base"


def clean(
    host: Host, label: str = f"{OWNER}=1", *, everything: bool = False
) -> Generator[str, None, None]:
    """Removes containers of ours that no live process owns, and images of ours that have lost their
    name or that a newer one of the same folder replaces; yields what it did.

    ``everything``: the images in use, too. ``label`` marks the images that are ours. One that a
    container uses stays: the engine itself refuses to remove it.
    """
    engine = find_engine(host.environment)
    with connect(engine.endpoint, 300) as client:
        for name in reap(client):
            yield f"Removed the container {name}"
        for container in client.containers.list(all=True, filters={"name": NAME}):
            if left_behind(str(container.name)):
                container.remove(force=True, v=True)
                yield f"Removed the container {container.name}"
        kept = []
        # Newest first, since a later image may be made of an earlier one.
        for name, replaced in _ours(client, label):
            if everything or replaced:
                yield _remove_image(client, name)
            else:
                kept.append(name)
    if kept:
        yield f"Images that are up to date stay ({', '.join(kept)}); --all removes them, too"
    yield f"Downloads that make the next build quick stay in {host.cache}"


def remove_predecessors(client: "DockerClient", tag: str, built: str) -> None:
    """Removes the images that had this tag before ``built``, but for those that are in use."""
    with engine_errors("The container engine"):
        found = client.images.list(filters={"label": f"{_TAG}={tag}", "dangling": True})
    for image in found:
        if image.id != built and not _inherited(client, image):
            with suppress(SandboxError), engine_errors("The container engine"):
                client.images.remove(str(image.id))


def _ours(client: "DockerClient", label: str) -> Iterator[tuple[str, bool]]:
    """The images of ours, newest first, and whether something newer is there in their place."""
    images = client.images.list(filters={"label": label})
    seen: set[str] = set()
    for image in sorted(images, key=lambda i: str(i.attrs["Created"]), reverse=True):
        # An image that somebody made of ours has inherited its labels, not its name.
        own = image.labels.get(_TAG)
        names = [_short(tag) for tag in image.tags]
        if own in names:
            place = _place(own, image.labels)
            yield own, place in seen
            seen.add(place)
        elif all(name.startswith(LAYERS) for name in names) and not _inherited(client, image):
            yield names[0] if names else str(image.id), True


def _place(tag: str, labels: Mapping[str, str]) -> str:
    """What there is one image for: a folder, the start of all others, or a name that was chosen."""
    folder = labels.get("assistant.folder")
    if folder and tag.startswith("assistant-project:"):
        return folder
    return _BASES if tag.startswith(f"{_BASES}:") else tag


def _inherited(client: "DockerClient", image: Any) -> bool:
    """Whether its labels are just those of the image that it was made of, by somebody else."""
    from docker.errors import NotFound  # late: heavy

    parent = image.attrs.get("Parent")
    if not parent:
        return False
    try:
        labels = client.images.get(parent).labels
    except NotFound:
        return False
    own = {name: value for name, value in image.labels.items() if name.startswith("assistant.")}
    return all(labels.get(name) == value for name, value in own.items())


def _short(tag: str) -> str:
    """Podman names images in full."""
    return tag.removeprefix("docker.io/library/").removeprefix("localhost/")


def _remove_image(client: "DockerClient", name: str) -> str:
    from docker.errors import APIError, NotFound  # late: heavy

    try:
        client.images.remove(name)
    except NotFound:
        return f"Gone already: the image {name}"
    except APIError as error:
        if error.status_code != 409:
            raise
        return f"Kept the image {name}: a container or another image uses it"
    return f"Removed the image {name}"
