"""Draw validation rows so that every class keeps its share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vistry.data.table import gather_labels

Counts = npt.NDArray[np.int64]
Wants = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]


def draw_per_class(
    labels: npt.NDArray[np.int32], class_count: int, fraction: float, random: np.random.Generator
) -> Chosen:
    """[N] True for the rows drawn, by largest remainder over the classes of `labels` ([N], one a row)."""
    quota = validation_quota(np.bincount(labels, minlength=class_count), fraction)
    shuffled = random.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    sizes = np.bincount(labels, minlength=class_count)
    place = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[by_class[place < np.repeat(quota, sizes)]] = True
    return chosen


def validation_quota(sizes: npt.NDArray[np.integer], fraction: float) -> Counts:
    """[C] how many of each class validate, within one of its share; of two and more at least one on each side.

    What the shares' whole parts leave of `fraction` of all, rounded, goes to the largest remainders.
    """
    share = fraction * sizes
    # A share such as 0.3 * 10 may come out as 2.9999999999999996.
    quota: Counts = np.minimum(np.floor(share + 1e-9), np.maximum(sizes - 1, 0)).astype(np.int64)
    quota[(quota == 0) & (sizes > 1)] = 1
    spare = round(fraction * int(sizes.sum())) - int(quota.sum())
    by_remainder = np.lexsort((-sizes, quota - share))
    able = by_remainder[quota[by_remainder] < sizes[by_remainder] - 1]
    quota[able[: max(spare, 0)]] += 1
    return quota


def iterative_stratification(
    label_starts: Counts,
    labels: npt.NDArray[np.int32],
    class_count: int,
    fraction: float,
    random: np.random.Generator,
) -> Chosen:
    """[N] True for the rows drawn, when each may have several labels (CSR: starts [N + 1], labels [M]).

    Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label Data" (2011), algorithm 1 with two sides:
    the rarest label's rows go, one by one, to the side that wants this label most. All rows of a label are dealt at
    once, because a row changes only its own side's wants. A label with two rows wants at least one on each side.
    """
    rows = len(label_starts) - 1
    sizes = np.bincount(labels, minlength=class_count)
    wanted = wanted_per_side(sizes, fraction)
    wanted_rows = np.array([rows - max(1, rows * fraction), max(1, rows * fraction)])
    members = np.split(_rows_by_label(label_starts, labels), np.cumsum(sizes)[:-1])
    remaining = sizes.copy()
    undealt = np.ones(rows, dtype=bool)
    chosen = np.zeros(rows, dtype=bool)

    def deal(group: Counts, wants: Wants) -> None:
        shuffled = random.permutation(group)
        drawn = dealt_to_validation(len(group), wants, wanted_rows)
        undealt[group] = False
        chosen[shuffled[:drawn]] = True
        for side, part in enumerate((shuffled[drawn:], shuffled[:drawn])):
            counts = np.bincount(gather_labels(label_starts, labels, part), minlength=class_count)
            wanted_rows[side] -= len(part)
            wanted[side] -= counts
            remaining[:] -= counts

    while (remaining > 0).any():
        label = int(np.argmin(np.where(remaining > 0, remaining, rows + 1)))
        deal(members[label][undealt[members[label]]], wanted[:, label])
    deal(np.flatnonzero(undealt), wanted_rows)
    return chosen


def wanted_per_side(sizes: npt.NDArray[np.integer], fraction: float) -> Wants:
    """[2, C] rows of each label wanted for training and for validation, at least one on each side of two."""
    validation = np.where(sizes > 1, np.clip(sizes * fraction, 1, np.maximum(sizes - 1, 1)), 0)
    return np.stack([sizes - validation, validation])


def dealt_to_validation(count: int, wanted: Wants, wanted_rows: Wants) -> int:
    """Of `count` rows, how many validate when each goes to the side that wants the label most, then rows most."""
    (train, validation), (train_rows, validation_rows) = wanted.tolist(), wanted_rows.tolist()
    drawn = 0
    for _ in range(count):
        if (validation, validation_rows) > (train, train_rows):
            validation, validation_rows, drawn = validation - 1, validation_rows - 1, drawn + 1
        else:
            train, train_rows = train - 1, train_rows - 1
    return drawn


def _rows_by_label(label_starts: Counts, labels: npt.NDArray[np.int32]) -> Counts:
    """[M] the row of every label, sorted by label."""
    row_of = np.repeat(np.arange(len(label_starts) - 1), np.diff(label_starts))
    sorted_rows: Counts = row_of[np.argsort(labels, kind="stable")]
    return sorted_rows
