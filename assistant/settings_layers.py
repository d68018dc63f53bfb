"""The layers of settings: laid over one another, with what an untrusted project may not set."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from assistant.config_files import (
    PROJECT_FILE,
    ConfigFile,
    data_folder,
    project_file,
    read_config,
    read_private,
    user_file,
)
from assistant.options import Option, nearest, text_of
from assistant.settings_reader import FOREIGN, FileSettings, Layer, Reader, Value

DEFAULT = "default"
_PASSWORD = re.compile(r"://[^/@\s]*?:([^/@\s]+)@")


class Found(NamedTuple):
    """All values, where those that are not defaults came from, and every secret that was seen."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    secrets: tuple[str, ...]
    files: tuple[Path, ...]


def gather(
    options: Mapping[str, Option],
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    folder: Path,
) -> Found:
    """Read every layer and lay it over those before. Raises UsageError."""
    reader = Reader(options, str(folder))
    given, variables = reader.flags(flags), reader.environment(environment)
    user = reader.file(read_config(user_file()), "user")
    project = reader.file(_project(folder, _laid(options, [variables, given])), "project")
    chosen = _laid(options, [user.top, project.top, variables, given]).get("profile")
    mine, theirs = _profiles(chosen, user, project)
    # A profile that a flag names was chosen for this run: it goes before the environment.
    late = chosen is not None and chosen is given.get("profile")
    middle = [variables, mine, theirs] if late else [mine, theirs, variables]
    if _folder(project) not in user.trusted:
        base = _laid(options, [user.top, mine])
        _refuse_widening(options, base, [project.top, theirs], project, user)
    merged = _laid(options, [user.top, project.top, *middle, given])
    return _found(options, merged, environment, (user.file, project.file))


def _project(folder: Path, early: Layer) -> ConfigFile:
    ignore = early.get("ignore_project")
    path = None if ignore and ignore.value else project_file(folder)
    return read_config(path) if path else ConfigFile(folder / PROJECT_FILE)


def _folder(said: FileSettings) -> Path:
    return said.file.path.parent.resolve()


def _profiles(
    chosen: Value | None, user: FileSettings, project: FileSettings
) -> tuple[Layer, Layer]:
    """What the two files say in the chosen profile."""
    if chosen is None or not chosen.value:
        return {}, {}
    known = {**user.profiles, **project.profiles}
    if chosen.value not in known:
        near = nearest(chosen.value, known)
        remedy = f"Did you mean {near}?" if near else f"Known: {', '.join(known) or 'none'}"
        raise chosen.error(f"there is no profile {chosen.value!r}", remedy)
    return user.profiles.get(chosen.value, {}), project.profiles.get(chosen.value, {})


def _laid(options: Mapping[str, Option], layers: Sequence[Layer]) -> Layer:
    """The layers as one: later values win, or are added where the option says so."""
    merged: dict[str, Value] = {}
    for layer in layers:
        for name, value in layer.items():
            before = merged.get(name)
            if before and (options[name].traits.adds or isinstance(value.value, Mapping)):
                value = before.with_more(value)
            merged[name] = value
    return merged


def _refuse_widening(
    options: Mapping[str, Option],
    base: Layer,
    layers: Sequence[Layer],
    project: FileSettings,
    user: FileSettings,
) -> None:
    for layer in layers:
        for name, value in layer.items():
            option = options[name]
            before = base[name].value if name in base else option.default
            if _widens(option, before, value.value):
                raise value.error(
                    f"{name} may not be set to {text_of(option, value.value)!r} by a project that"
                    " is not trusted",
                    f'To trust it, write in {user.file.path}: [trusted] projects = ["'
                    f'{_folder(project)}"]. Or remove the line, or set ASSISTANT_IGNORE_PROJECT=1.',
                )


def _widens(option: Option, before: Any, value: Any) -> bool:
    if option.traits.widens == "more" and option.choices:
        return option.choices.index(value) > option.choices.index(before)
    if option.traits.widens == "more" and (value is None or before is None):  # No cap is most.
        return value is None and before is not None
    if option.traits.widens == "more":
        return bool(value > before)
    if option.traits.widens == "change" and isinstance(value, Mapping):
        return bool(value.items() - before.items())
    if option.traits.widens == "change" and isinstance(value, tuple):
        return bool(set(value) - set(before))
    return bool(option.traits.widens == "change" and value != before)


def _found(
    options: Mapping[str, Option],
    merged: Layer,
    environment: Mapping[str, str],
    files: Sequence[ConfigFile],
) -> Found:
    values = {name: value.value for name, value in merged.items()}
    origins = {name: value.origin for name, value in merged.items()}
    if key := _key_of_file(options, merged):
        values["api_key"], origins["api_key"] = key, values["api_key_file"]
    values.setdefault("data_folder", str(data_folder()))
    variables = (options["api_key"].variable, FOREIGN["api_key"])
    keys = [key or "", *(environment.get(name, "").strip() for name in variables)]
    passwords = _PASSWORD.findall(values.get("base_url", ""))
    secrets = dict.fromkeys(secret for secret in (*keys, *passwords) if secret)
    read = tuple(file.path for file in files if file.text is not None)
    return Found(values, origins, tuple(secrets), read)


def _key_of_file(options: Mapping[str, Option], merged: Layer) -> str | None:
    """The key in ``api_key_file``: named by our user, it goes before another program's variable."""
    named, key = merged.get("api_key_file"), merged.get("api_key")
    if named is None or not named.value:
        return None
    flag, own = options["api_key_file"].flag, options["api_key"].variable
    if key and key.origin == own and named.origin != flag:
        return None
    try:
        text = read_private(Path(named.value), 0o600).decode("utf-8").strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise named.error(
            f"the key file {named.value} cannot be used: {why}",
            f"It holds the key alone, and only you may read it: chmod 600 {named.value}",
        ) from error
    if not text or not text.isprintable() or " " in text:
        raise named.error(
            f"the key file {named.value} does not hold one line with a key",
            "Write the key into it, and nothing else.",
        )
    return text
