"""Draw whole groups of rows for validation, so that every class keeps its share as well as that goes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vistry.data.offsets import segment_ids

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]

# Rounds in which groups may change sides; few are ever needed.
ROUNDS = 5


def class_counts(member: Counts, class_sets: tuple[Counts, npt.NDArray[np.int32]], class_count: int) -> Counts:
    """[G, C + 1] the rows of each group with each class, and all its rows; `member` [N] is each row's group."""
    starts, labels = class_sets
    groups = int(member.max()) + 1
    pairs = member[segment_ids(starts)] * class_count + labels
    by_class = np.bincount(pairs, minlength=groups * class_count).reshape(groups, class_count)
    return np.column_stack([by_class, np.bincount(member, minlength=groups)]).astype(np.int64)


def draw_groups(counts: Counts, fraction: float, random: np.random.Generator) -> Chosen:
    """[G] True for the groups drawn, whose rows by class and in all are near `fraction` of them. counts: [G, C + 1].

    From the largest group on, each goes where the shares come nearest to what is wanted; then groups change sides
    while that brings them nearer. A class of two groups and more has one on each side where that is possible, and no
    class is left without a group for training. Of equal groups the order is random.
    """
    draw = _Draw(counts, fraction)
    order = random.permutation(len(counts))
    order = order[np.argsort(-counts[order, -1], kind="stable")]
    for _ in range(ROUNDS):
        if not sum(draw.flip_if_better(int(group)) for group in order):
            break
    for column in np.argsort(draw.total, kind="stable").tolist():
        draw.add_one_of(column, order)
    return draw.chosen


class _Draw:
    """The groups chosen so far, and how far their shares are from what is wanted."""

    def __init__(self, counts: Counts, fraction: float):
        self.chosen = np.zeros(len(counts), dtype=bool)
        self.total = counts.sum(axis=0)
        self._counts, self._present = counts, counts > 0
        # Rows in all count as much as all classes together.
        weight = np.ones(counts.shape[1])
        weight[-1] = max(1, counts.shape[1] - 1)
        self._weight = weight / np.maximum(self.total, 1) ** 2
        self._missing = fraction * self.total
        self._training_groups = self._present.sum(axis=0)
        self._least = np.minimum(self._training_groups, 1)

    def flip_if_better(self, group: int) -> bool:
        """Move a group to the other side if that brings the shares nearer."""
        if self.chosen[group]:
            change = -self._counts[group]
        elif self._may_leave_training(group):
            change = self._counts[group]
        else:
            return False
        if self._distance(self._missing - change) >= self._distance(self._missing):
            return False
        self._flip(group, change)
        return True

    def add_one_of(self, column: int, order: Counts) -> None:
        """Where a class (or, in the last column, every class) isn't drawn at all, draw the group that fits best."""
        if self._present[self.chosen, column].any():
            return
        able = [int(group) for group in order if self._present[group, column] and self._may_leave_training(int(group))]
        if able:
            group = min(able, key=lambda one: self._distance(self._missing - self._counts[one]))
            self._flip(group, self._counts[group])

    def _flip(self, group: int, change: Counts) -> None:
        self._missing = self._missing - change
        self._training_groups = self._training_groups + np.where(self.chosen[group], 1, -1) * self._present[group]
        self.chosen[group] = not self.chosen[group]

    def _may_leave_training(self, group: int) -> bool:
        left = self._training_groups - self._present[group]
        return bool(np.all(left >= self._least))

    def _distance(self, missing: Floats) -> float:
        return float((self._weight * missing**2).sum())
