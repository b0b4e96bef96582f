"""Which rows train and which validate: the data's own assignment, or a seeded stratified split."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vistry.data.findings import Finding, FindingError
from vistry.data.group_split import class_counts, draw_groups
from vistry.data.readers.labels import MULTICLASS
from vistry.data.stratification import draw_per_class, iterative_stratification
from vistry.data.table import SPLITS, Table
from vistry.errors import DataError

Rows = npt.NDArray[np.int64]
VALIDATION = SPLITS.index("validation")
TEST = SPLITS.index("test")


def split(
    table: Table,
    task: str,
    fraction: float = 0.2,
    seed: int = 0,
    groups: npt.ArrayLike | None = None,
) -> tuple[Rows, Rows]:
    """Training rows and validation rows, ascending; rows of the test split are in neither.

    Where the data assigns validation rows, they are those, and the rest trains. Otherwise `fraction` of the rows is
    drawn, stratified by class. Rows with equal `groups` ([N] integers) stay together. The same seed gives the same
    rows. Raises DataError where one side would be empty.
    """
    if not 0 < fraction < 1:
        raise DataError(f"the validation fraction must be between 0 and 1, such as 0.2; got {fraction}")
    if np.any(table.split == VALIDATION):
        return _given(table)
    rows = np.flatnonzero(table.split != TEST)
    if len(rows) < 2:
        raise FindingError(_too_few(table, len(rows)))
    first, member = _representatives(rows, groups)
    chosen = _draw(table.take(rows[first]), task, fraction, random=np.random.default_rng(seed))[member]
    if not chosen.any():
        raise FindingError(_nothing_to_hold_out(table, len(first)))
    return rows[~chosen], rows[chosen]


def split_by_groups(table: Table, groups: npt.ArrayLike, fraction: float = 0.2, seed: int = 0) -> tuple[Rows, Rows]:
    """What `split` gives, drawn in whole `groups` ([N] integers), which may be large, so that each is on one side.

    Raises DataError where there is but one group.
    """
    if np.any(table.split == VALIDATION):
        return _given(table)
    rows = np.flatnonzero(table.split != TEST)
    _, member = np.unique(np.asarray(groups)[rows], return_inverse=True)
    member = member.reshape(-1).astype(np.int64)
    counts = class_counts(member, table.take(rows).class_sets(), len(table.classes)) if len(rows) else None
    if counts is None or len(counts) < 2:
        raise FindingError(_one_group(table, len(rows)))
    chosen = draw_groups(counts, fraction, random=np.random.default_rng(seed))[member]
    if not chosen.any():
        raise FindingError(_no_group_to_hold_out(table, len(counts)))
    return rows[~chosen], rows[chosen]


def _given(table: Table) -> tuple[Rows, Rows]:
    train = np.flatnonzero((table.split != VALIDATION) & (table.split != TEST))
    if len(train) == 0:
        message = "the data has validation images but no training image that can be used"
        raise FindingError(Finding.of("data-empty", message, table.root))
    return train, np.flatnonzero(table.split == VALIDATION)


def _representatives(rows: Rows, groups: npt.ArrayLike | None) -> tuple[Rows, Rows]:
    """One position in `rows` for each group, and for each row the index of its group."""
    if groups is None:
        return np.arange(len(rows)), np.arange(len(rows))
    _, first, member = np.unique(np.asarray(groups)[rows], return_index=True, return_inverse=True)
    return first.astype(np.int64), member.reshape(-1).astype(np.int64)


def _draw(table: Table, task: str, fraction: float, random: np.random.Generator) -> npt.NDArray[np.bool_]:
    """[N] True where a row validates."""
    if task == MULTICLASS:
        return draw_per_class(table.labels, len(table.classes), fraction, random=random)
    return iterative_stratification(
        *table.class_sets(), class_count=len(table.classes), fraction=fraction, random=random
    )


def _too_few(table: Table, count: int) -> Finding:
    message = f"{count} image(s) can't be split into training and validation; at least two are needed"
    return Finding.of("data-empty", message, table.root).advising("add images")


def _nothing_to_hold_out(table: Table, distinct: int) -> Finding:
    message = f"none of the {distinct} distinct images can be held out: no class has two"
    remedy = "add images to the classes, or give a validation set"
    return Finding.of("data-empty", message, table.root).advising(remedy)


def _one_group(table: Table, count: int) -> Finding:
    message = f"all {count} images belong together, so none can be held out for validation"
    return Finding.of("data-empty", message, table.root).advising("name smaller groups, or give a validation set")


def _no_group_to_hold_out(table: Table, groups: int) -> Finding:
    message = f"none of the {groups} groups of images can be held out: each has a class that no other has"
    return Finding.of("data-empty", message, table.root).advising("name smaller groups, or give a validation set")
