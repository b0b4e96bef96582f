"""Groups of images that belong together, in the plan of a training and in what a run says of its split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from vistry.data.doctor import Diagnosis
from vistry.data.findings import Finding
from vistry.data.grouping import Grouping, grouping_of, names_by_split, straddling
from vistry.data.table import Table
from vistry.runs.records import SplitRecord


def grouped(diagnosis: Diagnosis, by: str) -> tuple[Diagnosis, Grouping]:
    """The groups of a data set, and its diagnosis with a warning where its own splits part some. Raises DataError."""
    grouping = grouping_of(diagnosis.table, by)
    warnings = straddling(by, names_by_split(diagnosis.table, grouping), diagnosis.table.root)
    return _with(diagnosis, warnings), grouping


def grouped_apart(training: Diagnosis, validation: Diagnosis, by: str | None) -> tuple[Diagnosis, SplitRecord]:
    """The diagnosis with a warning where groups are in both of two data sets; and the record. Raises DataError."""
    if by is None:
        return _with(training), SplitRecord(way="apart")
    first, second = grouping_of(training.table, by), grouping_of(validation.table, by)
    warnings = straddling(by, {"train": first.names, "validation": second.names}, validation.table.root)
    whole = Grouping(by, (*first.names, *second.names))
    record = SplitRecord(
        way="apart", group_by=by, groups=whole.count, validation_groups=second.count, ungrouped=whole.ungrouped
    )
    return _with(training, warnings), record


def _with(diagnosis: Diagnosis, findings: Iterable[Finding] = ()) -> Diagnosis:
    """The diagnosis with more findings, and without the advice to do what has been done."""
    others = (finding for finding in diagnosis.findings if finding.check != "group-suspected")
    return replace(diagnosis, findings=(*others, *findings))


def split_record(table: Table, grouping: Grouping, validation: npt.NDArray[np.int64]) -> SplitRecord:
    """How a table was divided by groups, whose validation rows these are."""
    return SplitRecord(
        way="given" if len(table.rows_of("validation")) else "drawn",
        group_by=grouping.by,
        groups=grouping.count,
        validation_groups=len({grouping.names[row] for row in validation.tolist()} - {""}),
        ungrouped=grouping.ungrouped,
    )
