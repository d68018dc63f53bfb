"""Images for ``execute_code``: the first of several that can be had, and names for them."""

import re
from collections.abc import Sequence
from typing import Any

from assistant.events import SandboxError
from assistant.sandbox.engine import engine_errors
from assistant.sandbox.image import DEFAULT_IMAGE, find_image

USUAL = (DEFAULT_IMAGE, "python:3-slim", "python:3", "python:3-windowsservercore")
"""For ``use_docker=True``: our own image, then AutoGen's choices."""
_LONGEST_TAG = 128
_OFFICIAL = re.compile(r"\d|(?:latest|slim|alpine|rc|bookworm|trixie|windowsservercore)(?:\W|$)")
"""Tags that the Python images themselves have; nothing of ours gets such a name."""


# A client is the one that ``sandbox.engine.connect`` gives: its library is known there only.


def wanted(use_docker: object) -> Sequence[str]:
    """The images that ``use_docker`` names: a str or several; True for the usual ones."""
    if isinstance(use_docker, str):
        return [use_docker]
    if isinstance(use_docker, Sequence):
        return [str(name) for name in use_docker]
    return USUAL


def first_image(client: Any, names: Sequence[str]) -> str:
    """The first image that is there or can be pulled; says on standard output what it pulls.

    Raises:
        SandboxError: none can be had.
    """
    why = "none is named"
    for name in names:
        if find_image(client, name):
            return name
        if name == DEFAULT_IMAGE:  # It is built, not pulled.
            continue
        print("Pulling image", name, flush=True)
        try:
            with engine_errors(f"The image {name}"):
                client.images.pull(name)
        except SandboxError as error:
            why = error.message
            print("Failed to pull image", name, flush=True)
        else:
            return name
    raise SandboxError(
        f"None of these images can be had: {', '.join(names)}. {why}", "assistant sandbox build"
    )


def named_after(client: Any, image: str, filename: str) -> str:
    """``python:<filename>`` as a further name of ``image``, as AutoGen returns it.

    A name costs nothing: no layer is made. One that somebody else's image has stays with it, and
    ``image`` is returned.
    """
    tag = tag_of(filename)
    if not tag or _OFFICIAL.match(tag):
        return image
    name = f"python:{tag}"
    own, there = find_image(client, image), find_image(client, name)
    if own is None or (there and there.id != own.id and not _is_ours(there.labels)):
        return image
    if there is None or there.id != own.id:
        with engine_errors(f"The image {image}"):
            client.images.get(image).tag("python", tag)
    return name


def _is_ours(labels: object) -> bool:
    return isinstance(labels, dict) and labels.get("assistant.owner") == "1"


def tag_of(filename: str) -> str:
    """A file's name as the tag of an image: letters, digits and ``_.-``, at most 128 of them."""
    tag = re.sub(r"[^A-Za-z0-9_.-]", "_", filename)
    return re.sub(r"\A[.-]", "_", tag)[:_LONGEST_TAG]
