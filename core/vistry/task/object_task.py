"""What object detection and instance segmentation share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.masks.paste import run_lengths
from vistry.data.table import Table
from vistry.errors import DataError
from vistry.evaluation.detection.metrics import evaluate_detections
from vistry.evaluation.detection.types import Detections, GroundTruth, ImageDetections, Kind
from vistry.loading.detection.dataset import DetectionDataset, DetectionTarget
from vistry.loading.detection.ground_truth import ground_truth_of
from vistry.loading.detection.input import DetectionInput
from vistry.loading.views import ResizeInfo
from vistry.plugin.types import Loss, Postprocess, TrainingData
from vistry.report.section import ReportInputs, Section
from vistry.report.tasks.detection_inputs import DetectionReportInputs
from vistry.runs.detection_tensors import from_tensors, to_tensors
from vistry.task.behaviour import Values
from vistry.task.object_responses import box_entries
from vistry.task.outputs import as_numpy


class ObjectTask:
    """Targets: a GroundTruth an image. Predictions: an ImageDetections each, down to a score near 0.

    A detector is called with an `ImageBatch` and, in training, a dictionary of `boxes`, `labels` and `masks` for each
    image; it returns loss terms in training, else a dictionary of `boxes` [K, 4], `scores`, `labels` and, with masks,
    `masks` [K, 1, M, M] of probabilities within each box, or one dictionary of such arrays [N, K, ...] for all images,
    where a label of -1 is none. Boxes are corners in pixels of the image as it is given.
    """

    name: str
    kind: Kind

    def check(self, training: Table, validation: Table, hyperparameters: Values) -> None:
        """Each split that is used has to have an object that is no crowd."""
        self._check_split("training", training)
        if self.is_measured(hyperparameters):
            self._check_split("validation", validation)

    def _check_split(self, name: str, table: Table) -> None:
        if table.objects is None or table.objects.crowd.all():
            raise DataError(
                f"none of the {len(table)} {name} images has an object that isn't a crowd, so there is nothing to "
                "learn or to measure; label more images, or give --validation"
            )

    def build_input(self, hyperparameters: Values) -> DetectionInput:
        """Images that keep their aspect, between min_size and max_size."""
        return DetectionInput(self.kind, hyperparameters)

    def targets(self, table: Table) -> list[GroundTruth]:
        """The objects of each image, with their masks for segmentation."""
        return ground_truth_of(table, self.kind)

    def batch_targets(self, table: Table) -> list[DetectionTarget]:
        """Boxes, labels and masks of each image."""
        return DetectionDataset(table, _as_it_is, 1, with_masks=self.kind == "mask").targets()

    def build_loss(self, hyperparameters: Values, backend: str, data: TrainingData) -> Loss:  # noqa: ARG002
        """The terms the model itself returns."""
        return _own_loss

    def build_postprocess(self, hyperparameters: Values) -> Postprocess:
        """Boxes in pixels of what each frame shows, clipped to it, and masks in run lengths of it."""
        threshold = hyperparameters["mask_pixel_score_threshold"] if self.kind == "mask" else None

        def postprocess(outputs: Any, frames: Sequence[ResizeInfo]) -> list[Detections]:
            return [_shown(output, frame, threshold) for output, frame in zip(_each(outputs), frames, strict=True)]

        return postprocess

    def evaluate(
        self,
        predictions: Sequence[ImageDetections],
        targets: Sequence[GroundTruth],
        classes: Sequence[str],
        hyperparameters: Values,
    ) -> dict[str, float]:
        """The metrics that validation_metric_type names, by boxes or by masks."""
        return evaluate_detections(
            targets,
            [prediction.detections for prediction in predictions],
            classes,
            hyperparameters["validation_metric_type"],
            hyperparameters["validation_iou_threshold"],
            self.kind,
            hyperparameters["box_score_threshold"],
        ).values

    def is_measured(self, hyperparameters: Values) -> bool:
        """Unless validation_metric_type is none."""
        return bool(hyperparameters["validation_metric_type"] != "none")

    def tensors(
        self, predictions: Sequence[ImageDetections], targets: Sequence[GroundTruth]
    ) -> dict[str, npt.NDArray[Any]]:
        """What `object_tensors` keeps."""
        return to_tensors(predictions, targets)

    def response(self, prediction: ImageDetections, classes: Sequence[str], hyperparameters: Values) -> dict[str, Any]:
        """`{"boxes": [...]}`: those above box_score_threshold, in fractions of the image."""
        served = above_score_threshold(prediction, hyperparameters)
        most = hyperparameters["max_number_of_polygon_points"] if self.kind == "mask" else None
        return {"boxes": box_entries(served, classes, prediction.width, prediction.height, most)}

    def headline(self, prediction: ImageDetections, classes: Sequence[str], hyperparameters: Values) -> str:
        """How many of each class were found."""
        served = above_score_threshold(prediction, hyperparameters)
        counted = Counter(classes[label] for label in served.labels.tolist())
        return ", ".join(f"{count} {name}" for name, count in counted.most_common()) or "nothing found"

    def report_sections(self, inputs: ReportInputs) -> list[Section]:
        """Average precision by size, confusion, misses, false alarms, classes, curves, thresholds."""
        from vistry.report.tasks.detection import detection_sections

        found, truth = from_tensors(inputs.tensors)
        values = inputs.hyperparameters
        return detection_sections(
            DetectionReportInputs(
                inputs.images,
                inputs.classes,
                truth,
                found,
                values["validation_iou_threshold"],
                values["box_score_threshold"],
                self.kind,
            )
        )


def above_score_threshold(prediction: ImageDetections, hyperparameters: Values) -> Detections:
    """What a user is given of an image's detections, the highest score first."""
    served = prediction.detections.above(hyperparameters["box_score_threshold"])
    return served.take(np.argsort(-served.scores, kind="stable"))


def _own_loss(model: Any, images: Any, targets: Any) -> dict[str, Any]:
    terms: dict[str, Any] = model(images, targets)
    return terms


def _as_it_is(sample: Any, random: Any) -> Any:  # noqa: ARG001
    return sample


def _each(outputs: Any) -> Sequence[Mapping[str, Any]]:
    """What was found in each image; of arrays for all of them, the rows that hold something."""
    if not isinstance(outputs, Mapping):
        found: Sequence[Mapping[str, Any]] = outputs
        return found
    return [
        {name: values[image][labels >= 0] for name, values in outputs.items()}
        for image, labels in enumerate(outputs["labels"])
    ]


def _shown(output: Any, frame: ResizeInfo, mask_threshold: float | None) -> Detections:
    """A network's boxes and masks in the frame's own pixels. Boxes without area after clipping are left out."""
    ratio = np.array([frame.source_width / frame.width, frame.source_height / frame.height] * 2, dtype=np.float32)
    limits = np.array([frame.source_width, frame.source_height] * 2, dtype=np.float32)
    boxes = np.clip(as_numpy(output["boxes"]) * ratio, 0, limits)
    kept = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    scores, labels = as_numpy(output["scores"]), as_numpy(output["labels"]).astype(np.int64)
    masks = None
    if mask_threshold is not None:
        size = frame.source_width, frame.source_height
        inside = as_numpy(output["masks"])[kept, 0]
        masks = [run_lengths(mask, box, *size, mask_threshold) for mask, box in zip(inside, boxes[kept], strict=True)]
    return Detections(boxes[kept], scores[kept], labels[kept], masks)
