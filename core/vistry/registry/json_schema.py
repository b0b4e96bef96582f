"""A JSON Schema of the forms of answers, from their types: TypedDicts of what JSON holds."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

# The newest; jsonschema and editors know it.
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# What JSON has a name for; every other type of a record is made of these.
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
JsonSchema = dict[str, Any]


def json_schema(form: Any) -> JsonSchema:
    """The JSON Schema of a TypedDict; the ones that it is made of stand under `$defs` by their names."""
    definitions: JsonSchema = {}
    schema = _object(form, definitions)
    return {"$schema": DIALECT, **schema, **({"$defs": definitions} if definitions else {})}


def _object(form: Any, definitions: JsonSchema) -> JsonSchema:
    hints = get_type_hints(form, include_extras=True)
    return {
        "type": "object",
        "description": (form.__doc__ or "").strip().partition("\n")[0],
        "properties": {name: _schema(hint, definitions) for name, hint in hints.items()},
        "required": [name for name in hints if name in form.__required_keys__],
    }


def _schema(hint: Any, definitions: JsonSchema) -> JsonSchema:
    origin, parts = get_origin(hint), get_args(hint)
    if is_typeddict(hint):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}  # it is under way, where a form holds itself
            definitions[hint.__name__] |= _object(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if origin is Annotated:
        return {**_schema(parts[0], definitions), "description": parts[1]}
    if origin is Literal:
        return {"enum": list(parts)}
    if origin is list:
        return {"type": "array", "items": _schema(parts[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(parts[1], definitions)}
    if origin in (UnionType, Union):
        return {"anyOf": [_schema(part, definitions) for part in parts]}
    return {} if hint is Any else {"type": _TYPES[hint]}
