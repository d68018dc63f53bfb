"""The files that a conversation is about: what was given, read or changed, with its text."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from assistant.events import AssistantError, Event, Ran, Restored, Said
from assistant.feedback import clean
from assistant.prompts import prompt

LARGEST = 100_000
"""Bytes of a file that is looked at."""
_BLOCKS = 200
"""So many of the last blocks are looked through for names of files, and of each"""
_WORDS = 40
"""so many words that could be one."""
_WORD = re.compile(r"[\w./-]+")

Read = Callable[[str], str | None]


def nothing(path: str) -> None:
    """There is no place to read files from."""


def reader(part: object) -> Read:
    """What reads a file as code left it, where ``part`` can; None for what is no text, or none."""
    read = getattr(part, "read", None)
    if read is None:
        return nothing

    def text(path: str) -> str | None:
        try:
            return clean(read(path, LARGEST).decode("utf-8"))
        except (AssistantError, UnicodeDecodeError):
            return None

    return text


class FilesInUse:
    """The files of these events, by their latest use. A text is that of now, where it is known."""

    def __init__(self, events: Sequence[Event], read: Read) -> None:
        self._read = lru_cache(maxsize=None)(read)
        self._known: dict[str, str | None] = {}
        self._changed: dict[str, None] = {}
        ran = [at for at, event in enumerate(events) if isinstance(event, Ran)]
        recent = ran[-_BLOCKS] if len(ran) > _BLOCKS else 0
        for at, event in enumerate(events):
            self._take(event, at >= recent)

    @property
    def changed(self) -> list[str]:
        """What blocks made, changed or deleted, the latest last."""
        return list(self._changed)

    def _take(self, event: Event, recent: bool) -> None:
        match event:
            case Said(role="user"):
                for path, text in attached(event.text):
                    self._use(path, text)
            case Restored():
                self._known = dict.fromkeys(self._known)
            case Ran(block, result) if recent and block.action == "run":
                for name in _names(block.code) if result.reason != "declined" else ():
                    if name in self._known or self._read(name) is not None:
                        self._use(name, self._known.get(name))
        if isinstance(event, Ran):
            for path in event.result.files:
                self._changed.pop(path, None)
                self._changed[path] = None
                whole = event.block.action == "save" and event.block.path == path
                self._use(path, event.block.code if whole and event.result.ok else None)

    def _use(self, path: str, text: str | None) -> None:
        self._known.pop(path, None)
        self._known[path] = text

    def texts(self, most: int, elsewhere: str) -> tuple[list[tuple[str, str]], list[str]]:
        """Texts of ``most`` characters at most, the latest used first to be taken, and the rest.

        Left out are files whose text stands ``elsewhere`` already; the rest are names of files
        whose text is known and had no room.
        """
        shown: list[tuple[str, str]] = []
        rest: list[str] = []
        for path, given in reversed(self._known.items()):
            now = self._read(path)
            text = given if now is None else now
            if text is None or text.strip() in elsewhere:
                continue
            if len(text) <= most:
                most -= len(text)
                shown.append((path, text))
            else:
                rest.append(path)
        return shown[::-1], rest[::-1]


def _names(code: str) -> list[str]:
    """What could be the names of files in a program or a command."""
    words = (word.removeprefix("./").rstrip("./-") for word in _WORD.findall(code[:20_000]))
    found = (
        word
        for word in words
        if 2 < len(word) < 200
        and ("." in word or "/" in word)
        and not word.startswith("/")
        and ".." not in word.split("/")
    )
    return list(dict.fromkeys(found))[:_WORDS]


@lru_cache(maxsize=1)
def _attachment() -> re.Pattern[str]:
    before, between, after = re.split("[\0\1]", prompt("attached_file", path="\0", text="\1"))
    fenced = r"(?P<mark>`{3,})text\n(?P<text>.*?)\n(?P=mark)"
    words = [re.escape(part) for part in (before, between, after)]
    return re.compile(f"^{words[0]}(?P<path>[^\n]+?){words[1]}{fenced}{words[2]}$", re.M | re.S)


def attached(message: str) -> Iterator[tuple[str, str]]:
    """The files that were put into a message, with their texts."""
    for found in _attachment().finditer(message):
        yield found["path"], found["text"].removesuffix("\n")
