"""What a training would refuse though each image can be used: rows that can't be divided, splits without objects."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from vistry.data import splits
from vistry.data.findings import Finding, FindingError
from vistry.data.table import Table

# Images up to which the split is drawn to see what it gives; what can go wrong in a draw goes wrong with few.
SIMULATED = 2_000
ONLY_CROWDS = "has an object that isn't a crowd"


def trainable_findings(table: Table, task: str, groups: npt.NDArray[np.int64]) -> Iterator[Finding]:
    """The findings about usable rows as a training divides them when nothing else is asked of it.

    `groups`: [N] equal where rows show the same image. Data that is all for validation or testing is meant for it.
    """
    if not np.any(~np.isin(table.split, (splits.VALIDATION, splits.TEST))):
        return
    if len(table) > SIMULATED and not np.any(table.split == splits.VALIDATION):
        if table.objects is not None and not has_ordinary_object(table):
            message = f"none of the {len(table)} images {ONLY_CROWDS}, so there is nothing to learn"
            yield Finding.of("objects-crowd", message, table.root)
        return
    try:
        training, validation = splits.split(table, task, groups=groups)
    except FindingError as error:
        yield Finding.of("split-impossible", error.finding.message, table.root).advising(error.finding.remedy)
        return
    if table.objects is None:
        return
    if not has_ordinary_object(table.take(training)):
        message = f"none of the {len(training)} training images {ONLY_CROWDS}, so there is nothing to learn"
        yield Finding.of("objects-crowd", message, table.root)
    elif not has_ordinary_object(table.take(validation)):
        message = f"none of the {len(validation)} validation images {ONLY_CROWDS}, so there is nothing to measure"
        yield Finding.of("validation-unlabelled", message, table.root)


def has_ordinary_object(table: Table) -> bool:
    """Whether a row of a table of objects has one that metrics count."""
    return table.objects is not None and not bool(table.objects.crowd.all())
