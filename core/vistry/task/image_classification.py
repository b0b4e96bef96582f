"""Multi-class classification: one label for each image."""

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
from vistry.task.class_weights import multiclass_weights
from vistry.task.classification import Classification
from vistry.task.outputs import as_numpy


class ImageClassification(Classification):
    """Targets: [N] int64 class indices. Predictions: [N, C] float32 probabilities that sum to 1."""

    name = "image_classification"

    def targets(self, table: Table) -> npt.NDArray[np.int64]:
        """[N] int64."""
        return table.labels.astype(np.int64)

    def build_loss(self, hyperparameters: Values, backend: str, data: TrainingData) -> Loss:
        """Cross entropy of logits [N, C], weighted by class if `weighted_loss` says so."""
        from vistry.task.losses import cross_entropy

        return cross_entropy(backend, multiclass_weights(hyperparameters["weighted_loss"], data))

    def build_postprocess(self, hyperparameters: Values) -> Postprocess:  # noqa: ARG002
        """`postprocess`, whatever the hyperparameters."""
        return self.postprocess

    def postprocess(self, outputs: Any, frames: Sequence[ResizeInfo]) -> npt.NDArray[np.float32]:  # noqa: ARG002
        """Softmax of logits [N, C]."""
        logits = as_numpy(outputs).astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)

    def evaluate(
        self,
        predictions: Sequence[Any],
        targets: npt.NDArray[Any],
        classes: Sequence[str],
        hyperparameters: Values,  # noqa: ARG002
    ) -> dict[str, float]:
        """Accuracy and the others of evaluation.classification."""
        return classification.multiclass_metrics(np.asarray(predictions), targets, len(classes))

    def response(
        self,
        prediction: npt.NDArray[Any],
        classes: Sequence[str],
        hyperparameters: Values,  # noqa: ARG002
    ) -> dict[str, Any]:
        """`{"probs": [...], "labels": [...]}`, every class in order."""
        return {"probs": [float(value) for value in prediction], "labels": list(classes)}

    def headline(
        self,
        prediction: npt.NDArray[Any],
        classes: Sequence[str],
        hyperparameters: Values,  # noqa: ARG002
    ) -> str:
        """The likeliest class with its probability."""
        best = int(prediction.argmax())
        return f"{classes[best]} {prediction[best]:.2f}"

    def report_sections(self, inputs: ReportInputs) -> list[Section]:
        """Confusion matrix, mistakes, classes, curves and calibration."""
        from vistry.report.tasks.multiclass import multiclass_sections

        return multiclass_sections(inputs)


TASK = ImageClassification()
