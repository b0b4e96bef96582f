"""The tasks: what a target is, the loss, the metrics, and what a prediction is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from vistry.errors import RegistryError, suggestion
from vistry.task.behaviour import Task, TypedTask

if TYPE_CHECKING:
    from vistry.evaluation.detection.types import GroundTruth, ImageDetections
    from vistry.task.classification import ClassIndices, MultiHot, Probabilities


def _multiclass() -> TypedTask[Probabilities, ClassIndices]:
    from vistry.task.classification import ImageClassification

    return ImageClassification()


def _multilabel() -> TypedTask[Probabilities, MultiHot]:
    from vistry.task.classification import ImageClassificationMultilabel

    return ImageClassificationMultilabel()


def _object_detection() -> TypedTask[ImageDetections, list[GroundTruth]]:
    from vistry.task.detection import ImageObjectDetection

    return ImageObjectDetection()


def _instance_segmentation() -> TypedTask[ImageDetections, list[GroundTruth]]:
    from vistry.task.detection import ImageInstanceSegmentation

    return ImageInstanceSegmentation()


# Functions that import on demand, so that a classifier doesn't load what a detector needs.
TASKS: Mapping[str, Callable[[], Task]] = {
    "image_classification": _multiclass,
    "image_classification_multilabel": _multilabel,
    "image_object_detection": _object_detection,
    "image_instance_segmentation": _instance_segmentation,
}


def behaviour_of(name: str) -> Task:
    """Return the behaviour of a task. Raises RegistryError for an unknown name, with a suggestion."""
    if name not in TASKS:
        raise RegistryError(f"unknown task '{name}'; {suggestion(name, list(TASKS))}")
    return TASKS[name]()
