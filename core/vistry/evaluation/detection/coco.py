"""COCO's metrics, computed by hotcoco."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vistry.evaluation.detection.coco_library import hotcoco
from vistry.evaluation.detection.types import (
    Boxes,
    Detections,
    GroundTruth,
    Kind,
    concatenate_detections,
    concatenate_ground_truth,
)

IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
SIZES = ("all", "small", "medium", "large")
# The numbers of detections an image that recall is reported for; precision uses the last.
DETECTIONS = (1, 10, 100)
RECALLS = np.linspace(0.0, 1.0, 101)  # those that average precision takes the mean over
# What pycocotools reports where there is no object to find; we leave the metric out instead.
UNDEFINED = -1

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CocoResult:
    """`precision` [10, 101, C, 4, 3] at recalls 0, .01 to 1, and `recall` [10, C, 4, 3]; UNDEFINED without objects.

    The axes: IOU_THRESHOLDS, recall, class, SIZES (areas below 32², below 96² and above), DETECTIONS an image. A mean
    is None where it is undefined.
    """

    precision: Values
    recall: Values

    def average_precision(self, iou: float | None = None, size: str = "all", label: int | None = None) -> float | None:
        """The mean of precision over recalls, classes (or of one) and IoU from .5 to .95 (or at one threshold)."""
        return _mean(self.precision[_threshold(iou), :, _class(label), SIZES.index(size), -1])

    def average_recall(self, detections: int = 100, size: str = "all", label: int | None = None) -> float | None:
        """The mean over classes (or of one) and IoU of the recall with at most this many detections an image."""
        return _mean(self.recall[:, _class(label), SIZES.index(size), DETECTIONS.index(detections)])


def _threshold(iou: float | None) -> slice:
    index = None if iou is None else IOU_THRESHOLDS.index(iou)
    return slice(None) if index is None else slice(index, index + 1)


def _class(label: int | None) -> slice:
    return slice(None) if label is None else slice(label, label + 1)


def _mean(values: Values) -> float | None:
    defined = values[values > UNDEFINED]
    return float(defined.mean()) if defined.size else None


def coco_values(result: CocoResult) -> dict[str, float]:
    """COCO's twelve numbers in its order; those that are undefined are left out."""
    values = {
        "coco_average_precision": result.average_precision(),
        "coco_average_precision_50": result.average_precision(0.5),
        "coco_average_precision_75": result.average_precision(0.75),
    }
    values |= {f"coco_average_precision_{size}": result.average_precision(size=size) for size in SIZES[1:]}
    values |= {f"coco_average_recall_{count}": result.average_recall(count) for count in DETECTIONS}
    values |= {f"coco_average_recall_{size}": result.average_recall(size=size) for size in SIZES[1:]}
    return {name: value for name, value in values.items() if value is not None}


def evaluate_coco(
    ground_truth: Sequence[GroundTruth], predictions: Sequence[Detections], classes: int, kind: Kind = "box"
) -> CocoResult:
    """Evaluate N images. Raises VistryError where hotcoco is not installed."""
    evaluation = _evaluation(ground_truth, predictions, classes, kind=kind)
    evaluation.evaluate()
    evaluation.accumulate()
    return CocoResult(np.asarray(evaluation.eval["precision"]), np.asarray(evaluation.eval["recall"]))


@dataclass(frozen=True)
class ImageMatches:
    """One class in one image: how many `objects` it has, and its detections from the highest score down.

    `scores` [P], and `hits` [P] where one found an object. Ignored detections and crowds are left out.
    """

    image: int
    label: int
    objects: int
    scores: Values
    hits: npt.NDArray[np.bool_]


def coco_matches(
    ground_truth: Sequence[GroundTruth], predictions: Sequence[Detections], iou: float, kind: Kind = "box"
) -> list[ImageMatches]:
    """Match the detections of N images as COCO does at one IoU. Raises VistryError where hotcoco is not installed."""
    labels = [*(image.labels for image in ground_truth), *(image.labels for image in predictions)]
    classes = 1 + max((int(one.max()) for one in labels if len(one)), default=-1)
    evaluation = _evaluation(ground_truth, predictions, classes, kind=kind)
    parameters = evaluation.params
    parameters.iouThrs = [iou]
    parameters.areaRng, parameters.areaRngLbl = parameters.areaRng[:1], parameters.areaRngLbl[:1]
    evaluation.params = parameters
    evaluation.evaluate()
    return [_image_matches(image) for image in evaluation.eval_imgs if image is not None]


def _image_matches(image: Any) -> ImageMatches:
    counted = ~np.array(image["dtIgnore"][0], np.bool_)
    return ImageMatches(
        image=image["image_id"] - 1,
        label=image["category_id"] - 1,
        objects=len(image["gtIgnore"]) - sum(image["gtIgnore"]),
        scores=np.array(image["dtScores"], np.float64)[counted],
        hits=np.array(image["dtMatched"][0], np.bool_)[counted],
    )


def _evaluation(
    ground_truth: Sequence[GroundTruth], predictions: Sequence[Detections], classes: int, kind: Kind
) -> Any:
    library = hotcoco()
    truth = _truth(library, ground_truth, classes, kind=kind)
    detections = _detections(library, truth, predictions, kind=kind)
    return library.COCOeval(truth, detections, "bbox" if kind == "box" else "segm")


def _truth(library: Any, ground_truth: Sequence[GroundTruth], classes: int, kind: Kind) -> Any:
    """The ground truth as hotcoco has it; images and classes are counted from 1."""
    image, objects = concatenate_ground_truth(ground_truth)
    return library.COCO.from_arrays(
        [{"id": number + 1} for number in range(len(ground_truth))],
        [{"id": number + 1, "name": str(number)} for number in range(classes)],
        image + 1,
        objects.labels + 1,
        _corner_and_size(objects.boxes),
        area=objects.areas.astype(np.float64),
        iscrowd=objects.crowd,
        segmentation=objects.masks if kind == "mask" else None,
    )


def _detections(library: Any, truth: Any, predictions: Sequence[Detections], kind: Kind) -> Any:
    image, detections = concatenate_detections(predictions)
    columns = (image + 1, _corner_and_size(detections.boxes), detections.scores, detections.labels + 1)
    rows = np.column_stack(columns).astype(np.float64)
    if kind == "box" or not detections.masks:
        return truth.load_res(rows)
    loaded = truth.load_res(rows, segmentation=detections.masks)
    areas = library.mask.area(detections.masks)
    loaded.update_anns(ids=np.arange(1, len(areas) + 1), area=np.asarray(areas, np.float64))
    return loaded


def _corner_and_size(boxes: Boxes) -> Values:
    """x, y, width, height from x1, y1, x2, y2."""
    exact = boxes.astype(np.float64)
    return np.column_stack((exact[:, :2], exact[:, 2:] - exact[:, :2]))
