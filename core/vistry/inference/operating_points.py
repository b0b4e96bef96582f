"""The operating points of a run, on its validation predictions: chosen, kept in the run, and removed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vistry.errors import RunError, VistryError, suggestion
from vistry.evaluation.classification import LABEL_THRESHOLD
from vistry.evaluation.operating_point import (
    Aim,
    Answers,
    Curve,
    MeasuredFigures,
    Thresholds,
    curve_of,
    measured_at,
)
from vistry.hyperparameter.recorded import hyperparameters_of
from vistry.registry.tasks import MULTICLASS, TaskInfo, task_named
from vistry.report import write_report
from vistry.runs.checkpoint import read_checkpoint
from vistry.runs.folder import PREDICTIONS, THRESHOLDS, Run
from vistry.runs.records import BestFacts, FiguresRecord, OperatingPointRecord, ThresholdsRecord
from vistry.runs.thresholds import thresholds_of
from vistry.task import behaviour_of


@dataclass(frozen=True)
class ValidatedRun:
    """A run with what its best epoch says of the validation images.

    `epoch` is that epoch, counted from 0, `default` the threshold that holds where none was chosen.
    """

    run: Run
    task: TaskInfo
    answers: Answers
    epoch: int
    default: float
    iou_threshold: float | None

    @classmethod
    def of(cls, run: Run) -> ValidatedRun:
        """Read a run. Raises RunError without predictions, and VistryError for a task that has no thresholds."""
        record, task = run.record, task_named(run.record.task)
        if task.name == MULTICLASS and len(record.classes) != 2:
            raise VistryError(
                f"{run.id} is multi-class: each image gets the likeliest of {len(record.classes)} classes, so there is "
                "no threshold to choose; only with two classes does one pass its threshold or else the other"
            )
        if not (run.folder / PREDICTIONS).is_file():
            raise RunError(f"{run.folder} has no {PREDICTIONS}: no evaluation was finished, so nothing can be chosen")
        tensors, facts = read_checkpoint(run.folder / PREDICTIONS)
        if not isinstance(facts, BestFacts):
            raise RunError(f"invalid {run.folder / PREDICTIONS}: expected predictions, got kind '{facts.kind}'")
        values = hyperparameters_of(run)
        return cls(
            run,
            task,
            behaviour_of(task.name).answers(tensors, record.classes, values),
            epoch=facts.epoch,
            default=values.box_score_threshold if task.has_boxes else LABEL_THRESHOLD,
            iou_threshold=values.validation_iou_threshold if task.has_boxes else None,
        )

    @property
    def classes(self) -> Sequence[str]:
        """The names of the classes."""
        return self.run.record.classes

    def label_of(self, name: str | None, is_choice: bool) -> int | None:
        """Return the index of a class, None for all; of two exclusive classes one has to be named for a choice."""
        if name is None:
            if self.task.name != MULTICLASS:
                return None
            if is_choice:
                names = " or ".join(f"--class '{one}'" for one in self.classes)
                raise VistryError(
                    f"an image is one of two classes: name the one that its threshold decides on, {names}"
                )
            name = self._decided_class()
        if name not in self.classes:
            raise VistryError(f"{self.run.id} has no class '{name}'; {suggestion(str(name), self.classes)}")
        return self.classes.index(name)

    def _decided_class(self) -> str:
        """Of two exclusive classes the one that a threshold was chosen for, else the first."""
        points = () if self.run.thresholds is None else self.run.thresholds.points
        names = [point.class_name for point in points if point.class_name is not None]
        return names[0] if names else self.classes[0]

    def reset(self) -> None:
        """Remove the thresholds that were chosen."""
        (self.run.folder / THRESHOLDS).unlink(missing_ok=True)
        write_report(self.run)

    def choose(self, aim: Aim, target: float | None, label: int | None) -> OperatingPointRecord:
        """Choose a threshold, keep it in the run, and draw the report again."""
        answers = self.answers_about(label)
        if not answers.truths.any():
            what = "no class" if label is None else f"no '{self.classes[label]}'"
            raise VistryError(f"the validation images have {what}, so no threshold can be chosen on them")
        curve = curve_of(answers)
        if not len(curve.scores):
            raise VistryError("the model says nothing on the validation images, so there is nothing to choose from")
        index = curve.best(aim, target)
        if index is None:
            raise VistryError(self._unreachable(curve, aim, target, label=label))
        value = curve.threshold(index)
        figures = measured_at(answers, np.full(len(self.classes), value))
        point = OperatingPointRecord(
            aim=aim,
            threshold=value,
            figures=_figures_record(figures),
            target=target,
            class_name=None if label is None else self.classes[label],
        )
        self._keep(point, label)
        return point

    def answers_about(self, label: int | None) -> Answers:
        """The answers about a class, or about all."""
        return self.answers if label is None else self.answers.of_class(label)

    def _unreachable(self, curve: Curve, aim: Aim, target: float | None, label: int | None) -> str:
        best, other = curve.highest(aim), "recall" if aim == "precision" else "precision"
        value, price = getattr(curve, aim)[best], getattr(curve, other)[best]
        whose = "" if label is None else f" of '{self.classes[label]}'"
        return (
            f"no threshold gives a {aim}{whose} of {target:g} on the {len(self.answers.truths)} validation images; the "
            f"highest is {_down(value)}, above a score of {curve.threshold(best):g}, with a {other} of {price:.4f}"
        )

    def _keep(self, point: OperatingPointRecord, label: int | None) -> None:
        """Write a point beside those of other classes; one for all classes takes the place of every other."""
        # What was chosen for other weights says nothing about these, and is written over.
        record = self.run.thresholds
        before = record if record is not None and record.epoch == self.epoch else None
        thresholds = self.thresholds() if before else self.default_thresholds
        others: tuple[OperatingPointRecord, ...] = ()
        if label is None:
            thresholds[:] = point.threshold
        else:
            thresholds[label] = point.threshold
            others = tuple(one for one in (before.points if before else ()) if one.class_name != point.class_name)
        if self.task.name == MULTICLASS:
            # One of two classes passes where the other doesn't; rounding takes away what subtraction adds, 1e-17.
            thresholds[1 - (label or 0)], others = round(1 - point.threshold, 15), ()
        record = ThresholdsRecord(
            thresholds=dict(zip(self.classes, thresholds.tolist(), strict=True)),
            points=(*others, point),
            epoch=self.epoch,
            images=len(self.answers.truths),
            iou_threshold=self.iou_threshold,
        )
        self.run.write_thresholds(record)
        write_report(self.run)

    @property
    def default_thresholds(self) -> Thresholds:
        """[C] the thresholds that hold where none was chosen."""
        return np.full(len(self.classes), self.default)

    def thresholds(self) -> Thresholds:
        """[C] the thresholds that hold. Raises RunError for those in the run where they don't fit these weights."""
        chosen = thresholds_of(self.run, self.epoch)
        return self.default_thresholds if chosen is None else chosen


def _figures_record(measured: MeasuredFigures) -> FiguresRecord:
    return FiguresRecord(
        precision=measured.figures.precision,
        recall=measured.figures.recall,
        f1=measured.figures.f1,
        precision_interval=measured.precision_interval,
        recall_interval=measured.recall_interval,
        f1_interval=measured.f1_interval,
    )


def _down(value: float) -> str:
    """A share with four digits, rounded down, so that what is typed after it can be reached."""
    return f"{math.floor(value * 1e4) / 1e4:.4f}"
