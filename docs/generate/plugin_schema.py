"""The JSON Schema of plugin.toml."""

from __future__ import annotations

import json

import vistry


def plugin_schema() -> str:
    """Return the schema as a file for editors."""
    return json.dumps(vistry.plugin_schema(), indent=2) + "\n"
