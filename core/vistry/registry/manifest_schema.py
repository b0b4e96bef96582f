"""The JSON Schemas of `plugin.toml` and of the catalogue file that it may name."""

from __future__ import annotations

from vistry.registry.catalogue_file import CatalogueFile
from vistry.registry.manifest import Manifest, ModelSpec
from vistry.registry.typed_toml_schema import Schema, json_schema

_LIKE: Schema = {"type": ["string", "array"], "items": {"type": "string"}}


def manifest_schema() -> dict[str, object]:
    """Return the JSON Schema by which an editor completes and checks a `plugin.toml`."""
    return json_schema(Manifest, "plugin.toml")


def catalogue_schema() -> dict[str, object]:
    """Return the JSON Schema of a catalogue file.

    No key of a model is required in it, since each may stand in what the model is like.
    """
    schema, model = json_schema(CatalogueFile, "the catalogue of a plugin.toml"), json_schema(ModelSpec, "")
    definitions: dict[str, Schema] = model["$defs"]
    weights = definitions["WeightsSpec"]
    keys = {name: rule for name, rule in model["properties"].items() if name != "backbone"}
    definitions["Model"] = _partly({"type": "object", "properties": {**keys, "like": _LIKE}})
    shared = {name: rule for name, rule in keys.items() if name != "weights"}
    definitions["Shared"] = _partly({"type": "object", "properties": shared})
    definitions["FeatureMapsSpec"] = _partly(definitions["FeatureMapsSpec"])
    source = {"type": "string", "description": "{model} and {weights} in it stand for names"}
    definitions["WeightsSpec"] = _partly(
        {**weights, "properties": {**weights["properties"], "source": source, "like": _LIKE}}
    )
    entries = {"models": "Model", "shared": "Shared", "shared_weights": "WeightsSpec"}
    for name, definition in entries.items():
        schema["properties"][name]["additionalProperties"] = {"$ref": f"#/$defs/{definition}"}
    return {**schema, "$defs": dict(sorted(definitions.items()))}


def _partly(table: Schema) -> Schema:
    """A table of which no key is required."""
    return {**table, "required": [], "additionalProperties": False}
