"""Metrics of a run on labelled data it may never have seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vistry.data import doctor
from vistry.data.table import SPLITS, Table
from vistry.errors import DataError, suggestion
from vistry.evaluation.metric_table import metric_parts
from vistry.inference.predictor import Predictor, load
from vistry.registry.catalogue import Catalogue
from vistry.task.behaviour import Answers
from vistry.task.doubt import Doubt, doubt_of
from vistry.task.metric_parts import Measured, measure

# Hyperparameters of how detections are written, which no metric depends on.
OF_OUTPUT = ("max_number_of_polygon_points", "export_as_image", "image_type")


@dataclass(frozen=True)
class Evaluation:
    """Metrics by name, and over how many images.

    `left_out` has each image that couldn't be used with the reason, `warnings` the changed values without effect.
    `doubt` has the interval of the primary metric, and the classes that no image has.
    """

    metrics: dict[str, float]
    primary_metric: str
    images: int
    left_out: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()
    doubt: Doubt = field(default_factory=Doubt)

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
        }


def evaluate(
    run: str | Path,
    data: str | Path,
    *,
    format: str | None = None,
    split: str | None = None,
    backend: str | None = None,
    **changed: Any,
) -> Evaluation:
    """Measure a run's best model on labelled images.

    Args:
        run: a run's folder or identifier, or "last".
        data: a file or folder of labelled images; a class that the model wasn't trained on is an error.
        format: the format of `data`; by default it is recognised.
        split: "train", "validation" or "test"; by default the test split where the data has one, else all of it.
        backend: the engine that computes; by default the one that trained the run.
        changed: hyperparameters of prediction by their own names, with other values than in training.

    Raises RunError for the run, HyperparameterError for the values and DataError for the data.
    """
    predictor = load(run, backend=backend, **changed)
    diagnosis = doctor.examine(Path(data), predictor.task.name, format)
    table = _with_models_classes(_rows_of_split(diagnosis.table, split), predictor)
    predictions = list(predictor.predict(table.images))
    usable = [row for row, prediction in enumerate(predictions) if prediction.values is not None]
    if not usable:
        raise DataError(f"{data}: none of its {len(table)} images can be read")
    values = [predictions[row].values for row in usable]
    targets = predictor.task.targets(table.take(usable))
    metrics = predictor.task.evaluate(values, targets, predictor.classes, predictor.hyperparameters)
    answers = Answers(values, targets, predictor.classes, hyperparameters=predictor.hyperparameters)
    measured, part = Measured(), None
    if predictor.task.is_measured(predictor.hyperparameters):
        parts = metric_parts(Catalogue.read(), predictor.task.name, predictor.run.record.parts)
        measured = measure(parts, values, targets, classes=predictor.classes)
        part = parts.parts.get(predictor.run.record.primary_metric)
    left_out = [(finding.quarantines or "", finding.reason) for finding in diagnosis.quarantined]
    left_out += [(item.image, item.error or "") for item in predictions if item.values is None]
    warnings = [str(problem) for problem in predictor.hyperparameters.warnings]
    warnings += [f"the metric {name} is left out: {error}" for name, error in measured.failures.items()]
    warnings += [f"{name}: has no effect on metrics; leave it out" for name in changed if name in OF_OUTPUT]
    return Evaluation(
        metrics=metrics | measured.values,
        primary_metric=predictor.run.record.primary_metric,
        images=len(usable),
        left_out=tuple(left_out),
        warnings=tuple(warnings),
        doubt=doubt_of(predictor.task, predictor.run.record.primary_metric, answers, part=part),
    )


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


def _with_models_classes(table: Table, predictor: Predictor) -> Table:
    unknown = [name for name in table.classes if name not in predictor.classes]
    if unknown:
        hint = suggestion(unknown[0], predictor.classes)
        raise DataError(
            f"the model doesn't know the class '{unknown[0]}' of {table.root}; {hint}; it was trained on "
            f"{len(predictor.classes)} classes"
        )
    return table.with_classes(predictor.classes)
