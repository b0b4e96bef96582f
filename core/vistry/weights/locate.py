"""Weights a training starts from: a name the manifest publishes, a file, or another run."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
from safetensors import SafetensorError, safe_open

from vistry.errors import WeightsError, suggestion
from vistry.registry.cards import ModelCard
from vistry.registry.manifest import WeightsSpec
from vistry.registry.package_files import package_file
from vistry.registry.policy import Policy
from vistry.runs.files import replacing

Arrays = dict[str, np.ndarray[Any, Any]]
PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl")


def weights_cache() -> Path:
    """Where published weights are kept: VISTRY_WEIGHTS, or the user's cache folder."""
    if named := os.environ.get("VISTRY_WEIGHTS"):
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "vistry" / "weights"


def locate(name: str, card: ModelCard) -> Path | None:
    """The file that `weights` means, or None for "none". Raises WeightsError before anything is read.

    A name from the manifest means a file of an installed package, or one of the cache, which is fetched only if it
    isn't there: naming it is asking.
    """
    if name.casefold() == "none":
        return None
    if name in card.weights:
        return _published(name, card, card.weights[name])
    path = Path(name).expanduser()
    if path.is_file():
        return path
    known = ["none", *card.weights]
    raise WeightsError(f"weights = '{name}' is neither a file nor weights of {card.name}; {suggestion(name, known)}")


def _published(name: str, card: ModelCard, spec: WeightsSpec) -> Path:
    if spec.package_and_file:
        path = _carried(name, card, *spec.package_and_file)
        remedy = f"reinstall '{spec.package_and_file[0]}' in the version that {card.distribution} requires"
    else:
        path = _cached(name, card, spec)
        remedy = "delete it and fetch it again"
    found = sha256_of(path)
    if not found.startswith(spec.sha256):
        raise WeightsError(
            f"{path} is not the file its plugin names: SHA-256 {found[:16]}..., "
            f"expected {spec.sha256[:16]}...; {remedy}"
        )
    return path


def _carried(name: str, card: ModelCard, package: str, file: str) -> Path:
    try:
        return package_file(package, file)
    except (ValueError, ImportError) as error:
        raise WeightsError(
            f"weights = '{name}' of {card.name}: plugin.toml names {error}; type: pip install {card.distribution}"
        ) from None


def _cached(name: str, card: ModelCard, spec: WeightsSpec) -> Path:
    path = weights_cache() / Path(spec.source).name
    if not path.is_file():
        try:
            _fetch(spec, path)
        except OSError as error:
            reason = getattr(error, "reason", None) or error
            raise WeightsError(
                f"weights = '{name}' of {card.name} are not in {path.parent} and could not be fetched ({reason}); "
                f"get {spec.source} on a machine with a network and put it at {path}"
            ) from None
    return path


def _fetch(spec: WeightsSpec, path: Path) -> None:
    with (
        urlopen(spec.source, timeout=30) as answer,
        replacing(path) as temporary,
        temporary.open("wb") as file,
    ):
        while chunk := answer.read(1 << 20):
            file.write(chunk)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_weights(path: Path, card: ModelCard, policy: Policy) -> Arrays:
    """Every tensor of a weights file by name. Raises WeightsError.

    A pickle is read only if its hash is in the manifest or policy allows it, and never executed.
    """
    if path.suffix in PICKLES:
        found = sha256_of(path)
        published = any(found.startswith(spec.sha256) for spec in card.weights.values())
        if not published and not policy.allows_pickle():
            raise WeightsError(
                f"{path} is a pickle, which can carry code; to take its tensors out without running anything in it, "
                f"type: {import_command(path)}\nor, to let such files be read as tensors only, write in "
                "registry.toml:\n[weights]\nallow_pickle = true"
            )
        return _read_pickle(path)
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path} is no safetensors file that can be read: {error}") from None


def import_command(path: Path) -> str:
    """What to type to have the tensors of a pickle as safetensors."""
    return f"vistry weights import {shlex.quote(str(path))}"


def _read_pickle(path: Path) -> Arrays:
    try:
        import torch
    except ImportError:
        raise WeightsError(
            f"{path} is a pickle of torch, which is not installed; type: {import_command(path)}"
        ) from None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsError(
            f"{path} can't be read as weights alone: {str(error).splitlines()[0]}\n"
            f"to take its tensors out without running anything in it, type: {import_command(path)}"
        ) from None
    found = found.get("state_dict", found) if isinstance(found, Mapping) else {}
    tensors = {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise WeightsError(f"{path} holds no tensors by name where they are looked for; type: {import_command(path)}")
    return {
        name: value.detach().float().numpy() if value.is_floating_point() else value.numpy()
        for name, value in tensors.items()
    }


def fitted(
    found: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    head: Callable[[], Collection[str]],
    origin: str,
) -> tuple[dict[str, Any], list[str]]:
    """The tensors a model takes from `found`, and the names of its head, left fresh for other class counts.

    `shapes` are the model's own; `head` names what depends on the number of classes, and is asked only where something
    differs. Raises WeightsError where anything but the head doesn't fit.
    """
    taken, differing = _matching(found, shapes)
    replaceable = set(head()) if any(name in found for name in differing) else set()
    fresh = [
        name
        for name in differing
        if name in replaceable and name in found and found[name].shape[1:] == shapes[name][1:]
    ]
    _refuse({name: fault for name, fault in differing.items() if name not in fresh}, origin)
    return taken, fresh


def fitted_backbone(
    found: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], prefix: str, origin: str
) -> tuple[dict[str, Any], list[str]]:
    """The tensors that a model with `prefix` before its backbone's takes from a classifier's, and all others' names.

    Raises WeightsError where the backbone is not the classifier's.
    """
    body = {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}
    taken, differing = _matching(found, body)
    _refuse(differing, origin)
    fresh = [name for name in shapes if not name.startswith(prefix)]
    return {prefix + name: value for name, value in taken.items()}, fresh


def _matching(found: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> tuple[dict[str, Any], dict[str, str]]:
    """The tensors that fit, and what is wrong with each other one. Counts of batches may be missing."""
    taken, differing = {}, {}
    for name, shape in shapes.items():
        if name not in found:
            if not name.endswith("num_batches_tracked"):
                differing[name] = f"{name} is missing"
        elif tuple(found[name].shape) == shape or (found[name].size == 1 and shape == ()):
            taken[name] = found[name].reshape(shape)
        else:
            differing[name] = f"{name} is {tuple(found[name].shape)}, the model's is {shape}"
    return taken, differing


def _refuse(differing: Mapping[str, str], origin: str) -> None:
    """Raise WeightsError if anything differs."""
    if differing:
        more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
        raise WeightsError(f"{origin} doesn't fit the model: {'; '.join(list(differing.values())[:3])}{more}")
