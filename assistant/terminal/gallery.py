"""What a session does with pictures: says where they are, draws them, gives them to the model."""

import os
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from assistant.events import AssistantError, Pictured, UsageError
from assistant.terminal import words
from assistant.terminal.pictures import (
    FOR_MODELS,
    LARGEST,
    Picture,
    drawn,
    kept,
    looked_at,
    named,
    protocol_of,
)
from assistant.terminal.sanitize import one_line
from assistant.transcript import history

if TYPE_CHECKING:
    from assistant.chat import Chat
    from assistant.terminal.console import Console, TerminalOptions
    from assistant.terminal.render import Renderer

_AT_ONCE = 4
"""Pictures of one block that are drawn."""


class Sitting(Protocol):
    """What is needed of a session."""

    chat: "Chat"
    console: "Console"
    renderer: "Renderer"
    options: "TerminalOptions"


class Gallery:
    """The pictures of a session."""

    def __init__(self, session: Sitting) -> None:
        self._session = session

    def hang(self, files: Sequence[str]) -> None:
        """Say what pictures a block has written; a file that is none is passed over."""
        for path in named(files)[:_AT_ONCE]:
            try:
                picture = looked_at(one_line(path), self._session.chat.read(path, LARGEST))
                self._show(picture)
            except AssistantError as error:
                self._session.renderer.say(f"not shown: {error.message}", "class:dim")

    def _show(self, picture: Picture) -> None:
        session = self._session
        where = self._kept(picture)
        session.renderer.say(words.joined((f"picture {picture.path}", picture.size, where)))
        protocol = protocol_of(session.options.pictures, os.environ)
        if not (session.console.interactive and session.console.rich):
            return
        if sequences := drawn(picture, protocol, session.console.columns):
            session.console.draw(sequences)

    def _kept(self, picture: Picture) -> str:
        """Its address, to be clicked on. A drawing (SVG) may hold a program: it gets none."""
        folder = self._session.options.pictures_folder
        if not folder or picture.media == "image/svg+xml":
            return ""
        return kept(picture, folder(self._session.chat.session)).as_uri()

    def see(self, path: str) -> None:
        """Give a picture of the copy, or else of the user's folder, to the model."""
        chat = self._session.chat
        try:
            data = chat.read(path, FOR_MODELS)
        except UsageError:
            data = _own(Path(chat.folder or ".", Path(path).expanduser()), path)
        picture = looked_at(one_line(path), data)
        if picture.media == "image/svg+xml":
            raise UsageError(f"{path} is a drawing in SVG, which models read as text: @{path}")
        if _seen(chat, data):
            self._session.renderer.say(f"the model sees {picture.path} already")
            return
        chat.show(path, picture.size, picture.media, data)
        self._session.renderer.say(f"the model sees {picture.path} ({picture.size}) from now on")


def _seen(chat: "Chat", data: bytes) -> bool:
    """Whether this very picture is in what the model is sent."""
    known = b64encode(data).decode()
    return any(isinstance(e, Pictured) and e.data == known for e in history(chat.events))


def _own(file: Path, name: str) -> bytes:
    try:
        if not file.is_file():
            raise UsageError(f"there is no file {name}, neither in the copy nor in your folder")
        with file.open("rb") as opened:
            data = opened.read(FOR_MODELS + 1)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}") from error
    if len(data) > FOR_MODELS:
        raise UsageError(f"{name} is too large for a model: over {FOR_MODELS:,} bytes")
    return data
