"""Replies that are to fit a schema: found in the text, checked, or complained about."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Protocol

from assistant.events import Finish

NO_JSON = "the reply holds no JSON"
_MISFIT = "the reply does not fit the schema: "
MOST_CANDIDATES = 50
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_BARE = re.compile(r"[{\[]")
_decoder = json.JSONDecoder()


class Schema(Protocol):
    """The part of a pydantic model class that is used here."""

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]: ...
    @classmethod
    def model_validate_json(cls, json_data: str) -> Any: ...


def in_words(schema: type[Schema]) -> str:
    """The JSON schema as text for a prompt."""
    return json.dumps(schema.model_json_schema(), indent=2, ensure_ascii=False)


def fitting(text: str, schema: type[Schema]) -> tuple[str, str]:
    """The JSON in a reply that fits the schema and "", or the reply and what is wrong with it."""
    complaint = NO_JSON
    for candidate in _candidates(text):
        try:
            schema.model_validate_json(candidate)
        except ValueError as error:  # pydantic's ValidationError is one.
            if complaint == NO_JSON:
                complaint = _MISFIT + _summary(error)
        else:
            return candidate, ""
    return text, complaint


def is_misfit(detail: str) -> bool:
    """Whether a broken reply is whole, and broken only in that it does not fit its schema."""
    return detail == NO_JSON or detail.startswith(_MISFIT)


def settled(text: str, schema: type[Schema]) -> tuple[str, Finish, str]:
    """Text, finish and detail of a reply that stopped by itself and was to fit a schema."""
    found, complaint = fitting(text, schema)
    return found, "broken" if complaint else "stop", complaint


def _candidates(text: str) -> Iterator[str]:
    """What may be the JSON of a reply: all of it, each fenced part, then each bare value."""
    stripped = text.strip()
    if stripped[:1] in ("{", "[", '"'):
        yield stripped
    yield from islice(_fenced(text), MOST_CANDIDATES)
    position = 0
    for _ in range(MOST_CANDIDATES):
        found = _BARE.search(text, position)
        if not found:
            return
        try:
            _, position = _decoder.raw_decode(text, found.start())
        except (ValueError, RecursionError):
            position = found.end()
        else:
            yield text[found.start() : position]


def _fenced(text: str) -> Iterator[str]:
    """The contents of fenced parts, in one pass over the lines."""
    opened = ""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line)
        if opened:
            if fence and fence[1].startswith(opened) and not line.strip().strip(opened[0]):
                yield "".join(lines).strip()
                opened, lines = "", []
            else:
                lines.append(line)
        elif fence:
            opened = fence[1]


def _summary(error: ValueError) -> str:
    """The first few complaints, by field; never the value, which may be long."""
    listed = getattr(error, "errors", None)
    if listed is None:
        return "it is no valid JSON"
    lines = [
        f"{'.'.join(str(part) for part in one['loc']) or 'all of it'}: {one['msg']}"
        for one in listed(include_url=False, include_input=False, include_context=False)[:3]
    ]
    return "; ".join(lines)[:400]
