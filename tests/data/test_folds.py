"""Folds: each image in one, every class in all, and what belongs together in one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from vistry.data.folds import OUTSIDE, assign_folds, single_group_classes
from vistry.data.table import Table
from vistry.errors import DataError

TableOf = Callable[..., Table]
CASES = range(40)


def counts_by_fold(table: Table, folds: np.ndarray, count: int) -> np.ndarray:
    """[K, C] the images of each class in each fold."""
    hot = table.multi_hot()
    return np.array([hot[folds == fold].sum(axis=0) for fold in range(count)])


@pytest.mark.parametrize("case", CASES)
def test_single_images_come_out_within_one_of_an_even_share(table_of: TableOf, case: int) -> None:
    random = np.random.default_rng(case)
    classes, rows, count = random.integers((2, 10, 2), (7, 200, 8)).tolist()
    labels = random.integers(0, classes, rows) ** 2 // classes  # some classes are rare
    table = table_of([[label] for label in labels.tolist()], classes=classes)
    folds = assign_folds(table, count, seed=case)
    by_class = counts_by_fold(table, folds, count)
    assert set(folds.tolist()) <= set(range(count))
    assert (by_class.max(axis=0) - by_class.min(axis=0)).max() <= 1
    assert np.ptp(np.bincount(folds, minlength=count)) <= 1


@pytest.mark.parametrize("case", CASES)
def test_groups_stay_whole_and_classes_come_near_their_shares(table_of: TableOf, case: int) -> None:
    random = np.random.default_rng(case)
    count, rows, classes = 4, 240, 3
    groups = random.integers(0, 60, rows)
    labels = [random.permutation(classes)[: random.integers(1, 3)].tolist() for _ in range(rows)]
    table = table_of(labels, classes=classes)
    folds = assign_folds(table, count, seed=case, groups=groups)
    for group in np.unique(groups):
        assert len(set(folds[groups == group].tolist())) == 1
    by_class = counts_by_fold(table, folds, count)
    assert (np.abs(by_class - by_class.mean(axis=0)) <= 0.15 * by_class.mean(axis=0) + 2).all()


def test_the_seed_decides(table_of: TableOf) -> None:
    table = table_of([[row % 3] for row in range(60)])
    first, again, other = (assign_folds(table, 5, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_rows_of_the_test_split_take_no_part(table_of: TableOf) -> None:
    splits = ["test" if row < 6 else "train" for row in range(30)]
    folds = assign_folds(table_of([[row % 2] for row in range(30)], splits), 3)
    assert (folds[:6] == OUTSIDE).all()
    assert np.bincount(folds[6:]).tolist() == [8, 8, 8]


def test_validation_images_of_the_data_are_refused(table_of: TableOf) -> None:
    table = table_of([[row % 2] for row in range(10)], ["validation", *["train"] * 9])
    with pytest.raises(DataError, match=r"names 1 validation images of its own; name a folder .* or leave out --folds"):
        assign_folds(table, 3)


@pytest.mark.parametrize("count", [-1, 0, 1, 101])
def test_a_number_of_folds_that_makes_no_sense_is_refused(table_of: TableOf, count: int) -> None:
    with pytest.raises(DataError, match=f"folds must be from 2 to 100, got {count}"):
        assign_folds(table_of([[0], [1]]), count)


def test_fewer_images_or_groups_than_folds_are_refused(table_of: TableOf) -> None:
    table = table_of([[row % 2] for row in range(6)])
    with pytest.raises(DataError, match="6 distinct images can't be divided into 7 folds; take at most 6"):
        assign_folds(table, 7)
    with pytest.raises(DataError, match="2 groups, of the 6 images that belong together, can't be divided into 3"):
        assign_folds(table, 3, groups=[0, 0, 0, 1, 1, 1])


def test_images_without_a_label_are_dealt_too(table_of: TableOf) -> None:
    folds = assign_folds(table_of([[], [], [], [0], [0], [0]]), 3)
    assert np.bincount(folds[:3]).tolist() == [1, 1, 1]


def test_classes_that_only_one_fold_has_are_named(table_of: TableOf) -> None:
    table = table_of([[0], [0], [0], [1], [2], [2]])
    assert single_group_classes(table, np.array([0, 1, 0, 1, 0, 0])) == ["c1", "c2"]
