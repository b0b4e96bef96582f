"""`vistry.threshold`: choose an operating point of a run on its validation images, show it, or remove it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vistry.errors import VistryError
from vistry.evaluation.operating_point import Aim, Figures, figures_at
from vistry.inference.operating_points import ValidatedRun
from vistry.runs.json_records import to_json
from vistry.runs.many import find_run_or_best
from vistry.runs.records import OperatingPointRecord, ThresholdsRecord

SHOWN = tuple(step / 10 for step in range(1, 10))


@dataclass(frozen=True)
class ThresholdResult:
    """The thresholds of a run, and what others would give on its validation images.

    `record` is what the run keeps, None where nobody chose any; `thresholds` are then the task's own. `class_name` is
    the class that `table` is about, None for all together; its rows are a threshold with precision, recall and F1.
    `point` is the operating point that was just chosen.
    """

    run: Path
    task: str
    images: int
    thresholds: dict[str, float]
    record: ThresholdsRecord | None
    class_name: str | None
    table: tuple[tuple[float, Figures], ...]
    point: OperatingPointRecord | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "run": str(self.run),
            "task": self.task,
            "images": self.images,
            "thresholds": self.thresholds,
            "points": [] if self.record is None else to_json(self.record)["points"],
            "class_name": self.class_name,
            "table": [
                {"threshold": value, "precision": one.precision, "recall": one.recall, "f1": one.f1}
                for value, one in self.table
            ],
        }


def threshold(
    run: str | Path,
    *,
    precision: float | None = None,
    recall: float | None = None,
    f1: bool = False,
    class_name: str | None = None,
    reset: bool = False,
) -> ThresholdResult:
    """Choose the score above which a run's predictions count, on its validation images; or show or remove it.

    Args:
        run: a run's folder or identifier, or "last".
        precision: the least precision wanted; of the thresholds that reach it, the one of the highest recall is taken.
        recall: the least recall wanted; of the thresholds that reach it, the one of the highest precision is taken.
        f1: whether the threshold of the highest F1 is wanted.
        class_name: the class that the threshold is for; by default one threshold for all classes, in whose figures
            every answer counts alike.
        reset: whether to remove what was chosen before.

    The choice is kept in thresholds.json in the run folder: `predict`, `evaluate` and the report go by it. Without one
    of the last four arguments nothing changes. Raises RunError for the run, and VistryError for a precision or a recall
    that no threshold reaches and for a task that has no thresholds.
    """
    validated = ValidatedRun.of(find_run_or_best(run))
    aims = _aims(precision, recall, f1)
    if len(aims) > 1 or (aims and reset):
        names = [f"--{name}" for name, _ in aims] + ["--reset"] * reset
        raise VistryError(f"{' and '.join(names)}: give one of them")
    if reset and class_name is not None:
        raise VistryError("--reset removes what was chosen for every class; leave out --class")
    if reset:
        validated.reset()
    label = validated.label_of(class_name, is_choice=bool(aims))
    point = validated.choose(*aims[0], label=label) if aims else None
    return _result(validated, label, point)


def _aims(precision: float | None, recall: float | None, f1: bool) -> list[tuple[Aim, float | None]]:
    aims: list[tuple[Aim, float | None]] = []
    if precision is not None:
        aims.append(("precision", _share("precision", precision)))
    if recall is not None:
        aims.append(("recall", _share("recall", recall)))
    return [*aims, ("f1", None)] if f1 else aims


def _share(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise VistryError(f"{name} = {value!r}: must be a number above 0 and at most 1, such as 0.95")
    return float(value)


def _result(run: ValidatedRun, label: int | None, point: OperatingPointRecord | None) -> ThresholdResult:
    """Return the thresholds as they are now, with a table about a class or about all."""
    thresholds, answers = run.thresholds(), run.answers_about(label)
    current = thresholds.tolist() if label is None else [thresholds[label].item()]
    shown = sorted({*SHOWN, *(current if len(set(current)) == 1 else ())})
    table = [(value, figures_at(answers, np.full(len(run.classes), value))) for value in shown]
    return ThresholdResult(
        run=run.run.folder,
        task=run.task.name,
        images=len(run.answers.truths),
        thresholds=dict(zip(run.classes, thresholds.tolist(), strict=True)),
        record=run.run.thresholds,
        class_name=None if label is None else run.classes[label],
        table=tuple(table),
        point=point,
    )
