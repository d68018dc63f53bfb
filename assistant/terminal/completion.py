"""What Tab, ``/`` and ``@`` offer: commands and their arguments, paths, words that were said."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from assistant.terminal.sanitize import one_line

_WORD = re.compile(r"[^\W\d]\w{3,}")
_LAST = re.compile(r"\S*$")
_QUOTED = re.compile(r'(?<!\S)(@?)"([^"\n]*)$')
"""A name in quotes, which may have blanks, as far as it is typed."""
_MOST = 200
"""Entries of a folder that are offered."""


Quotes: TypeAlias = Literal["none", "wanted", "open"]


@dataclass(frozen=True)
class Offers:
    """Where the offers come from; each is asked when it is needed."""

    commands: Callable[[], Sequence[tuple[str, str]]]
    """Names with their slash, and a line about each."""
    arguments: Callable[[str], Sequence[str]]
    """What can follow a command."""
    about: Callable[[str, str], str]
    """What there is to say of one of these: of the command and the argument."""
    folder: Callable[[], str]
    text: Callable[[], str]
    """The conversation so far."""
    price: Callable[[int], str]
    """What so many bytes of a file mean in tokens and money."""


class SessionCompleter(Completer):
    """Commands and ``@path`` are offered while typing, words of the conversation on Tab only."""

    def __init__(self, offers: Offers) -> None:
        self._offers = offers

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        before = document.text_before_cursor
        match = _LAST.search(before)
        word = match.group() if match else ""
        if before.startswith("/") and "\n" not in before:
            yield from self._command(before, word)
        elif (quoted := _QUOTED.search(before)) and quoted[1]:
            yield from self._paths(quoted[2], "open", priced=True)
        elif word.startswith("@"):
            yield from self._paths(word[1:], "wanted", priced=True)
        elif complete_event.completion_requested and word:
            yield from self._words(word)

    def _command(self, before: str, word: str) -> Iterable[Completion]:
        name, space, rest = before.partition(" ")
        if not space:
            for command, about in self._offers.commands():
                if command.startswith(name):
                    yield Completion(command, -len(name), display_meta=about)
            return
        if name in ("/save", "/export", "/see"):
            yield from self._paths(rest.lstrip())
            return
        if name in ("/add", "/apply"):
            quoted = _QUOTED.search(rest)
            yield from self._paths(quoted[2], "open") if quoted else self._paths(word, "wanted")
            return
        for argument in self._offers.arguments(name):
            if argument.startswith(word):
                about = one_line(self._offers.about(name, argument), 60)
                shown = one_line(argument, 60)
                yield Completion(argument, -len(word), display=shown, display_meta=about)

    def _paths(
        self, word: str, quotes: Quotes = "none", priced: bool = False
    ) -> Iterable[Completion]:
        """Names that go on from ``word``; one with blanks gets quotes where they are ``wanted``,
        and only its end where they are ``open``."""
        folder, _, start = word.rpartition("/")
        base = Path(self._offers.folder() or ".", os.path.expanduser(folder or ""))
        if word.startswith("/") and not folder:
            base = Path("/")
        try:
            with os.scandir(base) as found:
                entries = sorted((e for e in found if e.name.startswith(start)), key=_name)
        except OSError:
            return
        for entry in entries[:_MOST]:
            if entry.name.startswith(".") and not start.startswith("."):
                continue
            if not entry.name.isprintable() or '"' in entry.name:
                continue
            folder_like = entry.is_dir()
            about = "" if folder_like or not priced else self._offers.price(_size(entry))
            name = f"{entry.name}/" if folder_like else entry.name
            end = "" if folder_like or quotes == "none" else '"'
            if quotes == "open":
                yield Completion(name + end, -len(start), display=name, display_meta=about)
            elif quotes == "wanted" and " " in name:
                whole = f'"{word.removesuffix(start)}{name}{end}'
                yield Completion(whole, -len(word), display=name, display_meta=about)
            else:
                yield Completion(name, -len(start), display_meta=about)

    def _words(self, word: str) -> Iterable[Completion]:
        """Words that were said before, the latest first."""
        seen = {word: None}
        for found in reversed(_WORD.findall(self._offers.text()[-50_000:])):
            if found.startswith(word) and found not in seen:
                seen[found] = None
                yield Completion(found, -len(word))


def _name(entry: "os.DirEntry[str]") -> str:
    return entry.name


def _size(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat().st_size
    except OSError:
        return 0
