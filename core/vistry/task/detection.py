"""The two tasks about objects in images: detection by boxes, and instance segmentation by masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.data.masks.paste import run_lengths
from vistry.data.masks.polygons import rle_to_polygons
from vistry.data.table import Table
from vistry.errors import DataError
from vistry.evaluation.bootstrap import Statistic
from vistry.evaluation.detection.metrics import PRIMARY, DetectionProtocol, evaluate_detections
from vistry.evaluation.detection.resampling import coco_statistic, voc_statistic
from vistry.evaluation.detection.types import Detections, GroundTruth, ImageDetections, Kind, detections_above
from vistry.evaluation.detection.voc import evaluate_voc
from vistry.evaluation.operating_point import Answers, Thresholds
from vistry.hyperparameter.values import Hyperparameters
from vistry.loading.detection.augmentation import DetectionTrainTransform
from vistry.loading.detection.dataset import DetectionDataset, DetectionTarget
from vistry.loading.detection.ground_truth import ground_truth_of
from vistry.loading.detection.sample import DetectionSample
from vistry.loading.detection.tiles import Tiling
from vistry.loading.detection.views import DetectionTransform
from vistry.loading.views import ResizeInfo
from vistry.plugin.answers import kind
from vistry.plugin.types import Loss, Module, Postprocess, Predictions, Tensor, TrainingData
from vistry.runs.detection_tensors import from_tensors, to_tensors
from vistry.task.behaviour import Array, Measurement, as_numpy
from vistry.task.outputs import wrong_detections, wrong_detector_outputs

# The hosted product's names of a box's sides, in fractions of the image.
CORNERS = ("topX", "topY", "bottomX", "bottomY")


@dataclass(frozen=True)
class DetectionInput:
    """Whole images and, with a grid, their tiles: augmented in training, only resized in validation and prediction."""

    kind: Kind
    hyperparameters: Hyperparameters

    def dataset(self, table: Table) -> DetectionDataset:
        """Return each image and, with a grid, each tile that has objects, randomly changed and resized."""
        values, grid = self.hyperparameters, self.hyperparameters.tile_grid_size
        augment = values.apply_augmentations
        return DetectionDataset(
            table,
            DetectionTrainTransform(values.min_size, values.max_size, augment=augment),
            values.training_batch_size,
            with_masks=self.kind == "mask",
            tiling=Tiling(grid, self._overlap) if grid else None,
        )

    def eval_transform(self) -> DetectionTransform:
        """Resize each image and, with a grid, its tiles."""
        values, grid = self.hyperparameters, self.hyperparameters.tile_grid_size
        overlap = self._overlap
        nms_iou = values.tile_predictions_nms_threshold if grid else 0.0
        return DetectionTransform(values.min_size, values.max_size, grid=grid, overlap=overlap, merge_iou=nms_iou)

    def input_size(self, training: bool) -> int:  # noqa: ARG002
        """Return `min_size`."""
        return self.hyperparameters.min_size

    @property
    def _overlap(self) -> float:
        # Where a task has no tiles, as segmentation, it has no hyperparameters of tiles either.
        return self.hyperparameters.tile_overlap_ratio if self.hyperparameters.tile_grid_size else 0.0


class DetectionTask:
    """What both tasks share. Targets: a GroundTruth for each image. Predictions: all detections down to a score near 0.

    A detector is called with an `ImageBatch` and, in training, a dictionary of `boxes`, `labels` and `masks` for each
    image; it returns loss terms in training, else a dictionary of `boxes` [K, 4], `scores`, `labels` and, with masks,
    `masks` [K, 1, M, M] of probabilities within each box, or one dictionary of such arrays [N, K, ...] for all images,
    where a label of -1 marks a row without a detection. Boxes are corners in pixels of the image that it was given.
    """

    name: str
    kind: Kind

    def check(self, training: Table, validation: Table, hyperparameters: Hyperparameters) -> None:
        """Raise DataError if a split that is used has no object, or crowds alone."""
        self._check_split("training", training)
        if self.is_measured(hyperparameters):
            self._check_split("validation", validation)

    def _check_split(self, name: str, table: Table) -> None:
        if table.objects is None or table.objects.crowd.all():
            raise DataError(
                f"none of the {len(table)} {name} images has an object that isn't a crowd, so there is nothing to "
                "learn or to measure; label more images, or give --validation"
            )

    def build_input(self, hyperparameters: Hyperparameters) -> DetectionInput:
        """Build an input of images that keep their aspect, between min_size and max_size."""
        return DetectionInput(self.kind, hyperparameters)

    def targets(self, table: Table) -> list[GroundTruth]:
        """Return the objects of each image, with their masks for segmentation."""
        return ground_truth_of(table, self.kind)

    def batch_targets(self, table: Table) -> list[DetectionTarget]:
        """Return `boxes`, `labels` and, for segmentation, `masks` of each image."""
        return DetectionDataset(table, _unchanged, 1, with_masks=self.kind == "mask").targets()

    def build_loss(self, hyperparameters: Hyperparameters, backend: str, data: TrainingData) -> Loss:  # noqa: ARG002
        """Return the loss terms that the model itself computes."""
        return _loss_of_model

    def build_postprocess(self, hyperparameters: Hyperparameters) -> Postprocess:
        """Build a function that gives boxes in pixels of the part of the image that a view shows, clipped to it.

        Masks are run lengths of that part.
        """
        threshold = hyperparameters.mask_pixel_score_threshold if self.kind == "mask" else None

        def postprocess(outputs: Tensor, frames: Sequence[ResizeInfo]) -> list[Detections]:
            return [
                _detections(output, frame, threshold)
                for output, frame in zip(_split_by_image(outputs), frames, strict=True)
            ]

        return postprocess

    def wrong_outputs(self, outputs: Tensor, images: int, classes: int) -> str:
        """Return what is wrong with boxes, scores, labels and masks as `build_postprocess` takes them, or ""."""
        if isinstance(outputs, Mapping) and "labels" not in outputs:
            return f"returned a dictionary of {sorted(outputs)}; return boxes, scores and labels"
        if not isinstance(outputs, Mapping | Sequence):
            return f"returned {kind(outputs)}; return a list with a dictionary of boxes, scores and labels an image"
        arrays = [
            {name: as_numpy(value) for name, value in output.items()} if isinstance(output, Mapping) else output
            for output in _split_by_image(outputs)
        ]
        return wrong_detector_outputs(arrays, images, classes, with_masks=self.kind == "mask")

    def wrong_predictions(self, predictions: Predictions, images: int, classes: int) -> str:
        """Return what is wrong with the detections of each image, or ""."""
        return wrong_detections(predictions, images, classes, with_masks=self.kind == "mask")

    def evaluate(
        self,
        predictions: Sequence[ImageDetections],
        targets: Sequence[GroundTruth],
        classes: Sequence[str],
        hyperparameters: Hyperparameters,
        thresholds: Thresholds | None = None,
    ) -> dict[str, float]:
        """Compute the metrics that validation_metric_type names, by boxes or by masks."""
        return evaluate_detections(
            ground_truth=targets,
            predictions=[prediction.detections for prediction in predictions],
            classes=classes,
            protocol=DetectionProtocol(
                metric_type=hyperparameters.validation_metric_type,
                iou_threshold=hyperparameters.validation_iou_threshold,
                kind=self.kind,
                score_threshold=_limits(hyperparameters, thresholds),
            ),
        ).values

    def is_measured(self, hyperparameters: Hyperparameters) -> bool:
        """Return False if validation_metric_type is none."""
        return bool(hyperparameters.validation_metric_type != "none")

    def tensors(self, predictions: Sequence[ImageDetections], targets: Sequence[GroundTruth]) -> dict[str, Array]:
        """Return detections and objects as `vistry.runs.detection_tensors` writes them."""
        return to_tensors(predictions, targets)

    def from_tensors(self, tensors: Mapping[str, Array]) -> tuple[list[ImageDetections], list[GroundTruth]]:
        """Return the detections and objects of each image."""
        detections, truth = from_tensors(tensors)
        sizes = zip(detections, tensors["sizes"].tolist(), strict=True)
        return [ImageDetections(one, width, height) for one, (width, height) in sizes], truth

    def statistic(self, metric: str, measurement: Measurement) -> Statistic | None:
        """Return mean average precision: COCO's where validation_metric_type is coco, else VOC's."""
        values = measurement.hyperparameters
        if metric != PRIMARY or not self.is_measured(values):
            return None
        detections = [prediction.detections for prediction in measurement.predictions]
        if values.validation_metric_type == "coco":
            return coco_statistic(measurement.targets, detections, 0.5, kind=self.kind)
        return voc_statistic(measurement.targets, detections, values.validation_iou_threshold, kind=self.kind)

    def present(self, measurement: Measurement) -> npt.NDArray[np.bool_]:
        """Return [C] the classes that have an object which isn't a crowd."""
        labels = [truth.labels[~truth.crowd] for truth in measurement.targets]
        counts = np.bincount(np.concatenate([np.zeros(0, np.int64), *labels]), minlength=len(measurement.classes))
        return np.asarray(counts > 0)

    def answers(
        self, tensors: Mapping[str, Array], classes: Sequence[str], hyperparameters: Hyperparameters
    ) -> Answers:
        """Take each detection for an answer, which is right where it is a hit by VOC's rule; crowds don't count."""
        detections, objects = from_tensors(tensors)
        iou_threshold = hyperparameters.validation_iou_threshold
        voc = evaluate_voc(objects, detections, classes=len(classes), iou_threshold=iou_threshold, kind=self.kind)
        matching, counted = voc.matching, ~voc.ignored
        truths = np.zeros((len(objects), len(classes)), np.int64)
        places = matching.object_image[~matching.crowd], matching.object_labels[~matching.crowd]
        np.add.at(truths, places, 1)
        return Answers(
            matching.scores[counted],
            matching.labels[counted],
            right=voc.hits[counted],
            image=matching.image[counted],
            truths=truths,
        )

    def response(
        self,
        prediction: ImageDetections,
        classes: Sequence[str],
        hyperparameters: Hyperparameters,
        thresholds: Thresholds | None = None,
    ) -> dict[str, Any]:
        """Return `{"boxes": [...]}`: the detections above their threshold, in fractions of the image."""
        max_points = hyperparameters.max_number_of_polygon_points if self.kind == "mask" else None
        size = prediction.width, prediction.height
        detections = above_score_threshold(prediction, hyperparameters, thresholds)
        return {"boxes": box_entries(detections, classes, size, max_points=max_points)}

    def summary_line(
        self,
        prediction: ImageDetections,
        classes: Sequence[str],
        hyperparameters: Hyperparameters,
        thresholds: Thresholds | None = None,
    ) -> str:
        """Count the detections of each class above their threshold."""
        labels = above_score_threshold(prediction, hyperparameters, thresholds).labels
        counts = Counter(classes[label] for label in labels.tolist())
        return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "nothing found"


class ImageObjectDetection(DetectionTask):
    """A labelled box around each object."""

    name = "image_object_detection"
    kind = "box"


class ImageInstanceSegmentation(DetectionTask):
    """A labelled mask over each object."""

    name = "image_instance_segmentation"
    kind = "mask"


def above_score_threshold(
    prediction: ImageDetections, hyperparameters: Hyperparameters, thresholds: Thresholds | None = None
) -> Detections:
    """Return the detections that a user is given, the highest score first.

    They are above `thresholds` [C] where these were chosen for the run, else above box_score_threshold.
    """
    above = detections_above(prediction.detections, _limits(hyperparameters, thresholds))
    return above.take(np.argsort(-above.scores, kind="stable"))


def _limits(hyperparameters: Hyperparameters, thresholds: Thresholds | None) -> float | Thresholds:
    return hyperparameters.box_score_threshold if thresholds is None else thresholds


def box_entries(
    detections: Detections, classes: Sequence[str], size: tuple[int, int], max_points: int | None = None
) -> list[dict[str, Any]]:
    """Convert detections to the hosted product's JSON, in the same order.

    Each becomes `{"box": {"topX", "topY", "bottomX", "bottomY"}, "label", "score"}`, with coordinates in fractions of
    the upright image of `size` (width, height). Where there are masks, "polygon" has their outlines,
    `[[x1, y1, x2, y2, ...], ...]`, of at most `max_points` points each (see `rle_to_polygons`).
    """
    scale = np.array(size, dtype=np.float64)
    boxes = (detections.boxes.reshape(-1, 2, 2) / scale).clip(0, 1).reshape(-1, 4)
    entries: list[dict[str, Any]] = [
        {"box": dict(zip(CORNERS, box, strict=True)), "label": classes[label], "score": score}
        for box, label, score in zip(
            boxes.tolist(), detections.labels.tolist(), detections.scores.tolist(), strict=True
        )
    ]
    # `masks` is empty or absent together, so that nothing is cut off here.
    for entry, mask in zip(entries, detections.masks or (), strict=False):
        entry["polygon"] = [(ring / scale).reshape(-1).tolist() for ring in rle_to_polygons(mask, max_points)]
    return entries


def _loss_of_model(model: Module, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
    terms: dict[str, Tensor] = model(images, targets)
    return terms


def _unchanged(sample: DetectionSample, random: np.random.Generator) -> DetectionSample:  # noqa: ARG001
    return sample


def _split_by_image(outputs: Tensor) -> Sequence[Mapping[str, Tensor]]:
    """Give a dictionary for each image; of arrays for all images, only the rows that hold a detection."""
    if not isinstance(outputs, Mapping):
        by_image: Sequence[Mapping[str, Tensor]] = outputs
        return by_image
    return [
        {name: values[image][labels >= 0] for name, values in outputs.items()}
        for image, labels in enumerate(outputs["labels"])
    ]


def _detections(output: Mapping[str, Tensor], frame: ResizeInfo, mask_threshold: float | None) -> Detections:
    """Move a network's boxes and masks to pixels of the frame's own part of the image, without boxes of no area."""
    width, height = frame.source_width, frame.source_height
    ratio = np.array([width / frame.width, height / frame.height] * 2, dtype=np.float32)
    boxes = np.clip(as_numpy(output["boxes"]) * ratio, 0, np.array([width, height] * 2, dtype=np.float32))
    # A box that lies outside the image, or in the padding, has no area left once it is clipped.
    rows = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(axis=1))
    scores, labels = as_numpy(output["scores"]), as_numpy(output["labels"]).astype(np.int64)
    masks = None
    if mask_threshold is not None:
        inside = as_numpy(output["masks"])[rows, 0]
        masks = [
            run_lengths(mask, box, width=width, height=height, threshold=mask_threshold)
            for mask, box in zip(inside, boxes[rows], strict=True)
        ]
    return Detections(boxes[rows], scores[rows], labels[rows], masks=masks)
