"""The four tasks by name: the hosted product's names, each with a short alias."""

from __future__ import annotations

from dataclasses import dataclass

from vistry.errors import RegistryError, suggestion
from vistry.registry.records import TaskRecord


@dataclass(frozen=True)
class TaskInfo:
    """A task as the registry knows it: names and facts, no behaviour.

    Its targets are labels of whole images, or objects: boxes, with masks where `has_masks`. `input_sizes` are the
    hyperparameters that say how many pixels the network's input is wide and high.
    """

    name: str
    alias: str
    summary: str
    primary_metrics: tuple[str, ...]
    input_sizes: tuple[str, ...]
    is_multilabel: bool = False
    has_boxes: bool = False
    has_masks: bool = False

    @property
    def has_one_label(self) -> bool:
        """Whether each image has exactly one label."""
        return not (self.is_multilabel or self.has_boxes)

    def to_dict(self) -> TaskRecord:
        """The task as plain JSON values."""
        return {
            "name": self.name,
            "alias": self.alias,
            "summary": self.summary,
            "primary_metrics": list(self.primary_metrics),
        }


_CROPS = ("training_crop_size", "validation_crop_size")
_SIDES = ("min_size", "max_size")
TASKS = (
    TaskInfo(
        "image_classification",
        "multiclass",
        "one label for each image",
        (
            "accuracy",
            "AUC_weighted",
            "norm_macro_recall",
            "average_precision_score_weighted",
            "precision_score_weighted",
        ),
        _CROPS,
    ),
    TaskInfo(
        "image_classification_multilabel",
        "multilabel",
        "any number of labels for each image",
        (
            "iou",
            "accuracy",
            "AUC_weighted",
            "norm_macro_recall",
            "average_precision_score_weighted",
            "precision_score_weighted",
        ),
        _CROPS,
        is_multilabel=True,
    ),
    TaskInfo(
        "image_object_detection",
        "detection",
        "a labelled box around each object",
        ("mean_average_precision",),
        _SIDES,
        has_boxes=True,
    ),
    TaskInfo(
        "image_instance_segmentation",
        "segmentation",
        "a labelled mask over each object",
        ("mean_average_precision",),
        _SIDES,
        has_boxes=True,
        has_masks=True,
    ),
)

TASK_NAMES = tuple(task.name for task in TASKS)


def task_named(name: str) -> TaskInfo:
    """The task with this name or alias. Raises RegistryError with a suggestion."""
    for task in TASKS:
        if name in (task.name, task.alias):
            return task
    names = [word for task in TASKS for word in (task.name, task.alias)]
    raise RegistryError(f"there is no task '{name}'; {suggestion(name, names)}")
