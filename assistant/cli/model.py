"""Opens the model that the settings name."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.cli.output import at_terminal
from assistant.cli.setup import Setup, data_folder
from assistant.events import Event, UsageError
from assistant.protocols import Model

if TYPE_CHECKING:
    from assistant.model.options import Secret

DEFAULT_MODEL = "gpt-5.4-mini"
"""With a key and no other word on it."""
REPLAY = "replay:"


def open_model(setup: Setup, name: str = "") -> Model:
    """The model ``name``, else the settings' own. Nothing is asked over the network but, where a
    server has no model named, its list of models.

    Raises UsageError where nothing says which model or how to reach it.
    """
    name = name or setup.settings.model
    if name.startswith(REPLAY):
        from assistant.model.replay import ReplayModel

        return ReplayModel(recorded(setup, name.removeprefix(REPLAY)))
    return _served(setup, name)


def chosen(setup: Setup) -> Setup:
    """The setup with a model named, asked for where it has to be: before a prompt of its own reads
    what is typed. Raises ModelError where the server cannot say which it has."""
    from assistant.model.options import Secret

    settings = setup.settings
    if settings.model or not settings.base_url or not at_terminal():
        return setup
    key = Secret(settings.api_key) if settings.api_key else None
    return replace(setup, settings=replace(settings, model=_only_model(settings.base_url, key)))


def missing_model(more: str = " To see what else is missing: assistant doctor") -> UsageError:
    """Nobody has said yet which model to talk to: what to type next, for the first minutes."""
    what = "there is no model to talk to: no API key, and no server of your own"
    return UsageError(what, _FIRST + more)


_FIRST = """\
  OpenAI           export OPENAI_API_KEY=...
  Ollama           export OPENAI_BASE_URL=http://localhost:11434/v1
  another server   export OPENAI_BASE_URL=http://HOST:PORT/v1, and OPENAI_API_KEY if it wants one
To look around without any: assistant demo."""


def _served(setup: Setup, name: str) -> Model:
    from assistant.model.openai_model import OpenAIModel
    from assistant.model.options import OPENAI_URL, ModelOptions, Secret, Timeouts

    settings = setup.settings
    key = Secret(settings.api_key) if settings.api_key else None
    if key is None and not settings.base_url:
        raise missing_model()
    if not name:
        name = DEFAULT_MODEL if not settings.base_url else _only_model(settings.base_url, key)
    options = ModelOptions(
        name,
        api_key=key,
        base_url=settings.base_url or OPENAI_URL,
        max_reply=settings.max_reply,
        window=settings.window,
        temperature=settings.temperature,
        seed=settings.seed,
        stop=settings.stop,
        reasoning_effort=settings.reasoning_effort or None,
        timeouts=Timeouts(silence=settings.silence),
        prices=Path(settings.prices) if settings.prices else None,
    )
    return OpenAIModel(options, redactor=setup.redactor)


def _only_model(base_url: str, key: "Secret | None") -> str:
    """The one model of a server; a question where there are several."""
    from assistant.model.openai_model import resolve_model

    names = resolve_model(base_url, key)
    if len(names) == 1:
        return names[0]
    if not names:
        raise UsageError("the server lists no model", "Name one: --model NAME")
    if not at_terminal():
        shown = ", ".join(names[:10])
        raise UsageError(f"the server has {len(names)} models: {shown}", "Name one: --model NAME")
    return _asked(names)


def _asked(names: list[str]) -> str:
    from assistant.cli.output import read_line, say

    for number, name in enumerate(names, start=1):
        say(f"{number:>3}  {name}")
    answer = read_line("Which model (number or name)?")
    if answer.isdecimal() and 1 <= int(answer) <= len(names):
        return names[int(answer) - 1]
    if answer in names:
        return answer
    if not answer:
        raise UsageError("no model was chosen", "Name one: --model NAME")
    raise UsageError(f"the server has no model {answer!r}", "Name one: --model NAME")


def recorded(setup: Setup, record: str) -> tuple[Event, ...]:
    """The events of a record: a file's name, or a session's id."""
    from assistant.record import load
    from assistant.sessions import Sessions

    if os.path.exists(record):
        return load(record).events
    return Sessions(data_folder(setup.settings)).show(record).events
