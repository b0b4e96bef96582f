"""Hyperparameters from a YAML or TOML file, each with the line that sets it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vistry.errors import HyperparameterError, Problem
from vistry.hyperparameter.schema import Source
from vistry.registry.toml_file import TomlFileError, read_text, read_toml
from vistry.registry.toml_lines import line_of


def read_file(path: Path) -> Source:
    """The values of a `.yaml`, `.yml` or `.toml` file. Raises HyperparameterError."""
    kind = path.suffix.lower()
    try:
        if kind == ".toml":
            data, lines = _read_toml(path)
        elif kind in (".yaml", ".yml"):
            data, lines = _read_yaml(path)
        else:
            raise _error(str(path), f"unsupported config file '{path.suffix}'", "use .yaml or .toml")
    except TomlFileError as error:
        raise HyperparameterError(error.problems, "hyperparameter file") from None
    values = {str(name): value for name, value in data.items()}
    return Source(values, lambda name: f"{path}:{lines.get(name, 1)}")


def _error(where: str, message: str, remedy: str = "") -> HyperparameterError:
    return HyperparameterError([Problem(where, message, remedy)], "hyperparameter file")


def _read_toml(path: Path) -> tuple[Mapping[str, Any], dict[str, int]]:
    text, data = read_toml(path)
    return data, {name: line_of(text, (name,)) or 1 for name in data}


def _read_yaml(path: Path) -> tuple[Mapping[Any, Any], dict[str, int]]:
    import yaml

    text = read_text(path)
    try:
        lines = _yaml_lines(path, yaml.compose(text, Loader=yaml.SafeLoader))
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _error(str(path), f"not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict | None):
        raise _error(str(path), "expected a mapping of names to values", "write lines such as  learning_rate: 0.01")
    return data or {}, lines


def _yaml_lines(path: Path, node: Any) -> dict[str, int]:
    """The line of each key. Raises HyperparameterError where one is set twice, which YAML lets pass."""
    lines: dict[str, int] = {}
    for key, _ in node.value if node is not None and node.id == "mapping" else ():
        line = key.start_mark.line + 1
        if str(key.value) in lines:
            raise _error(f"{path}:{line}", f"'{key.value}' is set twice", "keep one")
        lines[str(key.value)] = line
    return lines
