"""Checkpoints: one safetensors file each, tensors by name, the rest as JSON in its header."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from vistry.errors import RunError
from vistry.runs.files import replacing

Tensors = Mapping[str, np.ndarray[Any, Any]]


def write_checkpoint(path: Path, tensors: Tensors, facts: Mapping[str, Any]) -> None:
    """Write tensors and facts in one atomic step. Raises RunError; the old file then stays as it was."""
    write_tensors(path, tensors, {"vistry": json.dumps(facts, allow_nan=False)})


def write_tensors(path: Path, tensors: Tensors, header: Mapping[str, str]) -> None:
    """Write tensors as safetensors with these texts in the header, in one atomic step. Raises RunError."""
    with replacing(path) as temporary:
        try:
            save_file({name: np.asarray(value, order="C") for name, value in tensors.items()}, temporary, dict(header))
        except SafetensorError as error:
            raise OSError(28 if "No space" in str(error) else 5, str(error)) from error


def read_checkpoint(path: Path) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
    """Tensors and facts. Raises RunError where the file is damaged or not one of ours."""
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts = json.loads((file.metadata() or {})["vistry"])
    except (OSError, SafetensorError) as error:
        raise RunError(f"the checkpoint {path} can't be read: {error}") from None
    except KeyError:
        raise RunError(f"{path} is not a checkpoint of a run") from None
    return tensors, facts
