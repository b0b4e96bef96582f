"""Records from JSON and to it, by the types of their fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from vistry.errors import RunError

Record = TypeVar("Record")

_NAMES = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
    tuple: "a list",
    Mapping: "an object",
}


def from_json(kind: type[Record], data: object, source: object) -> Record:
    """Make a record of JSON data. Keys that the record lacks are ignored: a later version wrote them.

    Raises RunError, which names `source` and the key, where a key is missing or its value has the wrong type.
    """
    try:
        record: Record = _record(kind, data, "")
    except _InvalidError as error:
        raise RunError(f"invalid {source}: {error}; restore the file from a copy, or train again") from None
    return record


def to_json(record: Any) -> dict[str, Any]:
    """A record as plain JSON values; optional fields that are None are left out."""
    return {
        field.name: _plain(value)
        for field in fields(record)
        if (value := getattr(record, field.name)) is not None or field.default is not None
    }


def json_text(record: Any) -> str:
    """A record as JSON on one line. Raises ValueError where a number is not finite."""
    return json.dumps(to_json(record), allow_nan=False)


class _InvalidError(Exception):
    """A key that is missing, or whose value has the wrong type."""


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _record(kind: Any, data: object, key: str) -> Any:
    if not isinstance(data, dict):
        raise _mismatch(Mapping, data, key)
    values = {}
    for field in fields(kind):
        place = f"{key}.{field.name}" if key else field.name
        if field.name in data:
            values[field.name] = _value(_hints(kind)[field.name], data[field.name], place)
        elif _is_required(field):
            raise _InvalidError(f"missing key '{place}'")
    return kind(**values)


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _value(hint: Any, value: object, key: str) -> Any:
    if is_dataclass(hint):
        return _record(hint, value, key)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _alternative(arguments, value, key)
    if origin is tuple:
        return _list(arguments, value, key)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise _mismatch(Mapping, value, key)
        return {name: _value(arguments[1], item, f"{key}.{name}") for name, item in value.items()}
    if hint is float and type(value) is int:  # JSON may write 1.0 as 1
        return float(value)
    if type(value) is not hint:  # not isinstance: True is no whole number here
        raise _mismatch(hint, value, key)
    return value


def _alternative(kinds: tuple[Any, ...], value: object, key: str) -> Any:
    """A value of one of several types: of its own where that is among them, which keeps 1 apart from 1.0 and true."""
    if type(value) in kinds:
        return value
    others = [kind for kind in kinds if kind is not type(None)]
    if len(others) == 1:
        return _value(others[0], value, key)
    raise _mismatch(kinds, value, key)


def _list(kinds: tuple[Any, ...], value: object, key: str) -> tuple[Any, ...]:
    """A tuple of any length for `tuple[T, ...]`, else of one item a type."""
    if not isinstance(value, list):
        raise _mismatch(tuple, value, key)
    if kinds[-1] is Ellipsis:
        kinds = kinds[:1] * len(value)
    elif len(kinds) != len(value):
        raise _InvalidError(f"'{key}': expected {len(kinds)} items, got {len(value)}")
    items = enumerate(zip(kinds, value, strict=True))
    return tuple(_value(kind, item, f"{key}[{index}]") for index, (kind, item) in items)


def _mismatch(kinds: Any, value: object, key: str) -> _InvalidError:
    expected = " or ".join(_NAMES.get(kind, str(kind)) for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
    place = f"'{key}': " if key else ""
    return _InvalidError(f"{place}expected {expected}, got {json.dumps(value)[:60]}")


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return to_json(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value
