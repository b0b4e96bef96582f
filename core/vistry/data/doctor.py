"""The doctor: check a data set, name everything that is wrong or odd, and keep the rows that can be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from vistry.data.checks.classes import class_findings
from vistry.data.checks.duplicates import duplicate_findings, groups_of_same, leaking_rows
from vistry.data.checks.image_remarks import image_remarks
from vistry.data.checks.inspection import Inspection, Progress, inspect_all
from vistry.data.checks.objects import check_objects
from vistry.data.checks.presence import absent_images
from vistry.data.checks.row_location import at_row
from vistry.data.checks.sequences import sequence_findings
from vistry.data.checks.trainable import trainable_findings
from vistry.data.findings import CHECKS, SEVERITIES, Finding
from vistry.data.reading import read
from vistry.data.source import ReadingOptions
from vistry.data.split_origins import Division
from vistry.data.table import SPLITS, Table

SCHEMA = 1
Pixels = Literal["none", "header", "full"]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Diagnosis:
    """The usable rows of a data set, and every finding about it.

    `groups`: [N] int64, equal where rows of `table` show the same image, for `split`.
    """

    path: Path
    task: str
    table: Table
    findings: tuple[Finding, ...]
    groups: npt.NDArray[np.int64]

    @property
    def quarantined(self) -> tuple[Finding, ...]:
        """The findings that leave out an image, a line or an object."""
        return tuple(finding for finding in self.findings if finding.quarantines is not None)

    @property
    def has_errors(self) -> bool:
        """Whether any finding is an error."""
        return any(finding.severity == "error" for finding in self.findings)

    @property
    def severities(self) -> dict[str, int]:
        """The number of findings of each severity."""
        counts = Counter(finding.severity for finding in self.findings)
        return {severity: counts[severity] for severity in SEVERITIES}

    @property
    def division(self) -> Division:
        """How a training divides the rows, unless it is asked to do it in another way."""
        return Division.expected(self.table)

    def to_dict(self) -> dict[str, object]:
        """The diagnosis as plain JSON values, with a schema number."""
        table = self.table
        return {
            "schema": SCHEMA,
            "path": str(self.path),
            "task": self.task,
            "format": table.format,
            "images": len(table),
            "classes": dict(zip(table.classes, table.class_counts().tolist(), strict=True)),
            **self._object_counts(),
            "splits": {name: len(table.rows_of(name)) for name in SPLITS},
            "split_origins": self.division.origins(table),
            "severities": self.severities,
            "findings": [finding.to_dict() for finding in self.findings],
            "quarantined": [finding.quarantine_entry() for finding in self.quarantined],
        }

    def _object_counts(self) -> dict[str, object]:
        """The number of objects of each class, where labels are objects."""
        if self.table.objects is None:
            return {}
        return {"objects": dict(zip(self.table.classes, self.table.object_counts().tolist(), strict=True))}


def examine(
    path: Path | str,
    task: str,
    reading: ReadingOptions | None = None,
    *,
    pixels: Pixels = "header",
    progress: Progress | None = None,
) -> Diagnosis:
    """Read and check a data set for a task, in the way that `reading` says.

    `pixels` says how far into the images to look: 'none' only lists folders, and opens images whose size boxes need and
    the data doesn't state; 'header' reads both ends of each file and decodes what looks cut off; 'full' decodes all.
    Objects come in pixels of the upright images. `progress(done, total)` counts images. Raises DataError where the
    data set can't be read at all.
    """
    data = read(path, task, reading)
    table = data.table
    # What is wrong with a row, by its number: each step looks only at rows without a finding so far.
    by_row = absent_images(table)
    inspections = {} if pixels == "none" else _inspect(table, by_row, pixels == "full", progress=progress)
    by_row |= {row: inspection.finding for row, inspection in inspections.items() if inspection.finding is not None}
    report = check_objects(table, _rows_without(table, by_row), inspections)
    table, by_row = report.table, by_row | dict(report.emptied)
    groups = groups_of_same(table, _rows_without(table, by_row), inspections)
    copies, warnings = duplicate_findings(table, groups)
    by_row |= copies
    rows = _rows_without(table, by_row)
    usable = table.take(rows).without_empty_classes()
    unread = [*data.findings, *report.findings]
    findings = (
        *map(_quarantine_unread, unread),
        *_quarantine_rows(table, by_row),
        *warnings,
        *image_remarks(table, inspections),
        *_check_what_is_left(data.table, usable, [*unread, *by_row.values()]),
        *class_findings(usable, task),
        *(() if pixels == "none" else sequence_findings(usable)),
        *trainable_findings(usable, task, groups[rows]),
    )
    return Diagnosis(Path(path), task, table=usable, findings=findings, groups=groups[rows])


def without_leaks(training: Diagnosis, validation: Diagnosis) -> Diagnosis:
    """Leave out the training images that separate validation data also holds."""
    table = training.table
    leaks = leaking_rows(table, validation.table)
    rows = _rows_without(table, leaks)
    return replace(
        training,
        table=table.take(rows),
        findings=(*training.findings, *_quarantine_rows(table, leaks)),
        groups=training.groups[rows],
    )


def _inspect(
    table: Table, by_row: Mapping[int, Finding], decode: bool, progress: Progress | None
) -> dict[int, Inspection]:
    """An inspection of every row that has a file."""
    rows = _rows_without(table, by_row).tolist()
    inspections = inspect_all([table.images[row] for row in rows], decode, progress)
    return dict(zip(rows, inspections, strict=True))


def _rows_without(table: Table, by_row: Mapping[int, Finding]) -> Rows:
    """The rows without a finding."""
    usable = np.ones(len(table), dtype=bool)
    usable[list(by_row)] = False
    return np.flatnonzero(usable)


def _quarantine_unread(finding: Finding) -> Finding:
    """Mark an error of a reader, or of one object: the line or the object that it is about isn't used."""
    costs_one = finding.severity == "error" and not CHECKS[finding.check].of_all
    return replace(finding, quarantines=finding.where) if costs_one else finding


def _quarantine_rows(table: Table, by_row: Mapping[int, Finding]) -> Iterator[Finding]:
    """The findings about rows that aren't used, each with its place and its image, in the order of the rows."""
    for row in sorted(by_row):
        yield replace(at_row(by_row[row], table, row), quarantines=table.images[row])


def _check_what_is_left(table: Table, usable: Table, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Errors about a split or a class without a usable image; without any at all, one with the commonest reason."""
    if len(usable) == 0:
        errors = [finding for finding in findings if finding.severity == "error"]
        commonest = Counter(finding.check for finding in errors).most_common(1)
        messages = [finding.message for finding in errors if commonest and finding.check == commonest[0][0]]
        reason = "".join(f"; the most frequent reason: {message}" for message in messages[:1])
        yield Finding.of("data-empty", f"none of the {len(table)} images can be used{reason}", table.root)
        return
    for split, name in enumerate(SPLITS):
        if np.any(table.split == split) and not np.any(usable.split == split):
            yield Finding.of("split-empty", f"no {name} image can be used", table.root)
    for name in sorted(set(table.classes) - set(usable.classes)):
        message = f"no image of class '{name}' can be used"
        yield Finding.of("class-empty", message, table.root).advising("replace the images that were set aside")
