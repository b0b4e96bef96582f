"""Hyperparameters from a YAML or TOML file, each with the line that sets it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from vistry.errors import HyperparameterError, Problem
from vistry.hyperparameter.schema import Source
from vistry.registry.toml_lines import line_of


def _refuse(path: Path, message: str, remedy: str = "") -> HyperparameterError:
    return HyperparameterError([Problem(str(path), message, remedy)], "hyperparameter file")


def _read_yaml(path: Path, text: str) -> tuple[Any, dict[str, int]]:
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _refuse(path, f"not valid YAML: {' '.join(str(error).split())}") from None
    lines: dict[str, int] = {}
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.value in lines:
            where = f"{path}:{key.start_mark.line + 1}"
            raise HyperparameterError([Problem(where, f"'{key.value}' is set twice", "keep one")], "file")
        lines[key.value] = key.start_mark.line + 1
    return data, lines


def read_file(path: Path) -> Source:
    """The values of a `.yaml`, `.yml` or `.toml` file. Raises HyperparameterError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise _refuse(path, f"can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise _refuse(path, "is not UTF-8 text") from None
    if path.suffix.lower() in (".yaml", ".yml"):
        data, lines = _read_yaml(path, text)
    elif path.suffix.lower() == ".toml":
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise _refuse(path, f"not valid TOML: {error}") from None
        lines = {name: line_of(text, (name,)) or 1 for name in data}
    else:
        raise _refuse(path, f"'{path.suffix}' is not a kind of file that is read", "use .yaml or .toml")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise _refuse(path, "holds no table of names and values", "write lines such as  learning_rate: 0.01")
    values = {str(name): value for name, value in data.items()}
    return Source(values, lambda name: f"{path}:{lines.get(name, 1)}")
