"""The JSON Schema of `plugin.toml`."""

from __future__ import annotations

from vistry.registry.manifest import Manifest
from vistry.registry.typed_toml_schema import json_schema


def manifest_schema() -> dict[str, object]:
    """Return the JSON Schema by which an editor completes and checks a `plugin.toml`."""
    return json_schema(Manifest, "plugin.toml")
