"""The hooks a plugin may implement, and the types they exchange. Mark an implementation with `@hookimpl`.

An implementation names only the arguments it wants. The hooks are asked of the plugin that owns the model;
`docs/reference/hooks.md` has an example of each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pluggy

from vistry.errors import Problem
from vistry.registry.cards import ModelCard
from vistry.registry.manifest import KernelSpec, Manifest, PreprocessingSpec

if TYPE_CHECKING:
    from vistry.data.table import Table
    from vistry.task.behaviour import Input, TrainingData

hookspec = pluggy.HookspecMarker("vistry")
hookimpl = pluggy.HookimplMarker("vistry")


@dataclass(frozen=True)
class FreezingMap:
    """Ordered groups of parameter-name prefixes; with n layers frozen the first n groups don't train.

    Frozen batch norm keeps its running statistics unless `freeze_batch_norm` is False.
    """

    groups: tuple[tuple[str, ...], ...]
    freeze_batch_norm: bool = True


@dataclass(frozen=True)
class Backbone:
    """The network a composed model is built on.

    Called with images [N, 3, H, W] (torch) or [N, H, W, 3] (jax), `module` returns its maps from fine to coarse as a
    list; `channels` and `strides` are theirs.
    """

    module: Any
    channels: tuple[int, ...]
    strides: tuple[int, ...]


@hookspec(firstresult=True)
def vistry_build_model(
    card: ModelCard,
    task: str,
    num_classes: int,
    hyperparameters: Mapping[str, Any],
    backend: str,
    backbone: Backbone | None,
) -> Any:
    """Build the model, untrained, as a module of the backend; on `backbone` if the card has one.

    A classifier returns logits [N, num_classes]. docs/reference/detectors.md says how a detector is called and what it
    returns.
    """


@hookspec(firstresult=True)
def vistry_build_feature_maps(card: ModelCard, hyperparameters: Mapping[str, Any], backend: str) -> Any:
    """Build the network without its head, as a module whose output is the list of maps that the manifest describes.

    Its tensors have the names they have in the model, so that a classifier's weights are the backbone's.
    """


@hookspec(firstresult=True)
def vistry_freezing_map(card: ModelCard, task: str) -> FreezingMap:  # type: ignore[empty-body]
    """Say which parameters each frozen layer covers."""


@hookspec(firstresult=True)
def vistry_default_hyperparameters(card: ModelCard, task: str) -> dict[str, Any]:  # type: ignore[empty-body]
    """Give defaults that differ from the shared tables."""


@hookspec(firstresult=True)
def vistry_check_hyperparameters(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Mapping[str, Any]
) -> list[Problem]:
    """Find values that don't go together for this model."""


@hookspec(firstresult=True)
def vistry_resolve_auto(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Mapping[str, Any], first_weights: Collection[str]
) -> dict[str, Any]:
    """Give what is "auto" or unset the value it means for the weights that a training starts from."""


@hookspec(firstresult=True)
def vistry_build_loss(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Mapping[str, Any], backend: str, data: TrainingData
) -> Callable[[Any, Any, Any], dict[str, Any]]:
    """Build `loss(model, images, targets)`, which returns the scalar terms to be summed, by name."""


@hookspec(firstresult=True)
def vistry_build_postprocess(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Mapping[str, Any]
) -> Callable[[Any, Any], Any]:
    """Build `postprocess(outputs, frames)`, which turns a batch of N model outputs into N predictions.

    `frames` are N `vistry.loading.views.ResizeInfo`: the sizes of what the network was given, and of what that shows.
    """


@hookspec(firstresult=True)
def vistry_build_input(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Mapping[str, Any]
) -> Input:
    """Build how images reach the network in training, and in validation and prediction."""


@hookspec(firstresult=True)
def vistry_fit_to_data(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Mapping[str, Any], backend: str, module: Any, table: Table
) -> Sequence[str]:
    """Fit to the training split what of the module isn't learned by gradients, anchors for example; say what was done.

    Asked once before a training begins, after the first weights are in; returns sentences for the user.
    """


@hookspec(firstresult=True)
def vistry_preprocessing(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Mapping[str, Any]
) -> PreprocessingSpec:
    """Say how pixels are normalised."""


@hookspec(firstresult=True)
def vistry_map_weights(  # type: ignore[empty-body]
    card: ModelCard, state_dict: Mapping[str, Any], num_classes: int, hyperparameters: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Give the tensors of a file or another run this model's names and shapes; they may have them already."""


@hookspec(firstresult=True)
def vistry_kernels(manifest: Manifest) -> Sequence[KernelSpec]:  # type: ignore[empty-body]
    """List the plugin's kernels; asked of each plugin in use whose manifest says `computes_kernels = true`."""
