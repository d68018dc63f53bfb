"""What a setting is: its name, type, default and meaning, and how a value is read for it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, field, fields
from decimal import Decimal, InvalidOperation
from functools import cache
from math import isfinite
from os.path import abspath, expanduser, join
from types import UnionType
from typing import Any, Literal, NamedTuple, NewType, Union, get_args, get_origin, get_type_hints

Size = NewType("Size", int)
"""Bytes; written as a number or as 64K, 20M, 2G."""

Place = Literal["user", "project", "environment", "flag"]
EVERYWHERE: tuple[Place, ...] = ("user", "project", "environment", "flag")

_SIZE = re.compile(r"([0-9]{1,12})([KMGT]?)(?:i?B)?", re.IGNORECASE)
_SHIFT = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class Traits(NamedTuple):
    """What a field's type and default do not say of a setting."""

    doc: str
    least: float | None = None
    widens: Literal["", "change", "more"] = ""
    """Whether a value allows code or projects more: any other than before, or only a larger one
    (choices are in the order from narrow to wide)."""
    path: bool = False
    """A file or folder; a relative one is seen from the file that names it."""
    adds: bool = False
    """Lists of later layers are added to those of earlier ones."""
    secret: bool = False
    places: tuple[Place, ...] = EVERYWHERE


class Option(NamedTuple):
    """One setting, as flags, environment, files, ``assistant config`` and the docs know it."""

    name: str
    type: Any
    default: Any
    optional: bool
    """Takes "none"."""
    traits: Traits

    @property
    def doc(self) -> str:
        return self.traits.doc

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return f"ASSISTANT_{self.name.upper()}"

    @property
    def choices(self) -> tuple[str, ...]:
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @property
    def is_list(self) -> bool:
        return get_origin(self.type) is tuple

    @property
    def is_table(self) -> bool:
        return get_origin(self.type) is Mapping

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        least = self.traits.least
        words = _EXPECTED.get(self.type) or _EXPECTED.get(get_origin(self.type))
        words = words or f"one of {', '.join(self.choices)}"
        words += f" of at least {least:g}" if least is not None else ""
        return f'{words}, or "none"' if self.optional else words


_EXPECTED: Mapping[Any, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Decimal: 'an amount such as "2.50"',
    Size: 'a size such as "20M"',
    tuple: "a list of texts",
    Mapping: "a table of texts",
}


def option(default: Any, doc: str, *, shown: bool = True, **traits: Any) -> Any:
    """A field of a dataclass that is a setting. ``traits`` are those of ``Traits``.

    One that is not ``shown`` is left out of ``repr``: it may hold a key or a password.
    """
    meta = {"traits": Traits(doc, **traits)}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=meta, repr=shown)
    return field(default=default, metadata=meta, repr=shown)


@cache
def options_of(kind: type) -> Mapping[str, Option]:
    """The settings of a dataclass, by name, in its order."""
    hints = get_type_hints(kind)
    return {
        one.name: _option(one.name, hints[one.name], _default(one), one.metadata["traits"])
        for one in fields(kind)
        if "traits" in one.metadata
    }


def _default(one: Any) -> Any:
    return one.default_factory() if one.default is MISSING else one.default


def _option(name: str, hint: Any, default: Any, traits: Traits) -> Option:
    optional = get_origin(hint) in (Union, UnionType)
    if optional:
        (hint,) = (arg for arg in get_args(hint) if arg is not type(None))
    return Option(name, hint, default, optional, traits)


def read_value(option: Option, raw: object, folder: str) -> Any:
    """The value that TOML (or Python) gives for a setting; paths are seen from ``folder``.

    Raises:
        ValueError: it is of another type or out of range; says what was expected.
    """
    value = _typed(option, raw)
    least = option.traits.least
    if value is _WRONG or (value is not None and least is not None and value < least):
        raise ValueError(f"expected {option.expected}, got {_shown(option, raw)}")
    if option.traits.path and value:
        return abspath(join(folder, expanduser(value)))
    return value


def read_text(option: Option, text: str, folder: str) -> Any:
    """The value that a flag or a variable gives. Raises ValueError as ``read_value`` does."""
    raw: object = text
    low = text.strip().lower()
    if option.type is bool:
        raw = True if low in _YES else False if low in _NO else text
    elif option.type in (int, float):
        raw = _number(option.type, text)
    elif option.is_list:
        raw = [part.strip() for part in text.split(",") if part.strip()]
    elif option.is_table:
        raw = _pairs(part.strip() for part in text.split(",") if part.strip()) or text
    return read_value(option, raw, folder)


_LARGEST = 1 << 63


class _Wrong:
    """No value at all: None is one."""


_WRONG = _Wrong()


def _typed(option: Option, raw: object) -> Any:
    kind = option.type
    if option.optional and (raw is None or raw == "none"):
        return None
    if kind is Decimal:
        return _decimal(raw)
    if kind is Size:
        return _size(raw)
    if type(raw) is int and not -_LARGEST < raw < _LARGEST:
        return _WRONG
    if kind is float and type(raw) is int:
        return float(raw)
    if kind is float:
        return raw if isinstance(raw, float) and isfinite(raw) else _WRONG
    if option.choices:
        return raw if isinstance(raw, str) and raw in option.choices else _WRONG
    if option.is_list:
        if not isinstance(raw, list | tuple):
            return _WRONG
        return tuple(raw) if all(isinstance(item, str) for item in raw) else _WRONG
    if option.is_table:
        fits = isinstance(raw, dict) and all(isinstance(item, str) for item in raw.values())
        return raw if fits else _WRONG
    return raw if type(raw) is kind else _WRONG


def _decimal(raw: object) -> Any:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        return _WRONG
    try:
        amount = Decimal(str(raw))
    except InvalidOperation:
        return _WRONG
    return amount if amount.is_finite() and amount < _LARGEST else _WRONG


def _size(raw: object) -> Any:
    found = _SIZE.fullmatch(raw.strip()) if isinstance(raw, str) else None
    if found:
        return int(found[1]) << _SHIFT[found[2].upper()]
    return raw if type(raw) is int else _WRONG


def _number(kind: type, text: str) -> object:
    try:
        return kind(text)
    except ValueError:
        return text


def _pairs(parts: Iterable[str]) -> dict[str, str] | None:
    """``name=value`` parts as a table; None where one is not of that form."""
    split = [part.partition("=") for part in parts]
    fits = all(name.strip() and equals for name, equals, _ in split)
    return {name.strip(): value.strip() for name, _, value in split} if fits else None


def _shown(option: Option, raw: object) -> str:
    if option.traits.secret:
        return "something else"
    if type(raw) is int and not -_LARGEST < raw < _LARGEST:
        return "a number that is too large"
    return str(raw).lower() if isinstance(raw, bool) else f"{raw!r:.60}"


def text_of(option: Option, value: Any) -> str:
    """A value as ``assistant config`` prints it, and as a variable would give it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={item}" for name, item in value.items())
    if isinstance(value, tuple):
        return ", ".join(value)
    if option.type is Size:
        unit = next((u for u in "TGMK" if value and value % (1 << _SHIFT[u]) == 0), "")
        return f"{value >> _SHIFT[unit]}{unit}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def nearest(word: str, known: Iterable[str], alike: float = 0.6) -> str:
    """The known word that ``word`` was meant to be, or "" if none is ``alike`` (0 to 1)."""
    from difflib import get_close_matches  # Only when something is wrong.

    return next(iter(get_close_matches(word, tuple(known), 1, alike)), "")
