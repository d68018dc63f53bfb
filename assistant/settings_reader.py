"""Reads one layer of settings, from a file, the environment or flags, and checks all of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os.path import dirname, expanduser
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from assistant.config_files import ConfigFile
from assistant.events import UsageError
from assistant.languages import TABLE, find
from assistant.options import Option, Place, nearest, read_text, read_value

FOREIGN = {"api_key": "OPENAI_API_KEY", "base_url": "OPENAI_BASE_URL"}
"""Variables of the OpenAI client that mean a setting of ours, where ours is not set."""

_CAPS = ("replies", "tokens", "dollars", "seconds", "blocks")
GROUPS: Mapping[str, Mapping[str, str]] = {
    "budget": {name: name for name in _CAPS},
    "session": {name: f"session_{name}" for name in _CAPS},
}
"""Tables in which a file may put settings that belong together."""


class Value(NamedTuple):
    """A value of one layer, and who gave it: a file's key path, a variable or a flag."""

    value: Any
    origin: str
    file: ConfigFile | None = None
    keys: tuple[str, ...] = ()

    def error(self, message: str, remedy: str = "") -> UsageError:
        if self.file:
            return self.file.error(self.keys, message, remedy)
        return UsageError(f"{self.origin}: {message}", remedy)

    def with_more(self, later: "Value") -> "Value":
        """Both values, of lists or tables, as one."""
        if isinstance(self.value, Mapping):
            both: Any = {**self.value, **later.value}
        else:
            both = tuple(dict.fromkeys((*self.value, *later.value)))
        return later._replace(value=both, origin=f"{self.origin}, {later.origin}")


Layer = Mapping[str, Value]


class FileSettings(NamedTuple):
    """What a settings file says."""

    file: ConfigFile
    top: Layer
    profiles: Mapping[str, Layer] = MappingProxyType({})
    trusted: frozenset[Path] = frozenset()


class Reader:
    """Turns what was written into values. Every method raises UsageError for what is wrong."""

    def __init__(self, options: Mapping[str, Option], folder: str) -> None:
        self._options, self._folder = options, folder

    def flags(self, given: Mapping[str, object]) -> Layer:
        """Flags by the name of their setting, as text or values; repeated ones are a list."""
        layer: dict[str, Value] = {}
        for name, raw in given.items():
            option = self._options.get(name)
            if option is None:
                raise UsageError(f"unknown setting {name!r}", _hint(name, self._options))
            if option.is_table and isinstance(raw, list | tuple):
                raw = ",".join(map(str, raw))
            layer[name] = self._value(option, raw, Value(None, option.flag), "flag")
        return layer

    def environment(self, variables: Mapping[str, str]) -> Layer:
        """Variables by name; those that are set to nothing are not set."""
        layer: dict[str, Value] = {}
        for name, variable in FOREIGN.items():
            if text := variables.get(variable, "").strip():
                layer[name] = Value(text, variable)
        for option in self._options.values():
            if text := variables.get(option.variable, "").strip():
                at = Value(None, option.variable)
                layer[option.name] = self._value(option, text, at, "environment")
        known = {option.variable for option in self._options.values()}
        for name in variables:
            # Others may begin like ours; one that is all but ours was meant to be.
            foreign = name in known or not name.startswith("ASSISTANT_")
            if not foreign and (near := nearest(name, known, 0.93)):
                raise UsageError(f"unknown variable {name}", f"Did you mean {near}?")
        return layer

    def file(self, file: ConfigFile, place: Place) -> FileSettings:
        """All of a file: its own settings, its profiles, and the projects that it trusts."""
        tables = ("profiles", "trusted") if place == "user" else ("profiles",)
        if place != "user" and "trusted" in file.values:
            raise file.error(("trusted",), "only your own settings file can trust a project")
        top = {name: raw for name, raw in file.values.items() if name not in tables}
        profiles = self._table(file, ("profiles",), file.values.get("profiles", {}))
        return FileSettings(
            file,
            self._layer(file, top, (), place, tables),
            {name: self._profile(file, name, raw, place) for name, raw in profiles.items()},
            self._trusted(file) if place == "user" else frozenset(),
        )

    def _profile(self, file: ConfigFile, name: str, raw: object, place: Place) -> Layer:
        keys = ("profiles", name)
        layer = self._layer(file, self._table(file, keys, raw), keys, place)
        if "profile" in layer:
            raise layer["profile"].error("a profile cannot choose a profile")
        return layer

    def _trusted(self, file: ConfigFile) -> frozenset[Path]:
        keys = ("trusted", "projects")
        table = self._table(file, keys[:1], file.values.get("trusted", {}))
        for name in table:
            if name != "projects":
                raise file.error(("trusted", name), f"unknown key {name!r}", _hint(name, keys[1:]))
        folders = table.get("projects", [])
        if not isinstance(folders, list) or not all(isinstance(one, str) for one in folders):
            raise file.error(keys, f"projects: expected a list of folders, got {folders!r:.60}")
        return frozenset(Path(expanduser(one)).resolve() for one in folders)

    def _layer(
        self,
        file: ConfigFile,
        table: Mapping[str, Any],
        prefix: tuple[str, ...],
        place: Place,
        also: Sequence[str] = (),
    ) -> Layer:
        layer: dict[str, Value] = {}
        for name, keys, raw in self._flat(file, table, prefix, also):
            at = Value(None, str(file.path), file, keys)
            if prefix:
                at = at._replace(origin=f"profile {prefix[-1]} ({file.path})")
            if name in layer:
                raise at.error(f"{name} is set twice")
            layer[name] = self._value(self._options[name], raw, at, place)
        return layer

    def _flat(
        self,
        file: ConfigFile,
        table: Mapping[str, Any],
        prefix: tuple[str, ...],
        also: Sequence[str],
    ) -> Iterator[tuple[str, tuple[str, ...], Any]]:
        """Each setting of a table with its key path; those in groups under their full name."""
        for key, raw in table.items():
            keys = (*prefix, key)
            if key in GROUPS:
                for inner, value in self._table(file, keys, raw).items():
                    if inner not in GROUPS[key]:
                        remedy = _hint(inner, GROUPS[key])
                        raise file.error((*keys, inner), f"unknown key {inner!r}", remedy)
                    yield GROUPS[key][inner], (*keys, inner), value
            elif key in self._options:
                yield key, keys, raw
            else:
                remedy = _hint(key, (*self._options, *GROUPS, *also))
                raise file.error(keys, f"unknown key {key!r}", remedy)

    def _table(self, file: ConfigFile, keys: tuple[str, ...], raw: Any) -> Mapping[str, Any]:
        if not isinstance(raw, dict):
            raise file.error(keys, f"{keys[-1]}: expected a table, got {raw!r:.60}")
        return raw

    def _value(self, option: Option, raw: object, at: Value, place: Place) -> Value:
        if place not in option.traits.places:
            raise at.error(f"{option.name} cannot be set here", _where(option))
        try:
            if isinstance(raw, str) and at.file is None:
                value = read_text(option, raw, self._folder)
            else:
                folder = dirname(at.file.path) if at.file else self._folder
                value = read_value(option, raw, folder)
            if option.name == "images":
                value = {_language(tag): image for tag, image in value.items()}
        except ValueError as error:
            name = f"{option.name}: " if at.file else ""  # Flags and variables name themselves.
            raise at.error(f"{name}{error}") from error
        return at._replace(value=value)


def _language(tag: str) -> str:
    found = find(tag)
    if found is None:
        near = nearest(tag, TABLE)
        raise ValueError(f"unknown language {tag!r}" + (f"; did you mean {near}?" if near else ""))
    return found.name


def _where(option: Option) -> str:
    if option.traits.secret:
        return f"Set {FOREIGN[option.name]}, or name a file that holds it: api_key_file"
    words: Mapping[Place, str] = {
        "flag": f"the flag {option.flag}",
        "environment": f"the variable {option.variable}",
    }
    return f"Use {' or '.join(words[place] for place in option.traits.places)}."


def _hint(word: str, known: Iterable[str]) -> str:
    names = tuple(known)
    near = nearest(word, names)
    return f"Did you mean {near}?" if near else f"Known: {', '.join(names)}"
