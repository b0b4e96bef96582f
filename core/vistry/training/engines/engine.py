"""The contract between the loop and a tensor library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.augmentation import Pixels
from vistry.loading.batches import Batch
from vistry.loading.views import ResizeInfo
from vistry.plugin.types import FreezingMap, Module, Predictions
from vistry.registry.manifest import GradientClipping, MovingAverage, PreprocessingSpec
from vistry.registry.part_specs import OptimizerSpec
from vistry.registry.parts import Part, PartTable
from vistry.runs.records import EngineFacts
from vistry.training.engines.state import Arrays


def _discard(sentence: str) -> None:
    """Log nothing."""


def _unguarded(part: str) -> AbstractContextManager[None]:  # noqa: ARG001
    """Let exceptions pass."""
    return nullcontext()


ModelCode = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True)
class EngineSettings:
    """Everything an engine needs besides the module, its loss and its postprocessing.

    `frozen_layers`: how many groups of `freezing` don't train. `rate_factors`: what the learning rate of parameters is
    multiplied by, by how their names begin. `log`: called with a sentence for the user.
    `ema`: the moving average of the weights that is evaluated and saved, None for the weights themselves. `code`: the
    context of a part of the model's code, such as "the forward pass", which names the plugin where that fails.
    """

    hyperparameters: Hyperparameters
    preprocessing: PreprocessingSpec
    clipping: GradientClipping = field(default_factory=GradientClipping)
    freezing: FreezingMap = field(default_factory=lambda: FreezingMap(()))
    frozen_layers: int = 0
    log: Callable[[str], None] = _discard
    ema: MovingAverage | None = None
    optimizer: Part[OptimizerSpec] | None = None
    code: ModelCode = _unguarded
    rate_factors: Mapping[str, float] = field(default_factory=dict)

    @property
    def optimizer_part(self) -> Part[OptimizerSpec]:
        """The optimiser: the given one, or that of core which the hyperparameters name."""
        return self.optimizer or PartTable.of(None, OptimizerSpec).named(self.hyperparameters.optimizer)


class Engine(Protocol):
    """A model being trained, with its optimiser, on one device."""

    prediction_precision: str
    """What `predict` computes in, see `precision_of_predictions`; it may be set before the first prediction."""

    @property
    def model(self) -> Module:
        """The module that predicts: it has the tensors of `weights()` and is in evaluation mode.

        It is called with images normalised as (pixels - mean) / std.
        """

    @property
    def mean(self) -> npt.NDArray[np.float32]:
        """[3], in pixels from 0 to 255."""

    @property
    def std(self) -> npt.NDArray[np.float32]:
        """[3], in pixels from 0 to 255."""

    def facts(self) -> EngineFacts:
        """Device, precision, the reason for that precision, and the number of parameters, trainable and all."""

    def peak_memory(self) -> int | None:
        """The most bytes of the device's own memory in use so far; None on a processor."""

    def accumulate(self, batch: Batch, share: float, step: int) -> dict[str, float]:
        """Add the gradient of a batch's loss, times `share`; return the loss terms, unscaled.

        `share`: the batch's part of the images of an update. `step`: the number of the batch in the whole training,
        which seeds everything random inside the model.
        """

    def update(self, learning_rate: float) -> None:
        """Clip the accumulated gradients, apply them and clear them; then move the average of the weights, if any."""

    def predict(self, images: Pixels, frames: Sequence[ResizeInfo] | None = None) -> Predictions:
        """Return N predictions of images [N, H, W, 3] uint8, by `model`.

        `frames`: the sizes of the images where they differ; each image is in the upper left of its place.
        """

    def weights(self) -> Arrays:
        """Return the model's tensors by name, or their average over the updates: what is evaluated and saved."""

    def load_weights(self, arrays: Arrays) -> None:
        """Set the model's tensors by name, and start their average from them. Raises TrainingError."""

    def state(self) -> Arrays:
        """Return everything a resumed training needs, under the names of `vistry.training.engines.state`."""

    def load_state(self, arrays: Arrays) -> None:
        """Go on from what `state` returned."""


def precision_of_predictions(wanted: str, training: str) -> str:
    """Return what validation, evaluation and prediction compute in: fp32, unless a precision was asked for.

    Metrics in bf16 were up to a hundredth from those in fp32 (docs/explanation/differences.md), and which of both a
    machine would choose is no matter of the model.
    """
    return "fp32" if wanted == "auto" else training


def pixel_statistics(preprocessing: PreprocessingSpec) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return mean and standard deviation [3] of pixels from 0 to 255; a manifest has them for pixels from 0 to 1."""
    scale = np.float32(255)
    return scale * np.array(preprocessing.mean, np.float32), scale * np.array(preprocessing.std, np.float32)
