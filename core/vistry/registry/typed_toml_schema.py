"""The JSON Schema of a TOML file whose tables are dataclasses, for editors: what `typed_toml` reads, it accepts.

Rules between keys, which a dataclass holds itself, are not in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from vistry.registry.typed_toml import is_mismatch, is_unknown, positive

Schema = dict[str, Any]

# TOML has one text, two numbers and a flag; dates are refused where JSON has to hold the value.
_SCALARS: Mapping[object, Schema] = {
    Any: {},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
}


def json_schema(kind: type, title: str) -> Schema:
    """Return the JSON Schema of a file whose content is a dataclass, with a definition for each table in it."""
    definitions: dict[str, Schema] = {}
    root = _table(kind, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _schema(kind: Any, definitions: dict[str, Schema]) -> Schema:
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        if kind.__name__ not in definitions:
            definitions[kind.__name__] = {}  # a place for it, should it hold one of its own kind
            definitions[kind.__name__] = _table(kind, definitions)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    if origin is Annotated:
        schema = _schema(arguments[0], definitions)
        for constraint in arguments[1:]:
            schema = {**schema, **_constraint(constraint)}
        return schema
    if origin is tuple:
        array: Schema = {"type": "array", "items": _schema(arguments[0], definitions)}
        count = len(arguments)
        return array if arguments[-1] is Ellipsis else {**array, "minItems": count, "maxItems": count}
    if origin is dict:
        entries = {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}
        names = {name: rule for name, rule in _schema(arguments[0], definitions).items() if name != "type"}
        return {**entries, "propertyNames": names} if names else entries
    if origin in (UnionType, Union):
        return _union([member for member in arguments if member is not NoneType], definitions)
    if origin is Literal:
        return {"enum": list(arguments)}
    return dict(_SCALARS[kind])


def _union(members: list[Any], definitions: dict[str, Schema]) -> Schema:
    if len(members) == 1:
        return _schema(members[0], definitions)
    return {"type": [_schema(member, definitions)["type"] for member in members]}


def _table(kind: type, definitions: dict[str, Schema]) -> Schema:
    hints = get_type_hints(kind, include_extras=True)
    properties = {item.name: {**_schema(hints[item.name], definitions), **_default(item)} for item in fields(kind)}
    required = [item.name for item in fields(kind) if _is_required(item)]
    return {
        "description": " ".join((kind.__doc__ or "").split()),
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _default(item: Field[Any]) -> Schema:
    """Return the default that stands in a file as it is; none where it is a table, or unset."""
    default = item.default
    if isinstance(default, bool | int | float | str):
        return {"default": default}
    return {"default": list(default)} if isinstance(default, tuple) else {}


def _is_required(item: Field[Any]) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _constraint(constraint: object) -> Schema:
    if constraint is positive:
        return {"exclusiveMinimum": 0}
    if not isinstance(constraint, partial):
        return {}  # a rule that a schema has no words for
    if is_unknown(constraint):
        return {"enum": list(constraint.args[0])}
    assert is_mismatch(constraint)
    pattern: re.Pattern[str] = constraint.args[0]
    return {"pattern": f"^(?:{pattern.pattern})$"}
