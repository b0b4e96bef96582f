"""Core's answers to hooks that a manifest can answer, for owners that don't implement them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vistry.errors import Problem
from vistry.plugin.hooks import hookimpl
from vistry.plugin.types import FittedTensors, FreezingMap, StateDict
from vistry.registry.cards import ModelCard
from vistry.registry.manifest import KernelSpec, Manifest, PreprocessingSpec


@hookimpl(trylast=True)
def vistry_freezing_map(card: ModelCard) -> FreezingMap:
    """Return the manifest's groups."""
    return FreezingMap(card.freeze)


@hookimpl(trylast=True)
def vistry_rate_factors() -> Mapping[str, float]:
    """Train every parameter at the same rate."""
    return {}


@hookimpl(trylast=True)
def vistry_default_hyperparameters(card: ModelCard, task: str) -> dict[str, Any]:
    """Return the manifest's defaults."""
    return {name: value for name, (value, _) in card.manifest_defaults(task).items()}


@hookimpl(trylast=True)
def vistry_check_hyperparameters() -> list[Problem]:
    """Return no problems: the schema has its own rules."""
    return []


@hookimpl(trylast=True)
def vistry_resolve_auto() -> dict[str, Any]:
    """Resolve nothing."""
    return {}


@hookimpl(trylast=True)
def vistry_fit_to_data() -> FittedTensors:
    """Fit nothing."""
    return FittedTensors()


@hookimpl(trylast=True)
def vistry_preprocessing(card: ModelCard) -> PreprocessingSpec:
    """Return the manifest's mean and standard deviation."""
    return card.preprocessing


@hookimpl(trylast=True)
def vistry_map_weights(state_dict: StateDict) -> StateDict:
    """Return the tensors under the names they have."""
    return state_dict


@hookimpl(trylast=True)
def vistry_kernels(manifest: Manifest) -> Sequence[KernelSpec]:
    """Return the manifest's kernels."""
    return manifest.kernels
