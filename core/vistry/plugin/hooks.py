"""The hooks that a plugin may implement. Mark an implementation with `@hookimpl`.

An implementation names only the arguments it wants, so that a later version can add one without breaking it. Hooks are
asked of the plugin that owns the model; docs/reference/hooks.md has an example of each.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

from vistry.errors import Problem
from vistry.plugin.types import Backbone, FittedTensors, FreezingMap, Loss, Module, Postprocess, StateDict, Values
from vistry.registry.cards import ModelCard
from vistry.registry.manifest import KernelSpec, Manifest, PreprocessingSpec

if TYPE_CHECKING:
    from vistry.data.table import Table
    from vistry.plugin.types import Input, TrainingData

hookspec = pluggy.HookspecMarker("vistry")
hookimpl = pluggy.HookimplMarker("vistry")


@hookspec(firstresult=True)
def vistry_build_model(
    card: ModelCard,
    task: str,
    num_classes: int,
    hyperparameters: Values,
    backend: str,
    backbone: Backbone | None,
) -> Module:
    """Build the untrained model as a module of the backend.

    A classifier returns logits [N, num_classes]; docs/reference/detectors.md says how a detector is called.

    Args:
        card: the model's card from the registry; `card.args` holds the manifest's `args`.
        task: the task's full name, such as "image_classification".
        num_classes: the number of classes, without a background class.
        hyperparameters: every resolved value by name.
        backend: "torch" or "jax".
        backbone: the network to build on, for a model that the manifest composes; None for others.
    """


@hookspec(firstresult=True)
def vistry_build_feature_maps(card: ModelCard, hyperparameters: Values, backend: str) -> Module:
    """Build the network without its head, as a module that returns the feature maps the manifest describes.

    Tensors keep the names they have in the model, so that a classifier's weights fit a detector's backbone.

    Args:
        card: the card of the model whose maps are wanted.
        hyperparameters: every resolved value of the model that is built on the maps.
        backend: "torch" or "jax".
    """


@hookspec(firstresult=True)
def vistry_freezing_map(card: ModelCard, task: str) -> FreezingMap:  # type: ignore[empty-body]
    """Return the parameters that each frozen layer covers.

    Args:
        card: the model's card; core's answer is `card.freeze`.
        task: the task's full name.
    """


@hookspec(firstresult=True)
def vistry_rate_factors(card: ModelCard, task: str, hyperparameters: Values) -> Mapping[str, float]:  # type: ignore[empty-body]
    """Return what the learning rate of some parameters is multiplied by, by how their names begin.

    The longest beginning counts; parameters that none fits have a factor of 1.

    Args:
        card: the model's card.
        task: the task's full name.
        hyperparameters: every resolved value by name.
    """


@hookspec(firstresult=True)
def vistry_default_hyperparameters(card: ModelCard, task: str) -> dict[str, Any]:  # type: ignore[empty-body]
    """Return the defaults that differ from the shared tables; the manifest says `computes_defaults = true`.

    Args:
        card: the model's card; core's answer is the manifest's own defaults.
        task: the task's full name.
    """


@hookspec(firstresult=True)
def vistry_check_hyperparameters(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Values
) -> list[Problem]:
    """Return the values that don't go together for this model, as errors or warnings.

    Args:
        card: the model's card.
        task: the task's full name.
        hyperparameters: every resolved value by name.
    """


@hookspec(firstresult=True)
def vistry_resolve_auto(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Values, weight_names: Collection[str]
) -> dict[str, Any]:
    """Return values for hyperparameters that are "auto" or unset, given the weights that training starts from.

    Args:
        card: the model's card.
        task: the task's full name.
        hyperparameters: every resolved value by name.
        weight_names: names of the tensors that training starts from; empty for random weights.
    """


@hookspec(firstresult=True)
def vistry_build_loss(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Values, backend: str, data: TrainingData
) -> Loss:
    """Build the loss; core's answer is the task's own.

    Args:
        card: the model's card.
        task: the task's full name.
        hyperparameters: every resolved value by name.
        backend: "torch" or "jax".
        data: class names and counts of the training split.
    """


@hookspec(firstresult=True)
def vistry_build_postprocess(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Values
) -> Postprocess:
    """Build the function that turns model outputs into predictions; core's answer is the task's own.

    Args:
        card: the model's card.
        task: the task's full name.
        hyperparameters: every resolved value by name.
    """


@hookspec(firstresult=True)
def vistry_build_input(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Values
) -> Input:
    """Build how images reach the network in training, and in validation and prediction.

    Args:
        card: the model's card.
        task: the task's full name; core's answer is that task's input.
        hyperparameters: every resolved value by name.
    """


@hookspec(firstresult=True)
def vistry_fit_to_data(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Values, state_dict: StateDict, table: Table
) -> FittedTensors:
    """Fit tensors that gradients don't learn, such as anchors, to the training split.

    Asked once before a training begins, after the initial weights are loaded.

    Args:
        card: the model's card.
        task: the task's full name.
        hyperparameters: every resolved value by name.
        state_dict: the module's tensors as numpy arrays; those that are returned replace them.
        table: the rows of the training split.
    """


@hookspec(firstresult=True)
def vistry_preprocessing(  # type: ignore[empty-body]
    card: ModelCard, task: str, hyperparameters: Values
) -> PreprocessingSpec:
    """Return the mean and standard deviation that pixels are normalised with.

    Args:
        card: the model's card; core's answer is `card.preprocessing`.
        task: the task's full name.
        hyperparameters: every resolved value by name.
    """


@hookspec(firstresult=True)
def vistry_map_weights(  # type: ignore[empty-body]
    card: ModelCard, state_dict: StateDict, num_classes: int, hyperparameters: Values
) -> StateDict:
    """Return the tensors of a file or of another run under this model's names and in its shapes.

    Args:
        card: the model's card.
        state_dict: tensors by name; they may have this model's names already.
        num_classes: the number of classes of the model that is filled.
        hyperparameters: every resolved value by name.
    """


@hookspec(firstresult=True)
def vistry_kernels(manifest: Manifest) -> Sequence[KernelSpec]:  # type: ignore[empty-body]
    """Return the plugin's kernels; the manifest says `computes_kernels = true`.

    Args:
        manifest: the plugin's own manifest; core's answer is its list.
    """


@hookspec(firstresult=True)
def vistry_build_exportable(card: ModelCard, task: str, hyperparameters: Values, module: Module) -> Module:
    """Build a torch module that answers as a trained detector does, of operations that torch.export can follow.

    It is called with `pixels` [N, 3, H, W] and `sizes` [N, 2] int64, and returns `boxes` [N, K, 4], `scores` [N, K] and
    `labels` [N, K] int64 by name, where a label of -1 marks a row without a detection. No size of a tensor may depend
    on what is in the images; `vistry.torch_layers.exportable_nms` suppresses boxes that way.

    Args:
        card: the model's card.
        task: the task's full name.
        hyperparameters: every resolved value by name.
        module: the trained module, as `vistry_build_model` built it, on the processor and in evaluation mode.
    """
