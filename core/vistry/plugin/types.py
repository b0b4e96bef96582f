"""The types that a plugin's hooks exchange with core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy.typing as npt

    from vistry.data.table import Table
    from vistry.loading.batches import TrainingDataset
    from vistry.loading.views import EvalTransform, ResizeInfo

Module: TypeAlias = Any
"""A network in its backend: a `torch.nn.Module` or a `flax.nnx.Module`, which core never imports."""

Tensor: TypeAlias = Any
"""A value of a tensor library, or lists and dictionaries of them."""

Values: TypeAlias = Mapping[str, Any]
"""Every resolved hyperparameter by name. A plugin brings some of its own, whose types core can't know."""

StateDict: TypeAlias = "Mapping[str, npt.NDArray[Any]]"
"""A network's parameters and buffers by name, as numpy arrays."""

Loss: TypeAlias = Callable[[Module, Tensor, Tensor], dict[str, Tensor]]
"""`loss(model, images, targets)`: scalar terms by name, whose sum is minimised."""

Predictions: TypeAlias = "Sequence[Any] | npt.NDArray[Any]"
"""N predictions, each of which is what the task says it is."""

Postprocess: TypeAlias = "Callable[[Tensor, Sequence[ResizeInfo]], Predictions]"
"""`postprocess(outputs, resize_infos)`: a batch of N model outputs to N predictions."""


@dataclass(frozen=True)
class FreezingMap:
    """Ordered groups of parameter-name prefixes; with n layers frozen the first n groups don't train.

    Frozen batch norm keeps its running statistics unless `freeze_batch_norm` is False.
    """

    groups: tuple[tuple[str, ...], ...]
    freeze_batch_norm: bool = True


@dataclass(frozen=True)
class Backbone:
    """The network that a composed model is built on.

    `module` maps images [N, 3, H, W] (torch) or [N, H, W, 3] (jax) to a list of feature maps from fine to coarse;
    `channels` and `strides` are those of the maps.
    """

    module: Module
    channels: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class TrainingData:
    """Facts of the training split for a loss: class names in order, images of each class, and images in all."""

    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    images: int


@dataclass(frozen=True)
class FittedTensors:
    """Tensors that were fitted to the training split, by their names in the state dict, and sentences for the user."""

    tensors: StateDict = field(default_factory=dict)
    messages: Sequence[str] = ()


class Input(Protocol):
    """How images reach a network."""

    def dataset(self, table: Table) -> TrainingDataset:
        """Return the rows of a table as training samples, augmented."""

    def eval_transform(self) -> EvalTransform:
        """Return the transform of an image for validation and prediction."""

    def input_size(self, training: bool) -> int:
        """Return the side in pixels of a square image that the network accepts."""
