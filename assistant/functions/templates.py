"""Prompts and messages of a caller, filled from a context: ``{name}`` fields, or a function."""

import re
from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from assistant.events import UsageError

Context = Mapping[str, Any]
Template = str | Callable[[Context], Any]

_FIELD = re.compile(r"\{(\w+)\}")


def filled(template: Template, context: Context | None) -> str:
    """A template's text. Without a context a str is taken as it is.

    A str that ``str.format`` could fill with the context's names alone is filled so, ``{{`` and
    ``}}`` included. In any other (one with code or JSON in it) the ``{name}`` of the context's own
    names are filled and all else stays. Values are put in as they are, never filled themselves.
    """
    if callable(template):
        return str(template(context or {}))
    if not context:
        return template
    names = _fields(template)
    if names is not None and names <= set(context):
        return template.format_map({name: str(context[name]) for name in names})
    return _FIELD.sub(
        lambda found: str(context[found[1]]) if found[1] in context else found[0], template
    )


def _fields(template: str) -> set[str] | None:
    """The names in a format string; None where it is none, or asks for more than plain names."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        return None
    names = {name for _, name, _, _ in parts if name is not None}
    plain = all(not spec and not conversion for _, name, spec, conversion in parts if name)
    return names if plain and all(name.isidentifier() for name in names) else None


def messages_of(config: Mapping[str, Any], context: Context | None) -> list[dict[str, Any]]:
    """The messages of a configuration: its ``messages``, or its ``prompt`` as the user's.

    Raises:
        UsageError: it has neither, or they are of another kind.
    """
    context = None if config.get("allow_format_str_template") is False else context
    messages, prompt = config.get("messages"), config.get("prompt")
    if callable(messages):
        messages = messages(context or {})
    if isinstance(messages, list | tuple):
        return [_message(message, context) for message in messages]
    if isinstance(prompt, str) or callable(prompt):
        return [{"role": "user", "content": filled(prompt, context)}]
    raise UsageError(
        "a configuration has neither messages nor a prompt that is a text",
        'Give messages=[{"role": "user", "content": ...}] or prompt="...".',
    )


def _message(message: object, context: Context | None) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise UsageError(f"a message must be a dict with role and content, not {type(message)}")
    made = dict(message)
    content = made.get("content")
    if isinstance(content, str) or callable(content):
        made["content"] = filled(content, context)
    return made
