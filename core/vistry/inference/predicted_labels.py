"""Predictions as labels, in any format that can be written: for labelling tools, and to train on once corrected."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from vistry.data.conversion import Output, outputs
from vistry.data.masks.rle import area_of_runs, box_of_runs, text_to_runs
from vistry.data.readers.locations import is_unicode
from vistry.data.readers.object_builder import ObjectRecord, ObjectTableBuilder, Shape
from vistry.data.readers.table_builder import TableBuilder
from vistry.errors import DataError, VistryError
from vistry.evaluation.detection.types import Detections, ImageDetections
from vistry.inference.predictor import Prediction, Predictor
from vistry.registry.tasks import TaskInfo, task_named
from vistry.runs.label_files import WrittenFile, write_labels
from vistry.task.classification import Classification, Probabilities
from vistry.task.detection import above_score_threshold


class PredictedLabels:
    """Collects what a model says of images, by the thresholds that hold for it, and writes it as labels.

    An image that can't be read is left out, and one that is named twice stands in the labels once. An object's box is
    the one around its mask where it has one; an object without a pixel is left out.
    """

    def __init__(self, predictor: Predictor, format: str, out: Path):
        self._predictor = predictor
        self._format = format
        self._out = out
        self._task = task_named(predictor.task.name)
        self._builder = _builder_of(self._task, predictor)
        self._scores = array("f")
        self._images: set[str] = set()

    @classmethod
    def of(
        cls, predictor: Predictor, to: str | None, out: Path | None, *, images: Sequence[Path]
    ) -> PredictedLabels | None:
        """What collects the labels of a call for these images; None for a call that wants none.

        Raises VistryError for a format without a place, and, before anything is predicted, DataError for a format that
        can't be written or doesn't have the task's labels, and for files that exist.
        """
        if to is None:
            return None
        if out is None:
            raise VistryError(f"where to? --to {to} writes labels to a file or folder; name it with --output")
        for image in images:
            if not is_unicode(str(image)):
                raise DataError(f"{os.fsencode(image)!r}: the name isn't Unicode, so no label can name it; rename it")
        labels = cls(predictor, to, out)
        labels._rehearse(images)
        return labels

    @property
    def are_objects(self) -> bool:
        """Whether they are boxes or masks, and not labels of whole images."""
        return self._task.has_boxes

    def add(self, prediction: Prediction) -> None:
        """Take the labels of one image."""
        image, values = _absolute(prediction.image), prediction.values
        if values is None or image in self._images:
            return
        self._images.add(image)
        if isinstance(values, ImageDetections):
            self._add_objects(image, values)
        else:
            self._add_labels(image, values)

    def write(self) -> tuple[WrittenFile, ...]:
        """Write the labels. Raises VistryError where no image could be read, DataError or RunError for a file."""
        if not self._images:
            raise VistryError(f"no image could be read, so {self._out} isn't written")
        return write_labels(self._outputs(self._builder))

    def _outputs(self, builder: TableBuilder) -> list[Output]:
        # All of the run's classes, found or not, so that their numbers and a tool's list are the model's own.
        table = builder.build().with_classes(tuple(self._predictor.classes))
        scores = np.asarray(self._scores, dtype=np.float32)
        return outputs(table, self._out, self._format, task=self._task.name, scores=scores)

    def _rehearse(self, images: Sequence[Path]) -> None:
        """Have everything refused that would be refused at the end: write labels that say nothing to nowhere."""
        builder = _builder_of(self._task, self._predictor)
        any_class = [builder.class_id(self._predictor.classes[0])] if self._task.has_one_label else []
        for image in dict.fromkeys(map(_absolute, images)):
            if isinstance(builder, ObjectTableBuilder):
                builder.add_image(image)
            else:
                builder.add(image, any_class)
        self._scores.extend(1.0 for _ in range(len(builder) * len(any_class)))
        self._outputs(builder)
        del self._scores[:]

    def _add_labels(self, image: str, probabilities: Probabilities) -> None:
        task, thresholds = self._predictor.task, self._predictor.thresholds
        assert isinstance(task, Classification)
        labels = task.predicted(probabilities, thresholds)
        self._builder.add(image, [self._class_id(label) for label in labels])
        self._scores.extend(probabilities[labels].tolist())

    def _add_objects(self, image: str, prediction: ImageDetections) -> None:
        assert isinstance(self._builder, ObjectTableBuilder)
        predictor = self._predictor
        detections = above_score_threshold(prediction, predictor.hyperparameters, predictor.thresholds)
        row = self._builder.add_image(image, size=(prediction.width, prediction.height))
        for index, (label, score) in enumerate(zip(detections.labels, detections.scores.tolist(), strict=True)):
            record = _record_of(detections, index)
            if record is not None:
                self._builder.add_object(row, self._class_id(int(label)), record)
                self._scores.append(score)

    def _class_id(self, label: int) -> int:
        return self._builder.class_id(self._predictor.classes[label])


def _builder_of(task: TaskInfo, predictor: Predictor) -> TableBuilder:
    root, name = (predictor.folder or Path()).resolve(), "predictions"
    return ObjectTableBuilder(root, name, task.name) if task.has_boxes else TableBuilder(root, name)


def _record_of(detections: Detections, index: int) -> ObjectRecord | None:
    """An object with its box, or its mask and the box around it; None for a mask without a pixel."""
    if detections.masks is None:
        x1, y1, x2, y2 = detections.boxes[index].tolist()
        return ObjectRecord((x1, y1, x2, y2), index + 1)
    mask = detections.masks[index]
    runs, height = text_to_runs(mask["counts"].decode("ascii")), int(mask["size"][0])
    if not area_of_runs(runs):
        return None
    return ObjectRecord(box_of_runs(runs, height), index + 1, shape=Shape(runs=runs, height=height))


def _absolute(image: str | Path) -> str:
    folder, name = os.path.split(image)
    return f"{_resolved(folder)}/{name}"


@lru_cache
def _resolved(folder: str) -> str:
    return str(Path(folder).resolve()).removesuffix("/")
