"""The sections about a task: a table from its name to the function that draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from vistry.errors import RegistryError, suggestion
from vistry.report.inputs import ReportInputs
from vistry.report.section import Section


def _multiclass(inputs: ReportInputs) -> list[Section]:
    from vistry.report.tasks.multiclass import multiclass_sections

    return multiclass_sections(inputs)


def _multilabel(inputs: ReportInputs) -> list[Section]:
    from vistry.report.tasks.multilabel import multilabel_sections

    return multilabel_sections(inputs)


def _object_detection(inputs: ReportInputs) -> list[Section]:
    from vistry.report.tasks.detection import detection_inputs, detection_sections

    return detection_sections(detection_inputs(inputs, "box"))


def _instance_segmentation(inputs: ReportInputs) -> list[Section]:
    from vistry.report.tasks.detection import detection_inputs, detection_sections

    return detection_sections(detection_inputs(inputs, "mask"))


# Functions that import on demand, so that the page of a classifier doesn't load what a detector's needs.
DRAW_SECTIONS: Mapping[str, Callable[[ReportInputs], Sequence[Section]]] = {
    "image_classification": _multiclass,
    "image_classification_multilabel": _multilabel,
    "image_object_detection": _object_detection,
    "image_instance_segmentation": _instance_segmentation,
}


def task_sections(task: str, inputs: ReportInputs) -> Sequence[Section]:
    """Draw the sections about a task. Raises RegistryError for an unknown task, with a suggestion."""
    if task not in DRAW_SECTIONS:
        raise RegistryError(f"unknown task '{task}'; {suggestion(task, list(DRAW_SECTIONS))}")
    return DRAW_SECTIONS[task](inputs)
