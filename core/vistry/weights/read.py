"""Reading of a weights file. Nothing in it is executed."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open

from vistry.errors import WeightsError
from vistry.registry.cards import ModelCard
from vistry.registry.policy import Policy
from vistry.weights.matching import Arrays

# Files whose tensors are found through a pickle, which policy may refuse to read at all.
PICKLE_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt", ".pkl")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: Path, card: ModelCard, policy: Policy) -> Arrays:
    """Read every tensor of a weights file by name. Raises WeightsError.

    A pickle is read only if its hash is in the manifest or policy allows it, and never executed.
    """
    if path.suffix in PICKLE_SUFFIXES:
        digest = sha256_of(path)
        published = any(spec.sha256 and digest.startswith(spec.sha256) for spec in card.weights.values())
        if not published and not policy.allows_pickle():
            raise WeightsError(
                f"{path} is a pickle, which can contain code; to import its tensors without running anything in it, "
                f"type: {import_command(path)}\nor, to have such files read as tensors only, write in "
                "registry.toml:\n[weights]\nallow_pickle = true"
            )
        return _read_pickle(path)
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} can't be read as a safetensors file: {error}") from None


def import_command(path: Path) -> str:
    """Return the command that writes the tensors of a pickle as safetensors."""
    return f"vistry weights import {shlex.quote(str(path))}"


def _read_pickle(path: Path) -> Arrays:
    try:
        import torch
    except ImportError:
        raise WeightsError(
            f"{path} is a pickle of torch, which is not installed; type: {import_command(path)}"
        ) from None
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # its unpickler raises whatever a damaged or hostile file leads to
        raise WeightsError(
            f"{path} can't be read as tensors only: {str(error).splitlines()[0]}\n"
            f"to import its tensors without running anything in it, type: {import_command(path)}"
        ) from None
    state = checkpoint.get("state_dict", checkpoint) if isinstance(checkpoint, Mapping) else {}
    tensors = {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise WeightsError(
            f"{path} has no state dict at the top level or under 'state_dict'; type: {import_command(path)}"
        )
    # numpy has no bfloat16, and a model converts to its own precision anyway.
    return {
        name: value.detach().float().numpy() if value.is_floating_point() else value.numpy()
        for name, value in tensors.items()
    }
