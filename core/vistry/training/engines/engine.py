"""What the loop asks of a tensor library."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.augmentation import Pixels
from vistry.loading.batches import Batch
from vistry.loading.views import ResizeInfo
from vistry.plugin.types import FreezingMap
from vistry.registry.manifest import GradientClipping, MovingAverage, PreprocessingSpec

Arrays = dict[str, np.ndarray[Any, Any]]


def _silently(sentence: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class EngineSettings:
    """All that an engine needs to know beside the model itself; `say` tells the user a sentence."""

    hyperparameters: Hyperparameters
    preprocessing: PreprocessingSpec
    clipping: GradientClipping = field(default_factory=GradientClipping)
    freezing: FreezingMap = field(default_factory=lambda: FreezingMap(()))
    frozen_layers: int = 0
    say: Callable[[str], None] = _silently
    averaging: MovingAverage | None = None


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
        """Clip the accumulated gradients, apply them and clear them; move the average of the weights, if any."""

    def predict(self, images: Pixels, frames: Sequence[ResizeInfo] | None = None) -> Any:
        """N predictions of images [N, H, W, 3] uint8, in evaluation mode; `frames` where the images differ in size.

        They are those of `weights()`.
        """

    def weights(self) -> Arrays:
        """The model's tensors by name, or their average over the updates: what is evaluated and kept."""

    def load_weights(self, arrays: Arrays) -> None:
        """Set the model's tensors, and start their average from them; names and shapes are the model's own."""

    def state(self) -> Arrays:
        """All that going on needs: tensors under `model/`, `optimizer/` and, if there is one, `average/`."""

    def load_state(self, arrays: Arrays) -> None:
        """Go on from what `state` gave."""


def under(prefix: str, arrays: Arrays) -> Arrays:
    """The arrays whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def ema_step(averaging: MovingAverage, updates: int) -> float:
    """How far an average moves towards the weights after the given number of updates, in [0, 1]."""
    return 1 - averaging.decay * (1 - math.exp(-updates / averaging.updates))
