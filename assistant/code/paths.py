"""File names in a model's words: what looks like one, and what language a file is in."""

import re

from assistant.languages import TABLE, Language

_PATH = re.compile(r"[^\s:\"'`<>|?*]*\.[A-Za-z][\w+-]{0,11}")
_BARE_NAMES = ("Dockerfile", "Containerfile", "Makefile")

_BY_EXTENSION: dict[str, Language] = {}
for _row in reversed(TABLE.values()):  # so that of two languages the first has the extension
    for _tag in _row.tags:
        _BY_EXTENSION.setdefault(_tag, _row)
    _BY_EXTENSION[_row.extension.lower()] = _row


def is_path(text: str) -> bool:
    """Does it look like the name of a file: an ending, no blanks; or one of the bare names?"""
    return bool(_PATH.fullmatch(text)) or _last(text) in _BARE_NAMES


def language_of(path: str) -> Language | None:
    """The language of a file, by the end of its name; None for an end that is not in the table."""
    return _BY_EXTENSION.get(_last(path).lower().rpartition(".")[2])


def first_name(text: str) -> str:
    """The file name that a text begins with, without quotes and the remarks behind it."""
    text = text.strip()
    if text[:1] in ("'", '"', "`") and text.find(text[0], 1) > 0:
        return text[1 : text.find(text[0], 1)].strip()
    first = text.split(maxsplit=1)[0] if text else ""
    return first if is_path(first) else text


def _last(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]
