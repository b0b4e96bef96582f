"""Hyperparameters from a YAML or TOML file, each with the line that sets it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vistry.errors import HyperparameterError, Problem
from vistry.hyperparameter.hosted_job import MESSAGE, command_of, is_hosted_job
from vistry.hyperparameter.schema import Source
from vistry.registry.toml_file import TomlFileError, read_toml
from vistry.registry.toml_lines import line_of
from vistry.yaml_text import YamlError, read_yaml


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
    if is_hosted_job(values):
        raise _error(str(path), MESSAGE, command_of(path))
    return Source(values, lambda name: f"{path}:{lines.get(name, 1)}")


def _error(where: str, message: str, remedy: str = "") -> HyperparameterError:
    return HyperparameterError([Problem(where, message, remedy)], "hyperparameter file")


def _read_toml(path: Path) -> tuple[Mapping[str, Any], Mapping[str, int]]:
    text, data = read_toml(path)
    return data, {name: line_of(text, (name,)) or 1 for name in data}


def _read_yaml(path: Path) -> tuple[Mapping[str, Any], Mapping[str, int]]:
    try:
        file = read_yaml(path)
    except YamlError as error:
        raise _error(str(path) if error.line is None else f"{path}:{error.line}", error.message) from None
    except OSError as error:
        raise _error(str(path), f"can't be read: {error.strerror}") from None
    if not isinstance(file.values, dict | None):
        raise _error(str(path), "expected a mapping of names to values", "write lines such as  learning_rate: 0.01")
    return file.values or {}, file.lines
