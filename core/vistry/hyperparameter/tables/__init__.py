"""The shared tables as TOML files, in the grammar of a plugin's own `[hyperparameters]`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from vistry.registry.field_spec import FieldSpec
from vistry.registry.toml_file import read_toml, validated

ORDER = ("model_agnostic", "classification", "detection", "segmentation", "beyond_the_reference")


@cache
def shared_table(name: str) -> tuple[Path, dict[str, FieldSpec]]:
    """One of the shared tables (`ORDER`), by field, and the file it is in."""
    path = Path(str(files(__package__) / f"{name}.toml"))
    text, data = read_toml(path)
    return path, validated(dict[str, FieldSpec], path, text, data=data)
