"""The doctor: everything that is wrong or odd about a data set, and the rows that can be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vistry.data.checks.classes import class_findings
from vistry.data.checks.duplicates import duplicate_findings, groups_of_same, leaking_rows
from vistry.data.checks.image_remarks import image_remarks
from vistry.data.checks.inspection import Inspection, Progress, inspect_all
from vistry.data.checks.objects import check_objects
from vistry.data.checks.presence import absent_images
from vistry.data.checks.row_location import placed
from vistry.data.findings import CHECKS, SEVERITIES, Finding, finding
from vistry.data.reading import Reading, read
from vistry.data.table import SPLITS, Table

SCHEMA = 1
Pixels = Literal["none", "header", "full"]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Quarantined:
    """What can't be used, and why: an image, or the line that should have described one, or an object of it."""

    image: str
    reason: str
    check: str

    @property
    def is_object(self) -> bool:
        """Whether an object is set aside, and not its image."""
        return CHECKS[self.check].of_object

    def to_dict(self) -> dict[str, Any]:
        """The entry as plain JSON values."""
        entry: dict[str, Any] = {"image": self.image, "reason": self.reason, "check": self.check}
        return entry | ({"object": True} if self.is_object else {})


@dataclass(frozen=True)
class Diagnosis:
    """The usable rows, what was found, and what was set aside.

    `groups`: [N] int64, equal where rows of `table` show the same image, for `split`.
    """

    path: Path
    task: str
    table: Table
    findings: tuple[Finding, ...]
    quarantined: tuple[Quarantined, ...]
    groups: npt.NDArray[np.int64]

    @property
    def has_errors(self) -> bool:
        """Whether any finding is an error."""
        return any(fault.severity == "error" for fault in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as plain JSON values, with a schema number."""
        table = self.table
        severities = Counter(fault.severity for fault in self.findings)
        return {
            "schema": SCHEMA,
            "path": str(self.path),
            "task": self.task,
            "format": table.format,
            "images": len(table),
            "classes": dict(zip(table.classes, table.class_counts().tolist(), strict=True)),
            **self._objects(),
            "splits": {name: len(table.rows_of(name)) for name in SPLITS},
            "severities": {severity: severities[severity] for severity in SEVERITIES},
            "findings": [fault.to_dict() for fault in self.findings],
            "quarantined": [entry.to_dict() for entry in self.quarantined],
        }

    def _objects(self) -> dict[str, Any]:
        """How many objects of each class there are, where labels are objects."""
        if self.table.objects is None:
            return {}
        return {"objects": dict(zip(self.table.classes, self.table.object_counts().tolist(), strict=True))}


def examine(
    path: Path | str,
    task: str,
    format: str | None = None,
    *,
    pixels: Pixels = "header",
    progress: Progress | None = None,
) -> Diagnosis:
    """Read and check a data set for a task.

    `pixels` says how far into the images to look: 'none' only lists folders, and opens images whose size boxes need and
    the data doesn't state; 'header' reads both ends of each file and decodes what looks cut off; 'full' decodes all.
    Objects come in pixels of the upright images. `progress(done, total)` counts images. Raises DataError where the
    data set can't be read at all.
    """
    return _examined(Path(path), task, read(path, task, format), pixels, progress)


def without_leaks(training: Diagnosis, validation: Diagnosis) -> Diagnosis:
    """The training data's diagnosis with the images set aside that validation data of its own also holds."""
    table = training.table
    leaks = leaking_rows(table, validation.table)
    rows = _rows_without(table, leaks)
    return replace(
        training,
        table=table.take(rows),
        findings=(*training.findings, *(placed(fault, table, row) for row, fault in leaks.items())),
        quarantined=(*training.quarantined, *(_quarantined(fault, table, row) for row, fault in leaks.items())),
        groups=training.groups[rows],
    )


def _examined(path: Path, task: str, reading: Reading, pixels: Pixels, progress: Progress | None) -> Diagnosis:
    table = reading.table
    faults = absent_images(table)
    inspections = {} if pixels == "none" else _inspected(table, faults, pixels == "full", progress)
    faults |= {row: seen.fault for row, seen in inspections.items() if seen.fault is not None}
    report = check_objects(table, _rows_without(table, faults), inspections)
    table, faults = report.table, faults | dict(report.lost)
    groups = groups_of_same(table, _rows_without(table, faults), inspections)
    copies, warnings = duplicate_findings(table, groups)
    faults |= copies
    rows = _rows_without(table, faults)
    kept = table.take(rows).without_empty_classes()
    findings = (
        *reading.findings,
        *report.findings,
        *(placed(faults[row], table, row) for row in sorted(faults)),
        *warnings,
        *image_remarks(table, inspections),
        *_lost(reading.table, kept, [*reading.findings, *report.findings, *faults.values()]),
        *class_findings(kept, task),
    )
    set_aside = (
        *_unread((*reading.findings, *report.findings)),
        *(_quarantined(faults[row], table, row) for row in sorted(faults)),
    )
    return Diagnosis(path, task, kept, findings, set_aside, groups[rows])


def _inspected(
    table: Table, faults: Mapping[int, Finding], decode: bool, progress: Progress | None
) -> dict[int, Inspection]:
    """An inspection of every row that has a file."""
    rows = _rows_without(table, faults).tolist()
    inspections = inspect_all([table.images[row] for row in rows], decode, progress)
    return dict(zip(rows, inspections, strict=True))


def _rows_without(table: Table, faults: Mapping[int, Finding]) -> Rows:
    sound = np.ones(len(table), dtype=bool)
    sound[list(faults)] = False
    return np.flatnonzero(sound)


def _unread(findings: Iterable[Finding]) -> Iterator[Quarantined]:
    for fault in findings:
        if fault.severity == "error":
            yield Quarantined(fault.where, fault.message, fault.check)


def _quarantined(fault: Finding, table: Table, row: int) -> Quarantined:
    return Quarantined(table.images[row], fault.message, fault.check)


def _lost(table: Table, kept: Table, faults: Iterable[Finding]) -> Iterator[Finding]:
    """What the quarantine took with it: splits, classes, or everything, then with the reason given most often."""
    if len(kept) == 0:
        errors = [fault for fault in faults if fault.severity == "error"]
        often = Counter(fault.check for fault in errors).most_common(1)
        first = [fault.message for fault in errors if often and fault.check == often[0][0]][:1]
        why = "".join(f"; the most frequent reason: {message}" for message in first)
        yield finding("data-empty", f"none of the {len(table)} images can be used{why}", table.root)
        return
    for split, name in enumerate(SPLITS):
        if np.any(table.split == split) and not np.any(kept.split == split):
            yield finding("split-empty", f"no {name} image can be used", table.root)
    for name in sorted(set(table.classes) - set(kept.classes)):
        message = f"no image of class '{name}' can be used"
        yield finding("class-empty", message, table.root, remedy="replace the images that were set aside")
