"""The metrics of object detection and instance segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from vistry.errors import VistryError, suggestion
from vistry.evaluation.detection.coco import CocoResult, coco_values, evaluate_coco
from vistry.evaluation.detection.types import Detections, GroundTruth, Kind, detections_above
from vistry.evaluation.detection.voc import VocResult, evaluate_voc, rankings_above, voc_values
from vistry.evaluation.operating_point import Thresholds

# In the order in which messages offer them.
METRIC_TYPES = ("voc", "coco", "coco_voc", "none")
SERVED = "_at_serving_threshold"
PRIMARY = "mean_average_precision"


@dataclass(frozen=True)
class DetectionMetrics:
    """The defined metrics by name, and the VOC and COCO results they come from, None where not computed."""

    values: dict[str, float] = field(default_factory=dict)
    voc: VocResult | None = None
    coco: CocoResult | None = None


@dataclass(frozen=True)
class DetectionProtocol:
    """How detections are compared with objects: which metrics, by boxes or by masks, and the thresholds they need.

    `score_threshold` is one for all classes, or [C] one for each.
    """

    metric_type: str
    iou_threshold: float = 0.5
    kind: Kind = "box"
    score_threshold: float | Thresholds = 0.0


def evaluate_detections(
    ground_truth: Sequence[GroundTruth],
    predictions: Sequence[Detections],
    classes: Sequence[str],
    protocol: DetectionProtocol,
) -> DetectionMetrics:
    """Compare the detections of N images with their objects, by boxes or by masks.

    `predictions` should hold all detections down to a score near 0. A name that ends in `_at_serving_threshold` is
    the same metric of those with a score greater than that threshold, which is what a user is given.
    `mean_average_precision` is VOC's at the IoU threshold for `voc` and `coco_voc`, COCO's at IoU .5 for `coco`, and
    absent for `none`. COCO's twelve numbers are named `coco_*`. Raises VistryError for an unknown metric type, for
    predictions that don't fit the ground truth or the classes, and where a library is not installed.
    """
    metric_type, kind = protocol.metric_type, protocol.kind
    if metric_type not in METRIC_TYPES:
        raise VistryError(
            f"there is no validation_metric_type '{metric_type}'; {suggestion(metric_type, METRIC_TYPES)}"
        )
    if metric_type == "none":
        return DetectionMetrics()
    _check(ground_truth, predictions, len(classes), kind=kind)
    values: dict[str, float] = {}
    voc, coco = None, None
    if metric_type in ("coco", "coco_voc"):
        coco = evaluate_coco(ground_truth, predictions, len(classes), kind=kind)
        values |= coco_values(coco)
    if metric_type in ("voc", "coco_voc"):
        iou = protocol.iou_threshold
        voc = evaluate_voc(ground_truth, predictions, classes=len(classes), iou_threshold=iou, kind=kind)
        values |= _voc_values(voc, protocol.score_threshold)
    elif coco is not None:
        served = [detections_above(detections, protocol.score_threshold) for detections in predictions]
        both = {"": coco, SERVED: evaluate_coco(ground_truth, served, len(classes), kind=kind)}
        means = {f"{PRIMARY}{name}": result.average_precision(0.5) for name, result in both.items()}
        values |= {name: value for name, value in means.items() if value is not None}
    return DetectionMetrics(values, voc, coco)


def _voc_values(voc: VocResult, score_threshold: float | Thresholds) -> dict[str, float]:
    served = voc_values(rankings_above(voc.rankings, score_threshold))
    return voc_values(voc.rankings) | {f"{name}{SERVED}": value for name, value in served.items()}


def _check(ground_truth: Sequence[GroundTruth], predictions: Sequence[Detections], classes: int, kind: Kind) -> None:
    if len(ground_truth) != len(predictions):
        raise VistryError(f"there are predictions for {len(predictions)} images and objects for {len(ground_truth)}")
    for index, (truth, detections) in enumerate(zip(ground_truth, predictions, strict=True)):
        if not np.isfinite(detections.scores).all() or not np.isfinite(detections.boxes).all():
            raise VistryError(f"image {index + 1}: a detection has a score or a box that is not a finite number")
        for noun, labels, masks in (
            ("object", truth.labels, truth.masks),
            ("detection", detections.labels, detections.masks),
        ):
            if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
                low, high = labels.min(), labels.max()
                raise VistryError(
                    f"image {index + 1}: {noun} labels are {low} to {high}, but there are {classes} classes"
                )
            if kind == "mask" and len(masks or ()) != len(labels):
                raise VistryError(f"image {index + 1}: {len(labels)} {noun}s have {len(masks or ())} masks")
