"""Finds the image that code runs in: the one built for a folder, or the default."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.events import UsageError
from assistant.sandbox.engine import engine_errors

if TYPE_CHECKING:
    from docker import DockerClient

DEFAULT_IMAGE = "assistant-sandbox:latest"


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image that is there. ``packages`` are the Python ones it holds, as name==version."""

    tag: str
    id: str
    digest: str
    """Of its recipe: equal recipes are not built twice."""
    packages: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


def find_image(client: "DockerClient", tag: str) -> BuiltImage | None:
    """The image of this tag, if the engine has it."""
    from docker.errors import NotFound  # late: heavy

    with engine_errors("The container engine"):
        try:
            image = client.images.get(tag)
        except NotFound:
            return None
    labels = image.labels or {}
    packages = tuple(labels.get("assistant.packages", "").split())
    return BuiltImage(tag, str(image.id), labels.get("assistant.recipe", ""), packages, labels)


def image_for(client: "DockerClient", folder: Path) -> tuple[str | None, str | None]:
    """The tag of the image that was built for a folder, and a sentence where it has grown old."""
    with engine_errors("The container engine"):
        if not client.api.images(filters={"label": "assistant.folder"}):
            return None, None
    from assistant.sandbox.building.project import plan_project  # late: heavy

    try:
        tag = plan_project(folder).tag
    except UsageError:
        return None, None
    if find_image(client, tag):
        return tag, None
    with engine_errors("The container engine"):
        older = client.images.list(filters={"label": f"assistant.folder={folder_key(folder)}"})
    if not older:
        return None, None
    return None, (
        "What this project needs has changed since its image was built: "
        "assistant sandbox build --project makes the new one"
    )


def folder_key(folder: Path) -> str:
    """A folder, as a label of the images built for it."""
    return hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
