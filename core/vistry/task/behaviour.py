"""The questions the rest of the house asks a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from vistry.data.augmentation import Prepare
from vistry.data.table import Table
from vistry.report.section import Evidence, Section

Loss = Callable[[Any, Any, Any], dict[str, Any]]


@dataclass(frozen=True)
class TrainingData:
    """What a loss may need to know of the training split: classes in order, images of each, images in all."""

    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    images: int


class Task(Protocol):
    """One task. Arrays are numpy; only a loss touches a backend's tensors."""

    name: str

    def targets(self, table: Table) -> npt.NDArray[Any]:
        """The targets of every row, first axis N."""

    def preparation(self, hyperparameters: Mapping[str, Any], training: bool) -> tuple[Prepare, int]:
        """How an image file becomes the network's square input, and that square's side in pixels."""

    def build_loss(self, hyperparameters: Mapping[str, Any], backend: str, data: TrainingData) -> Loss:
        """`loss(model, images, targets)`, which returns the terms to be summed."""

    def postprocess(self, outputs: Any, sizes: Any) -> npt.NDArray[np.float32]:
        """Predictions from a batch of a model's outputs."""

    def evaluate(
        self, predictions: npt.NDArray[Any], targets: npt.NDArray[Any], classes: Sequence[str]
    ) -> dict[str, float]:
        """Metrics by name; what is undefined for these targets is left out."""

    def response(self, prediction: npt.NDArray[Any], classes: Sequence[str]) -> dict[str, Any]:
        """One image's prediction in the hosted product's response schema."""

    def headline(self, prediction: npt.NDArray[Any], classes: Sequence[str]) -> str:
        """One image's prediction in a few words."""

    def report_sections(self, evidence: Evidence) -> Sequence[Section]:
        """The task's own part of a run's report, from the best epoch's predictions on the validation set."""
