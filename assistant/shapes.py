"""Values of our own dataclasses as plain JSON values, and back, driven by their type hints."""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from decimal import Decimal, DecimalException
from functools import cache
from math import isfinite
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from assistant.redact import Redactor

_SPLIT_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_PLAIN = Redactor()
_LARGEST, _LONGEST = 1 << 4000, 10_000
"""Whole numbers, and the digits of decimal ones, beyond which it is none that was ever written."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How values of one type become plain JSON values, and how these become values again.

    Text is redacted on its way out. Both raise ValueError for what is not of the type.
    """

    pack: Callable[[Any, Redactor], Any]
    unpack: Callable[[Any], Any]


@cache
def shape(hint: Hashable, strict: bool = True) -> Shape:
    """The shape of a type hint; a new dataclass needs no code of its own.

    Decimals are strings. A string that JSON cannot carry, since it holds two surrogates that are
    not one character, is ``{"base64": ...}`` of its UTF-8. Of dataclasses every field is written,
    but one with ``later`` in its metadata (it joined a format that was in use) only where it
    differs from its default; when read, fields with a default may be missing, and unknown ones are
    refused, or passed over where it is not ``strict``.
    """
    if known := _PLAIN_SHAPES.get(hint):
        return known
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _choice(args)
    if origin in (Union, UnionType):
        (inner,) = (arg for arg in args if arg is not type(None))
        return _optional(shape(inner, strict))
    if origin is tuple:
        return _sequence(shape(args[0], strict))
    if origin is Mapping:
        return _mapping(shape(args[0], strict), shape(args[1], strict))
    if is_dataclass(hint):
        return _record(cast(type, hint), strict)
    raise TypeError(f"no form in JSON for {hint}")


def _exactly(kind: type) -> Shape:
    def check(value: Any, redactor: Redactor = _PLAIN) -> Any:
        if type(value) is not kind:
            raise ValueError(f"expected {kind.__name__}, got {value!r:.60}")
        return value

    return Shape(check, check)


def _pack_text(value: Any, redactor: Redactor) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"expected str, got {value!r:.60}")
    text = redactor.text(value)
    if text.isascii() or not _SPLIT_PAIR.search(text):
        return text
    return {"base64": b64encode(text.encode("utf-8", "surrogatepass")).decode()}


def _unpack_text(value: Any) -> str:
    if isinstance(value, dict) and list(value) == ["base64"] and isinstance(value["base64"], str):
        return b64decode(value["base64"], validate=True).decode("utf-8", "surrogatepass")
    if not isinstance(value, str):
        raise ValueError(f"expected str, got {value!r:.60}")
    return value


def _pack_float(value: Any, redactor: Redactor) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected float, got {value!r:.60}")
    return value if isfinite(value) else repr(float(value))


def _unpack_float(value: Any) -> float:
    if type(value) in (int, float) or value in ("inf", "-inf", "nan"):
        try:
            return float(value)
        except OverflowError:
            pass
    raise ValueError(f"expected float, got {value!r:.60}")


def _pack_decimal(value: Any, redactor: Redactor) -> str:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ValueError(f"expected Decimal, got {value!r:.60}")
    return str(value)


def _unpack_decimal(value: Any) -> Decimal:
    try:
        number = Decimal(_unpack_text(value))
    except DecimalException:
        number = Decimal("NaN")
    if not number.is_finite() or not -_LONGEST < number.adjusted() < _LONGEST:
        raise ValueError(f"expected Decimal, got {value!r:.60}")
    return number


def _unpack_int(value: Any) -> int:
    if type(value) is not int or not -_LARGEST < value < _LARGEST:
        kind = "a whole number" if type(value) is int else f"{value!r:.60}"
        raise ValueError(f"expected int, got {kind}")
    return value


_PLAIN_SHAPES: Mapping[Any, Shape] = {
    str: Shape(_pack_text, _unpack_text),
    int: Shape(_exactly(int).pack, _unpack_int),
    bool: _exactly(bool),
    float: Shape(_pack_float, _unpack_float),
    Decimal: Shape(_pack_decimal, _unpack_decimal),
}


def _choice(allowed: tuple[Any, ...]) -> Shape:
    def check(value: Any, redactor: Redactor = _PLAIN) -> Any:
        if type(value) is not str or value not in allowed:
            raise ValueError(f"expected one of {', '.join(allowed)}, got {value!r:.60}")
        return value

    return Shape(check, check)


def _optional(inner: Shape) -> Shape:
    return Shape(
        lambda value, redactor: None if value is None else inner.pack(value, redactor),
        lambda value: None if value is None else inner.unpack(value),
    )


def _sequence(inner: Shape) -> Shape:
    def unpack(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise ValueError(f"expected a list, got {value!r:.60}")
        return tuple(inner.unpack(item) for item in value)

    return Shape(lambda value, redactor: [inner.pack(item, redactor) for item in value], unpack)


def _mapping(key: Shape, inner: Shape) -> Shape:
    def unpack(value: Any) -> dict[Any, Any]:
        if type(value) is not dict:
            raise ValueError(f"expected an object, got {value!r:.60}")
        return {key.unpack(name): inner.unpack(item) for name, item in value.items()}

    return Shape(
        lambda value, redactor: {
            key.pack(name, redactor): inner.pack(item, redactor) for name, item in value.items()
        },
        unpack,
    )


def _record(kind: type, strict: bool) -> Shape:
    hints = get_type_hints(kind)
    shapes = {field.name: shape(hints[field.name], strict) for field in fields(kind)}
    needed = [field.name for field in fields(kind) if _has_no_default(field)]
    later = {field.name: field.default for field in fields(kind) if "later" in field.metadata}

    def pack(value: Any, redactor: Redactor) -> dict[str, Any]:
        if type(value) is not kind:
            raise ValueError(f"expected {kind.__name__}, got {value!r:.60}")
        return {
            name: shape.pack(item, redactor)
            for name, shape in shapes.items()
            if (item := getattr(value, name)) != later.get(name, MISSING)
        }

    def unpack(value: Any) -> Any:
        if type(value) is not dict:
            raise ValueError(f"expected {kind.__name__}, got {value!r:.60}")
        known = [name for name in value if name in shapes]
        if strict and len(known) < len(value):
            unknown = next(name for name in value if name not in shapes)
            raise ValueError(f"{kind.__name__} has no field {unknown!r:.60}")
        for name in needed:
            if name not in value:
                raise ValueError(f"{kind.__name__} lacks its field {name!r}")
        return kind(**{name: shapes[name].unpack(value[name]) for name in known})

    return Shape(pack, unpack)


def _has_no_default(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING
