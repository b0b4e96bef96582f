"""The tasks: what a target is, the loss, the metrics, and what a prediction is."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from vistry.errors import RegistryError, suggestion
from vistry.registry.tasks import TASKS
from vistry.task.behaviour import Task, TypedTask

if TYPE_CHECKING:
    from vistry.evaluation.detection.types import GroundTruth, ImageDetections
    from vistry.task.classification import (
        ClassIndices,
        ImageClassification,
        ImageClassificationMultilabel,
        MultiHot,
        Probabilities,
    )
    from vistry.task.detection import ImageInstanceSegmentation, ImageObjectDetection

    # The classes that the registry names, held to their contract.
    _MULTICLASS: TypedTask[Probabilities, ClassIndices] = ImageClassification()
    _MULTILABEL: TypedTask[Probabilities, MultiHot] = ImageClassificationMultilabel()
    _DETECTION: TypedTask[ImageDetections, list[GroundTruth]] = ImageObjectDetection()
    _SEGMENTATION: TypedTask[ImageDetections, list[GroundTruth]] = ImageInstanceSegmentation()


def behaviour_of(name: str) -> Task:
    """Return the behaviour of a task, imported on demand, so that a classifier doesn't load what a detector needs.

    Raises RegistryError for an unknown name, with a suggestion.
    """
    references = {task.name: task.behaviour for task in TASKS}
    if name not in references:
        raise RegistryError(f"unknown task '{name}'; {suggestion(name, list(references))}")
    module, _, class_name = references[name].partition(":")
    behaviour: Task = getattr(import_module(module), class_name)()
    return behaviour
