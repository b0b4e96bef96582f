"""Multi-label classification: any number of labels for each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.table import Table
from vistry.evaluation import classification
from vistry.loading.views import ResizeInfo
from vistry.plugin.types import Loss, Postprocess, TrainingData
from vistry.report.section import ReportInputs, Section
from vistry.task.behaviour import Values
from vistry.task.class_weights import multilabel_weights
from vistry.task.classification import Classification
from vistry.task.outputs import as_numpy


class ImageClassificationMultilabel(Classification):
    """Targets: [N, C] float32 of 0 and 1. Predictions: [N, C] float32, one probability a class."""

    name = "image_classification_multilabel"

    def targets(self, table: Table) -> npt.NDArray[np.float32]:
        """[N, C] float32."""
        return table.multi_hot().astype(np.float32)

    def build_loss(self, hyperparameters: Values, backend: str, data: TrainingData) -> Loss:
        """Binary cross entropy of logits [N, C], positives weighted if `weighted_loss` says so."""
        from vistry.task.losses import binary_cross_entropy

        return binary_cross_entropy(backend, multilabel_weights(hyperparameters["weighted_loss"], data))

    def build_postprocess(self, hyperparameters: Values) -> Postprocess:  # noqa: ARG002
        """`postprocess`, whatever the hyperparameters."""
        return self.postprocess

    def postprocess(self, outputs: Any, frames: Sequence[ResizeInfo]) -> npt.NDArray[np.float32]:  # noqa: ARG002
        """Sigmoid of logits [N, C]."""
        logits = as_numpy(outputs).astype(np.float64)
        return (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)

    def evaluate(
        self,
        predictions: Sequence[Any],
        targets: npt.NDArray[Any],
        classes: Sequence[str],  # noqa: ARG002
        hyperparameters: Values,  # noqa: ARG002
    ) -> dict[str, float]:
        """IoU and the others of evaluation.classification."""
        return classification.multilabel_metrics(np.asarray(predictions), targets)

    def response(
        self,
        prediction: npt.NDArray[Any],
        classes: Sequence[str],
        hyperparameters: Values,  # noqa: ARG002
    ) -> dict[str, Any]:
        """`{"probs": [...], "labels": [...]}`, every class in order; no threshold is applied."""
        return {"probs": [float(value) for value in prediction], "labels": list(classes)}

    def headline(
        self,
        prediction: npt.NDArray[Any],
        classes: Sequence[str],
        hyperparameters: Values,  # noqa: ARG002
    ) -> str:
        """The classes above one half, with their probabilities."""
        chosen = [f"{classes[index]} {prediction[index]:.2f}" for index in map(int, np.flatnonzero(prediction > 0.5))]
        return ", ".join(chosen) or "none of the classes"

    def report_sections(self, inputs: ReportInputs) -> list[Section]:
        """Classes, thresholds, mistakes, curves and calibration."""
        from vistry.report.tasks.multilabel import multilabel_sections

        return multilabel_sections(inputs)


TASK = ImageClassificationMultilabel()
