"""labels.json and labels.csv: labels that are probably wrong, by models that never saw their images."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from vistry.errors import RunError
from vistry.runs.files import write_json, write_text
from vistry.runs.json_records import from_json, to_json

SCHEMA = 1
LABELS_JSON, LABELS_CSV = "labels.json", "labels.csv"

MISLABELLED, UNLABELLED, MISTAKEN = "mislabelled", "unlabelled", "mistaken"


@dataclass(frozen=True, kw_only=True)
class LabelIssue:
    """A label that is probably wrong.

    `kind` is "mislabelled" (a multi-class label is probably another), "unlabelled" or "mistaken" (an image probably
    lacks a multi-label label, or has it and shouldn't), or of objects "missing", "class", "location" or "not found".
    `given` is the label in the data and `suggested` what the model says, "" for none; with the probability of each, or
    for objects the detection's score and its IoU with the annotated object. `box` is in pixels of the upright image.
    `suspicion` is what they are ordered by, the largest first. `where` is the label's file and line, or the image.
    """

    image: str
    where: str
    kind: str
    given: str
    suggested: str
    suspicion: float
    fold: int
    given_probability: float | None = None
    suggested_probability: float | None = None
    score: float | None = None
    iou: float | None = None
    box: tuple[float, float, float, float] | None = None

    def __str__(self) -> str:
        label = f"labelled '{self.given}'" if self.given else f"not labelled '{self.suggested}'"
        what = f", probably '{self.suggested}'" if self.given and self.suggested else ", probably wrong"
        return f"{self.where}: {label}{what} ({self.kind}, {self.suspicion:.2f})"


@dataclass(frozen=True, kw_only=True)
class LabelIssues:
    """The file: how many images were looked at, with which task, and what is probably wrong, worst first."""

    task: str
    images: int
    issues: tuple[LabelIssue, ...]


def write_label_issues(folder: Path, content: LabelIssues) -> None:
    """Write both files into a folder, each atomically. Raises RunError."""
    write_json(folder / LABELS_JSON, {"schema": SCHEMA, **to_json(content)})
    write_text(folder / LABELS_CSV, _table(content.issues))


def read_label_issues(folder: Path) -> LabelIssues:
    """Read labels.json of a folder of folds. Raises RunError where it has none, or it is damaged."""
    path = folder / LABELS_JSON
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(
            f"{folder} has no {LABELS_JSON}: vistry train --folds writes it when its folds are trained; to go on with "
            f"them, type: vistry resume {folder}"
        ) from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} can't be read: {error}") from None
    return from_json(LabelIssues, data, path)


def _table(issues: Sequence[LabelIssue]) -> str:
    """The rows as CSV, a box as x1 y1 x2 y2."""
    names = [field.name for field in fields(LabelIssue)]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    for issue in issues:
        values = (getattr(issue, name) for name in names)
        writer.writerow([_cell(value) for value in values])
    return stream.getvalue().encode("utf-8", "backslashreplace").decode()


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return " ".join(f"{side:.1f}" for side in value)
    return "" if value is None else value
