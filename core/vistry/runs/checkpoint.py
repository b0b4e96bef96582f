"""Checkpoints: one safetensors file each, tensors by name, the rest as JSON in its header."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from vistry.errors import RunError
from vistry.runs.files import replacing
from vistry.runs.json_records import from_json, json_text
from vistry.runs.records import BestFacts, CheckpointFacts, EpochFacts, LastFacts

Tensors = Mapping[str, np.ndarray[Any, Any]]

HEADER_KEY = "vistry"
_KINDS: Mapping[str, type[CheckpointFacts]] = {"best": BestFacts, "epoch": EpochFacts, "last": LastFacts}


def write_checkpoint(path: Path, tensors: Tensors, facts: CheckpointFacts) -> None:
    """Write tensors and facts in one atomic step. Raises RunError; the old file then stays as it was."""
    write_tensors(path, tensors, {HEADER_KEY: json_text(facts)})


def write_tensors(path: Path, tensors: Tensors, header: Mapping[str, str]) -> None:
    """Write tensors as safetensors with these texts in the header, in one atomic step. Raises RunError."""
    with replacing(path) as temporary:
        try:
            save_file({name: np.asarray(value, order="C") for name, value in tensors.items()}, temporary, dict(header))
        except SafetensorError as error:  # its Rust code hides the number of the operating system's error in the text
            raise OSError(errno.ENOSPC if "No space" in str(error) else errno.EIO, str(error)) from error


def read_checkpoint(path: Path) -> tuple[dict[str, np.ndarray[Any, Any]], CheckpointFacts]:
    """Read tensors and facts. Raises RunError where the file is damaged or isn't a run's."""
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts = json.loads((file.metadata() or {})[HEADER_KEY])
            kind = _KINDS[facts["kind"]]
    except (OSError, SafetensorError) as error:
        raise RunError(f"the checkpoint {path} can't be read: {error}") from None
    except (KeyError, TypeError, ValueError):
        raise RunError(f"invalid checkpoint {path}: expected one that a run wrote") from None
    return tensors, from_json(kind, facts, path)
