"""The section about the thresholds that were chosen for a run."""

from __future__ import annotations

from vistry.evaluation.operating_point import Interval
from vistry.report.numbers import UNDEFINED, count, score
from vistry.report.run_contents import Contents
from vistry.report.section import Section
from vistry.report.table import Cell, Number, table
from vistry.runs.records import OperatingPointRecord

HEADINGS = ("for", "wanted", "threshold", "precision", "95 %", "recall", "95 %", "F1", "95 %")
NAMES = {"precision": "precision", "recall": "recall", "f1": "F1"}


def threshold_section(contents: Contents) -> Section | None:
    """List the operating points of the run; None where nobody chose any."""
    record = contents.thresholds
    if record is None:
        if not contents.thresholds_reason:
            return None
        return Section("operating-points", "Operating points", contents.thresholds_reason, parts=[])
    note = (
        f"Above these scores predictions count, as vistry threshold chose them on "
        f"{count(record.images, 'validation image')}. The intervals come from drawing the images again; because the "
        "choice was made on these images, others may give a little less."
    )
    if record.iou_threshold is not None:
        note += f" A detection is right if its IoU with an object is at least {record.iou_threshold:g}."
    return Section("operating-points", "Operating points", note, parts=[table(HEADINGS, map(_row, record.points))])


def _row(point: OperatingPointRecord) -> list[Cell]:
    figures = point.figures
    target = "" if point.target is None else f" {point.target:g}"
    return [
        "all classes" if point.class_name is None else point.class_name,
        f"{NAMES.get(point.aim, point.aim)}{target}",
        Number(f"{point.threshold:g}"),
        Number(score(figures.precision)),
        Number(_between(figures.precision_interval)),
        Number(score(figures.recall)),
        Number(_between(figures.recall_interval)),
        Number(score(figures.f1)),
        Number(_between(figures.f1_interval)),
    ]


def _between(interval: Interval | None) -> str:
    return UNDEFINED if interval is None else f"{score(interval[0])} to {score(interval[1])}"
