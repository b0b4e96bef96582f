"""What core answers when the plugin that owns a model does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vistry.errors import Problem
from vistry.hyperparameter.values import Hyperparameters
from vistry.plugin.hooks import FreezingMap, hookimpl
from vistry.registry.cards import ModelCard
from vistry.registry.manifest import KernelSpec, Manifest, PreprocessingSpec

if TYPE_CHECKING:
    from vistry.task.behaviour import Input, TrainingData


@hookimpl(trylast=True)
def vistry_freezing_map(card: ModelCard) -> FreezingMap:
    """The manifest's list."""
    return FreezingMap(card.freeze)


@hookimpl(trylast=True)
def vistry_default_hyperparameters(card: ModelCard, task: str) -> dict[str, Any]:
    """The manifest's defaults."""
    return {name: value for name, (value, _) in card.manifest_defaults(task).items()}


@hookimpl(trylast=True)
def vistry_check_hyperparameters() -> list[Problem]:
    """Nothing beyond the schema's own rules."""
    return []


@hookimpl(trylast=True)
def vistry_resolve_auto() -> dict[str, Any]:
    """Nothing is settled."""
    return {}


@hookimpl(trylast=True)
def vistry_build_loss(
    task: str, hyperparameters: Hyperparameters, backend: str, data: TrainingData
) -> Callable[..., dict[str, Any]]:
    """The task's loss."""
    from vistry.task import behaviour_of

    return behaviour_of(task).build_loss(hyperparameters, backend, data)


@hookimpl(trylast=True)
def vistry_build_postprocess(task: str, hyperparameters: Hyperparameters) -> Callable[[Any, Any], Any]:
    """The task's reading of a model's outputs."""
    from vistry.task import behaviour_of

    return behaviour_of(task).build_postprocess(hyperparameters)


@hookimpl(trylast=True)
def vistry_build_input(task: str, hyperparameters: Hyperparameters) -> Input:
    """The task's way to read and show images."""
    from vistry.task import behaviour_of

    return behaviour_of(task).build_input(hyperparameters)


@hookimpl(trylast=True)
def vistry_fit_to_data() -> Sequence[str]:
    """Nothing is fitted."""
    return ()


@hookimpl(trylast=True)
def vistry_preprocessing(card: ModelCard) -> PreprocessingSpec:
    """The manifest's mean and standard deviation."""
    return card.preprocessing


@hookimpl(trylast=True)
def vistry_map_weights(state_dict: Mapping[str, Any]) -> Mapping[str, Any]:
    """The names as they are."""
    return state_dict


@hookimpl(trylast=True)
def vistry_kernels(manifest: Manifest) -> Sequence[KernelSpec]:
    """The manifest's list."""
    return manifest.kernels
