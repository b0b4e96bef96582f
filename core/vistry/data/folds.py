"""Folds for cross-validation: each image in one of them, every class in all, and what belongs together in one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vistry.data.group_split import class_counts
from vistry.data.splits import TEST
from vistry.data.table import Table
from vistry.errors import DataError

Folds = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]
OUTSIDE = -1  # the fold of an image that takes no part
FEWEST, MOST = 2, 100


def assign_folds(table: Table, count: int, seed: int = 0, groups: npt.ArrayLike | None = None) -> Folds:
    """[N] the fold of each row, from 0; OUTSIDE for rows of the data's test split.

    Whole `groups` ([N] integers) are dealt, the largest first and those of rare classes before others, each to the fold
    that lacks its classes most and then to the one with the fewest rows, so that single rows of one label each come out
    within one of an even share, by class and in all. Of equal groups the order is random; the same seed gives the same
    folds. Raises DataError for validation rows of the data's own, and for fewer groups than folds.
    """
    if not FEWEST <= count <= MOST:
        raise DataError(f"folds must be from {FEWEST} to {MOST}, got {count}")
    own = len(table.rows_of("validation"))
    if own:
        raise DataError(
            f"--folds measures on every image once, and the data names {own} validation images of its own; name a "
            "folder or file without splits, or leave out --folds"
        )
    folds = np.full(len(table), OUTSIDE, dtype=np.int64)
    rows = np.flatnonzero(table.split != TEST)
    member = _members(rows, groups)
    number = int(member.max()) + 1 if len(member) else 0
    if number < count:
        what = "distinct images" if number == len(rows) else f"groups, of the {len(rows)} images that belong together,"
        raise DataError(f"{number} {what} can't be divided into {count} folds; take at most {number}, or add images")
    counts = class_counts(member, table.take(rows).class_sets(), len(table.classes))
    folds[rows] = _deal(counts, count, np.random.default_rng(seed))[member]
    return folds


def single_group_classes(table: Table, folds: Folds) -> list[str]:
    """The classes that have images in one fold alone, so that the model which is asked about them never saw any."""
    starts, labels = table.class_sets()
    of_label = np.repeat(folds, np.diff(starts))
    return [
        name
        for label, name in enumerate(table.classes)
        if len(np.unique(of_label[(labels == label) & (of_label != OUTSIDE)])) == 1
    ]


def _members(rows: npt.NDArray[np.int64], groups: npt.ArrayLike | None) -> npt.NDArray[np.int64]:
    """[R] the group of each of these rows, from 0."""
    if groups is None:
        return np.arange(len(rows))
    _, member = np.unique(np.asarray(groups)[rows], return_inverse=True)
    return np.asarray(member.reshape(-1), dtype=np.int64)


def _deal(counts: Counts, folds: int, random: np.random.Generator) -> Folds:
    """[G] the fold of each group. counts: [G, C + 1] the rows of each group with each class, and all its rows."""
    total = counts.sum(axis=0)
    share = total / folds
    # A class counts as much as any other, however many rows it has.
    weight = 1 / np.maximum(total[:-1], 1) ** 2
    dealt = np.zeros((folds, counts.shape[1]))
    chosen = np.zeros(len(counts), dtype=np.int64)
    for group in _order(counts, random).tolist():
        classes = np.flatnonzero(counts[group, :-1])
        added = counts[group, classes]
        # By how much the squared distance from even shares would grow, per fold.
        lacking = (weight[classes] * added * (added + 2 * (dealt[:, classes] - share[classes]))).sum(axis=1)
        best = np.flatnonzero(lacking <= lacking.min() + 1e-12 * weight.max())
        fewest = best[dealt[best, -1] == dealt[best, -1].min()]
        chosen[group] = random.choice(fewest)
        dealt[chosen[group]] += counts[group]
    return chosen


def _order(counts: Counts, random: np.random.Generator) -> Counts:
    """[G] the groups, the largest first, of equal ones those with the rarest class."""
    total = counts[:, :-1].sum(axis=0)
    rarest = np.where(counts[:, :-1] > 0, total, np.iinfo(np.int64).max).min(axis=1, initial=np.iinfo(np.int64).max)
    label = np.where(counts[:, :-1] > 0, total, np.iinfo(np.int64).max).argmin(axis=1) if len(total) else rarest
    return np.lexsort((random.permutation(len(counts)), label, rarest, -counts[:, -1])).astype(np.int64)
