"""Metrics of a run on labelled data it may never have seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vistry.data import doctor
from vistry.data.source import Folders, ReadingOptions
from vistry.data.table import SPLITS, Table
from vistry.errors import DataError, suggestion
from vistry.evaluation.metric_table import metric_parts
from vistry.inference.evaluated_model import evaluated_model
from vistry.inference.models_classes import with_models_classes
from vistry.inference.own_images import OwnImageCounts, OwnImages
from vistry.inference.predictor import Predictor
from vistry.registry.catalogue import Catalogue
from vistry.task.behaviour import Measurement
from vistry.task.doubt import Doubt, doubt_of
from vistry.task.metric_parts import Measured, measure

# Hyperparameters of how detections are written, which no metric depends on.
OF_OUTPUT = ("max_number_of_polygon_points", "export_as_image", "image_type")


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, and over how many images.

    `left_out` has each image that couldn't be used with the reason, `warnings` the changed values without effect.
    `doubt` has the interval of the primary metric, and the classes that no image has.
    `own_images` counts the images that the run had before, `thresholds` are those that were chosen for the run or
    given, by class, and `notes` say in sentences how to read the metrics.
    """

    metrics: dict[str, float]
    primary_metric: str
    images: int
    left_out: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()
    doubt: Doubt = field(default_factory=Doubt)
    own_images: OwnImageCounts = OwnImageCounts()  # noqa: RUF009 - it is frozen
    thresholds: Mapping[str, float] | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "primary_metric": self.primary_metric,
            "images": self.images,
            "metrics": self.metrics,
            "left_out": [{"image": image, "reason": reason} for image, reason in self.left_out],
            "warnings": list(self.warnings),
            "interval": self.doubt.interval and asdict(self.doubt.interval),
            "absent_classes": list(self.doubt.absent_classes),
            "own_images": asdict(self.own_images),
            "thresholds": None if self.thresholds is None else dict(self.thresholds),
            "notes": list(self.notes),
        }


def evaluate(
    run: str | Path,
    data: str | Path,
    *,
    format: str | None = None,
    images: Folders = (),
    columns: Mapping[str, str] | None = None,
    classes_at: int | None = None,
    split: str | None = None,
    backend: str | None = None,
    include_training: bool = False,
    threshold: float | None = None,
    **changed: Any,
) -> Evaluation:
    """Measure a run's best model on labelled images that it wasn't trained on.

    Args:
        run: a run's folder or identifier, or "last"; or a file that `vistry.export` wrote.
        data: a file or folder of labelled images; a class that the model wasn't trained on is an error.
        format: the format of `data`; by default it is recognised.
        images: folders in which the images that the data names are looked for, too.
        columns: which columns of a table are "image", "label" and so on, by role.
        classes_at: which level of nested folders names the classes, from 1.
        split: "train", "validation" or "test"; by default the test split where the data has one, else all of it.
        backend: the engine that computes; by default the one that trained the run.
        include_training: whether to measure on images of the run's training split, too, which are otherwise left out;
            they are known by what the files hold, wherever they lie.
        threshold: the score above which predictions count, as in `load`.
        changed: hyperparameters of prediction by their own names, with other values than in training.

    Raises RunError for the run, HyperparameterError for the values and DataError for the data.
    """
    model = evaluated_model(run, backend=backend, threshold=threshold, changed=changed)
    predictor = model.predictor
    reading = ReadingOptions.of(format, images, columns, classes_at=classes_at)
    diagnosis = doctor.examine(Path(data), predictor.task.name, reading)
    chosen = _rows_of_split(diagnosis.table, split)
    named, notes = with_models_classes(chosen, predictor.classes)
    own = model.own_images(named.images)
    counts = OwnImageCounts.of(own, include_training)
    table = named if include_training else _without_training(named, own, data)
    thresholds = _by_class(predictor)
    predictions = list(predictor.predict(table.images))
    usable = [row for row, prediction in enumerate(predictions) if prediction.values is not None]
    if not usable:
        raise DataError(f"{data}: none of its {len(table)} images can be read")
    values = [predictions[row].values for row in usable]
    targets = predictor.task.targets(table.take(usable))
    metrics = predictor.task.evaluate(
        values,
        targets,
        predictor.classes,
        hyperparameters=predictor.hyperparameters,
        thresholds=predictor.thresholds,
    )
    measurement = Measurement(
        values,
        targets,
        predictor.classes,
        hyperparameters=predictor.hyperparameters,
        thresholds=predictor.thresholds,
    )
    measured, part = Measured(), None
    if predictor.task.is_measured(predictor.hyperparameters):
        parts = metric_parts(Catalogue.read(), predictor.task.name, model.parts)
        measured = measure(parts, values, targets, classes=predictor.classes)
        part = parts.parts.get(model.primary_metric)
    left_out = [(finding.quarantines or "", finding.reason) for finding in diagnosis.quarantined]
    left_out += [(item.image, item.error or "") for item in predictions if item.values is None]
    warnings = [str(problem) for problem in predictor.hyperparameters.warnings]
    warnings += [f"the metric {name} is left out: {error}" for name, error in measured.failures.items()]
    warnings += [f"{name}: has no effect on metrics; leave it out" for name in changed if name in OF_OUTPUT]
    return Evaluation(
        metrics=metrics | measured.values,
        primary_metric=model.primary_metric,
        images=len(usable),
        left_out=tuple(left_out),
        warnings=tuple(warnings),
        doubt=doubt_of(predictor.task, model.primary_metric, measurement, part=part),
        own_images=counts,
        thresholds=thresholds,
        notes=(*notes, *counts.sentences(len(named)), *_notes_on(thresholds)),
    )


def _without_training(table: Table, own: OwnImages, data: str | Path) -> Table:
    rows = np.flatnonzero(~own.training)
    if not len(rows):
        raise DataError(
            f"{data}: the run was trained on all of its {len(table)} images, and what is measured on them says little "
            "of new ones; name other data, or add --include-training (in Python include_training=True)"
        )
    return table.take(rows)


def _by_class(predictor: Predictor) -> dict[str, float] | None:
    if predictor.thresholds is None:
        return None
    return dict(zip(predictor.classes, predictor.thresholds.tolist(), strict=True))


def _notes_on(thresholds: Mapping[str, float] | None) -> Iterator[str]:
    values = sorted(set((thresholds or {}).values()))
    if len(values) == 1:
        yield f"predictions count above a score of {values[0]:g}"
    elif values:
        yield f"predictions count above the threshold of their class, from {values[0]:g} to {values[-1]:g}"


def _rows_of_split(table: Table, split: str | None) -> Table:
    if split is None:
        rows = table.rows_of("test")
        return table.take(rows) if len(rows) else table
    if split not in SPLITS:
        raise DataError(f"there is no split '{split}'; {suggestion(split, SPLITS)}")
    rows = table.rows_of(split)
    if not len(rows):
        raise DataError(f"{table.root} has no images of a split '{split}'")
    return table.take(rows)
