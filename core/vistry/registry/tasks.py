"""The four tasks by name: the hosted product's names, each with a short alias."""

from __future__ import annotations

from dataclasses import dataclass

from vistry.errors import RegistryError, suggestion


@dataclass(frozen=True)
class TaskName:
    """A task as the registry knows it: names and a sentence, no behaviour."""

    name: str
    alias: str
    summary: str
    primary_metrics: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """The task as plain JSON values."""
        return {
            "name": self.name,
            "alias": self.alias,
            "summary": self.summary,
            "primary_metrics": list(self.primary_metrics),
        }


TASKS = (
    TaskName(
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
    ),
    TaskName(
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
    ),
    TaskName(
        "image_object_detection",
        "detection",
        "a labelled box around each object",
        ("mean_average_precision",),
    ),
    TaskName(
        "image_instance_segmentation",
        "segmentation",
        "a labelled mask over each object",
        ("mean_average_precision",),
    ),
)

TASK_NAMES = tuple(task.name for task in TASKS)


def task_named(name: str) -> TaskName:
    """The task with this name or alias. Raises RegistryError with a suggestion."""
    for task in TASKS:
        if name in (task.name, task.alias):
            return task
    known = [word for task in TASKS for word in (task.name, task.alias)]
    raise RegistryError(f"there is no task '{name}'; {suggestion(name, known)}")
