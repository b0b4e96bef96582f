"""What the loop asks of a tensor library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from vistry.data.augmentation import Pixels
from vistry.data.batches import Batch
from vistry.data.views import Frame
from vistry.hooks import FreezingMap
from vistry.registry.manifest import GradientClipping, PreprocessingSpec

Arrays = dict[str, np.ndarray[Any, Any]]


def _silently(sentence: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class EngineSettings:
    """All that an engine needs to know beside the model itself; `say` tells the user a sentence."""

    hyperparameters: Mapping[str, Any]
    preprocessing: PreprocessingSpec
    clipping: GradientClipping = field(default_factory=GradientClipping)
    freezing: FreezingMap = field(default_factory=lambda: FreezingMap(()))
    frozen_layers: int = 0
    say: Callable[[str], None] = _silently


class Engine(Protocol):
    """A model being trained, with its optimiser, on one device."""

    def facts(self) -> dict[str, Any]:
        """Device, precision, and why that precision was chosen; parameters in all and trainable."""

    def peak_memory(self) -> int | None:
        """The most bytes of the device's own memory in use so far; None on a processor."""

    def accumulate(self, batch: Batch, share: float, step: int) -> dict[str, float]:
        """Add the gradient of a batch's loss, times `share`; the loss terms, unscaled.

        `step` seeds whatever is random inside the model.
        """

    def update(self, learning_rate: float) -> None:
        """Clip the accumulated gradients, apply them, and clear them."""

    def predict(self, images: Pixels, frames: Sequence[Frame] | None = None) -> Any:
        """N predictions of images [N, H, W, 3] uint8, in evaluation mode; `frames` where the images differ in size."""

    def weights(self) -> Arrays:
        """The model's tensors by name."""

    def load_weights(self, arrays: Arrays) -> None:
        """Set the model's tensors; names and shapes are its own."""

    def optimizer_state(self) -> Arrays:
        """The optimiser's tensors by `parameter.quantity`, and the gradient scaler's if there is one."""

    def load_optimizer_state(self, arrays: Arrays) -> None:
        """Set the optimiser's tensors."""
