"""The history as Chat Completions wants it, and a schema described in words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assistant.events import Pictured, Replied, Said
from assistant.model.stream import whole
from assistant.prompts import prompt

PICTURE = "image_url"
Message = Said | Replied | Mapping[str, object]
"""A message of ours, or one already in the shape of Chat Completions."""


def to_wire(
    messages: Sequence[Message], hidden: Callable[[str], str], *, send_reasoning: bool = False
) -> list[dict[str, Any]]:
    """Role and content of each message; what was fed back is sent as the user's.

    Replies without text are left out, and neighbours of one role are joined, since many chat
    templates take neither. ``hidden`` is applied to every text.
    """
    wire: list[dict[str, Any]] = []
    for message in messages:
        if isinstance(message, Mapping):
            wire.append({key: _clean(value, hidden) for key, value in message.items()})
            continue
        if not message.text and isinstance(message, Replied):
            continue
        role = _role(message)
        text = hidden(whole(message.text))
        if isinstance(message, Pictured):
            _add_picture(wire, message, text)
            continue
        if wire and isinstance(wire[-1].get("content"), list) and wire[-1]["role"] == role:
            wire[-1]["content"].append(_words(text))
            continue
        if wire and wire[-1]["role"] == role and isinstance(wire[-1].get("content"), str):
            wire[-1]["content"] += f"\n\n{text}"
            continue
        wire.append({"role": role, "content": text})
        if send_reasoning and isinstance(message, Replied) and message.reasoning:
            wire[-1]["reasoning_content"] = hidden(whole(message.reasoning))
    return wire


def _add_picture(wire: list[dict[str, Any]], picture: Pictured, text: str) -> None:
    """A part of the user's message, as servers want it that take pictures."""
    if not wire or wire[-1]["role"] != "user":
        wire.append({"role": "user", "content": []})
    last = wire[-1]
    if isinstance(last["content"], str):
        last["content"] = [_words(last["content"])]
    url = f"data:{picture.media};base64,{picture.data}"
    last["content"] += [_words(text), {"type": PICTURE, PICTURE: {"url": url}}]


def _words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def has_pictures(messages: object) -> bool:
    """Whether some message has parts: only what has a picture does."""
    found = messages if isinstance(messages, list) else []
    return any(isinstance(message.get("content"), list) for message in found)


def in_words(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages without their pictures, for a server that takes none."""
    plain = []
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            texts = [part["text"] for part in content if "text" in part]
            content = "\n\n".join([*texts, prompt("picture_unseen")])
        plain.append({**message, "content": content})
    return plain


def _role(message: Said | Replied) -> str:
    if isinstance(message, Replied):
        return "assistant"
    return "system" if message.role == "system" else "user"


def _clean(value: object, hidden: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return hidden(whole(value))
    if isinstance(value, Mapping):
        return {key: _clean(item, hidden) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item, hidden) for item in value]
    return value


def with_words(wire: Sequence[Mapping[str, Any]], words: str) -> list[dict[str, Any]]:
    """The messages with ``words`` at the end of the last one from the user."""
    messages = [dict(message) for message in wire]
    if messages and messages[-1].get("role") == "user":
        content = messages[-1].get("content")
        if isinstance(content, str):
            messages[-1]["content"] = f"{content}\n\n{words}"
            return messages
    return [*messages, {"role": "user", "content": words}]
